"""The whole core: frames of several partitions go in, records of closed windows come out."""

from collections.abc import Iterator, Mapping
from copy import copy

import msgspec

from metrics.errors import StateError
from metrics.frames.event_clock import MINUTE_S, EventClock, common_watermark, end_of_input, minute_of
from metrics.frames.frame import Frame, Reason, Rejection, read_frame
from metrics.frames.frame_log import FrameLog
from metrics.frames.windows import Record, Series, Windows


class Tally(msgspec.Struct, array_like=True):
    """What became of the frames of one partition, or of several together.

    The law of conservation: consumed = counted + late + rejected, the rejected without those that were late.

    Attributes:
        consumed: frames read, each once, however often a restart read it again.
        counted: frames that count for their second and minute.
        late: frames that came after their second was closed.
        joined: late frames that still count for their minute.
        rejected: frames rejected, by reason; `late` holds those late frames that count for nothing.
    """

    consumed: int = 0
    counted: int = 0
    late: int = 0
    joined: int = 0
    rejected: dict[str, int] = {}

    @property
    def invalid(self) -> int:
        """Frames that are no frames at all."""
        return sum(self.rejected.values()) - self.rejected.get(Reason.LATE, 0)

    @property
    def error_rate(self) -> float:
        """Late and invalid frames as a share of all."""
        return (self.late + self.invalid) / self.consumed if self.consumed else 0.0

    def is_conserved(self) -> bool:
        """Tell whether every frame consumed became exactly one thing."""
        late_lost = self.rejected.get(Reason.LATE, 0)
        return self.consumed == self.counted + self.late + self.invalid and self.late == self.joined + late_lost

    def add(self, other: "Tally") -> None:
        """Add another partition's frames."""
        self.consumed += other.consumed
        self.counted += other.counted
        self.late += other.late
        self.joined += other.joined
        for reason, frames in other.rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + frames


class PartitionState(msgspec.Struct):
    """One partition at a commit: what a restart needs besides the frames from the low-water mark on.

    Attributes:
        position: offset of the next record to read.
        low_water: offset of the earliest frame that an open window needs.
        newest: the event clock's largest ts, -1 before the first frame.
        watermark: the event clock's watermark, with what idle time closed.
        tally: what became of the partition's frames before position.
    """

    position: int
    low_water: int
    newest: int = -1
    watermark: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)


class State(msgspec.Struct):
    """The whole core at a commit.

    Attributes:
        closing_to: the watermark that closing follows; what is open below it is closed next.
        lateness_s: the allowed lateness, in seconds, that the open windows were counted with.
        seconds: what was published of seconds.
        minutes: what was published of minutes.
        partitions: the state of each partition.
    """

    closing_to: int
    lateness_s: int
    seconds: Series
    minutes: Series
    partitions: dict[int, PartitionState]

    @classmethod
    def fresh(cls, starts: Mapping[int, int], lateness_s: int) -> "State":
        """Return the state before anything was read, from the offset of each partition's first record."""
        partitions = {partition: PartitionState(at, at) for partition, at in starts.items()}
        return cls(0, lateness_s, Series(), Series(), partitions)

    def has_open_windows(self) -> bool:
        """Tell whether a restart needs frames before the positions."""
        return any(partition.low_water < partition.position for partition in self.partitions.values())


class PartitionCounter:
    """The frames of one partition: its event clock, its log, and its tally."""

    def __init__(self, windows: Windows, lateness_s: int, now_s: float) -> None:
        self.windows = windows
        self.clock = EventClock(lateness_s, now_s)
        self.log = FrameLog()
        self.position = 0
        self.current = -1  # the newest second while it is open: the second of nearly every frame
        self._tally = Tally()
        self._counted_before = 0  # frames counted that this log never held: before a restart

    def count(self, offset: int, value: bytes | None) -> Rejection | None:
        """Count one frame.

        Returns:
            Why it was rejected; None if it counts for its second, or at least for its minute.
        """
        self._tally.consumed += 1
        frame = read_frame(value)
        return self._reject(frame) if isinstance(frame, Rejection) else self._count_frame(frame, offset)

    def _count_frame(self, frame: Frame, offset: int) -> Rejection | None:
        ts = frame.ts
        if ts == self.current:
            self.log.uids.append(frame.uid)
        elif ts < self.clock.watermark:
            return self._count_late(frame, offset)
        elif ts > self.clock.newest:
            self.clock.advance(ts)
            self.current = ts
            self.log.start_second(ts, frame.uid, offset)
        else:
            self.log.add_straggler(ts, frame.uid, offset)
        return None

    def _count_late(self, frame: Frame, offset: int) -> Rejection | None:
        """Count a late frame for its minute, while the partition's own watermark leaves that open."""
        clock = self.clock
        clock.newest = max(clock.newest, frame.ts)
        self._tally.late += 1
        if minute_of(frame.ts) + MINUTE_S <= clock.watermark:
            detail = f"ts {frame.ts} came when event time was {clock.newest}; its minute was closed"
            return self._reject(Rejection(Reason.LATE, detail))
        self._tally.joined += 1
        self.log.note_minute(frame.ts, offset)
        self.windows.join_minute(frame.ts, (frame.uid,))
        return None

    def _reject(self, rejection: Rejection) -> Rejection:
        """Note a frame that counts for nothing."""
        rejected = self._tally.rejected
        rejected[rejection.reason] = rejected.get(rejection.reason, 0) + 1
        return rejection

    def rebuild(self, offset: int, value: bytes | None) -> None:
        """Put a frame from between low-water mark and position back where it stood when the state was saved.

        It is judged by a clock that starts anew at the low-water mark, and the judgement is that of old: whatever
        came before lies in closed minutes, so it cannot have made a frame of an open minute late.
        """
        frame = read_frame(value)
        if isinstance(frame, Rejection):
            return
        minute_end = minute_of(frame.ts) + MINUTE_S
        if minute_end <= self.windows.minutes.closed_through:
            return
        if frame.ts >= self.windows.seconds.closed_through:
            self._count_frame(frame, offset)
            return
        if frame.ts > self.clock.newest:
            self.clock.advance(frame.ts)
        if minute_end > self.clock.watermark:
            self.log.note_minute(frame.ts, offset)
            self.windows.join_minute(frame.ts, (frame.uid,))

    def read_to(self, position: int, now_s: float) -> None:
        """Note that the partition has sent something, and was read up to a position."""
        self.position = position
        self.clock.hear(now_s)

    def raise_watermark(self, watermark: int) -> None:
        """Let event time move on by what other partitions or wall time say."""
        self.clock.watermark = max(self.clock.watermark, watermark)
        if self.current < watermark:
            self.current = -1

    @property
    def tally(self) -> Tally:
        """What became of the frames so far."""
        self._tally.counted = self._counted_before + self.log.taken + len(self.log)
        return self._tally

    def closed_frames(self) -> int:
        """Return how many frames were counted in seconds that are closed."""
        return self.tally.counted - len(self.log)

    def state(self) -> PartitionState:
        """Return what a restart needs."""
        low_water = self.log.low_water(self.position)
        tally = Tally()
        tally.add(self.tally)
        return PartitionState(self.position, low_water, self.clock.newest, self.clock.watermark, tally)

    def resume(self, state: PartitionState) -> None:
        """Go on from a saved state, after the frames from its low-water mark to its position were rebuilt."""
        self.position = state.position
        self.clock.newest = state.newest
        self.clock.watermark = state.watermark
        self.current = state.newest if state.newest >= state.watermark else -1
        self._tally = Tally()
        self._tally.add(state.tally)
        self._counted_before = state.tally.counted - self.log.taken - len(self.log)


class Counter:
    """Counts the frames of some partitions: frames per second, unique users per minute.

    It starts from a saved state: give each partition's `rebuild` the frames from its low-water mark to its position,
    then call `resume`. Time is an argument: `now_s` is wall time in seconds, on any clock that never runs backwards.

    Raises:
        StateError: the state has open windows that were counted with another allowed lateness.
    """

    def __init__(self, saved: State, *, lateness_s: int, gap_limit_s: int, now_s: float) -> None:
        if saved.lateness_s != lateness_s and saved.has_open_windows():
            raise StateError(
                f"windows are open that were counted with LATENESS_S={saved.lateness_s}, not {lateness_s}",
                why="which of their frames were late would be judged anew, and differently",
                now=f"close them first: LATENESS_S={saved.lateness_s} python app.py --until-end",
            )
        self._saved = saved
        self._lateness_s = lateness_s
        self.windows = Windows(gap_limit_s)
        self.windows.closing_to = saved.closing_to
        self.windows.seconds = copy(saved.seconds)
        self.windows.minutes = copy(saved.minutes)
        self.partitions = {
            partition: PartitionCounter(self.windows, lateness_s, now_s) for partition in sorted(saved.partitions)
        }

    def resume(self) -> None:
        """Go on where the saved state stopped.

        Raises:
            StateError: the frames that were given to `rebuild` are not those that the state was saved with.
        """
        for partition, counter in self.partitions.items():
            counter.resume(self._saved.partitions[partition])
            counter.raise_watermark(self.windows.closing_to)
        closed = sum(counter.closed_frames() for counter in self.partitions.values())
        if closed != self.windows.seconds.total:
            raise StateError(
                "the input is not what the state was saved with",
                why=f"{closed:,} frames lie in closed seconds by what the topic holds now, "
                f"{self.windows.seconds.total:,} by what was published",
                now="bring the frames back: a topic of frames must be neither compacted nor written anew;\n"
                "or count anew with another CONSUMER_GROUP_ID and other output topics",
            )

    def close(self, now_s: float) -> Iterator[Record]:
        """Close the windows that event time has passed, in the order of event time.

        Between any two records the state may be saved; all of them must be taken in the end, and before the next
        frame is counted. After a restart, the first call takes up what an earlier run left unfinished.
        """
        return self._close(max(common_watermark(self._clocks(), now_s), self.windows.closing_to))

    def close_all(self) -> Iterator[Record]:
        """Close every window, for an input that ends here; in the way that `close` does."""
        return self._close(max(end_of_input(self._clocks()), self.windows.closing_to))

    def _close(self, watermark: int) -> Iterator[Record]:
        if watermark <= self.windows.minutes.closed_through:
            return iter(())
        for counter in self.partitions.values():
            counter.raise_watermark(watermark)  # only a silent partition, or one that ends here, is behind it
        return self.windows.close(watermark, [counter.log for counter in self.partitions.values()])

    def _clocks(self) -> list[EventClock]:
        return [counter.clock for counter in self.partitions.values()]

    def tally(self) -> Tally:
        """Return what became of all frames so far."""
        total = Tally()
        for counter in self.partitions.values():
            total.add(counter.tally)
        return total

    def state(self) -> State:
        """Return what a restart needs; nothing in it changes with the counter."""
        windows = self.windows
        return State(
            windows.closing_to,
            self._lateness_s,
            copy(windows.seconds),
            copy(windows.minutes),
            {partition: counter.state() for partition, counter in self.partitions.items()},
        )
