"""What the core knows at a commit: all that a restart needs besides the log."""

from collections.abc import Mapping

import msgspec

from metrics.frames.core.frame import Reason
from metrics.frames.core.windows import Series
from metrics.frames.sizes import SECOND, SIZES


class Tally(msgspec.Struct, array_like=True):
    """What became of the frames of one partition, or of several together.

    The law of conservation: consumed = counted + late + invalid + future + held + lost.

    Attributes:
        consumed: frames read, each once, however often a restart read it again.
        counted: frames that count for their second, and for every larger window that it lies in.
        late: frames that came after their second was closed.
        late_in_minute: late frames that still count for their minute, or for another larger window.
        held: frames that wait for proof of a ts far ahead.
        lost: frames that were counted or held, but gone from the topic before their second was closed.
        rejected: frames rejected, by reason; `late` holds those late frames that count for nothing.
    """

    consumed: int = 0
    counted: int = 0
    late: int = 0
    late_in_minute: int = 0
    held: int = 0
    lost: int = 0
    rejected: dict[str, int] = {}

    @property
    def future(self) -> int:
        """Frames whose ts was too far ahead to be true."""
        return self.rejected.get(Reason.FUTURE, 0)

    @property
    def invalid(self) -> int:
        """Frames that are no frames at all."""
        return sum(self.rejected.values()) - self.rejected.get(Reason.LATE, 0) - self.future

    @property
    def decided(self) -> int:
        """Frames that were decided on: all but those held."""
        return self.consumed - self.held

    @property
    def wrong(self) -> int:
        """Late, invalid and future frames."""
        return self.late + self.invalid + self.future

    @property
    def error_rate(self) -> float:
        """Late, invalid and future frames as a share of those decided on."""
        return self.wrong / self.decided if self.decided else 0.0

    def is_conserved(self) -> bool:
        """Tell whether every frame consumed became exactly one thing."""
        late_lost = self.rejected.get(Reason.LATE, 0)
        parts = self.counted + self.late + self.invalid + self.future + self.held + self.lost
        return self.consumed == parts and self.late == self.late_in_minute + late_lost

    def add(self, other: "Tally") -> None:
        """Add another partition's frames."""
        self.consumed += other.consumed
        self.counted += other.counted
        self.late += other.late
        self.late_in_minute += other.late_in_minute
        self.held += other.held
        self.lost += other.lost
        for reason, frames in other.rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + frames

    def since(self, before: "Tally") -> "Tally":
        """Return what came after another tally of the same frames; held or lost may be below 0."""
        rejected = {reason: frames - before.rejected.get(reason, 0) for reason, frames in self.rejected.items()}
        return Tally(
            self.consumed - before.consumed,
            self.counted - before.counted,
            self.late - before.late,
            self.late_in_minute - before.late_in_minute,
            self.held - before.held,
            self.lost - before.lost,
            {reason: frames for reason, frames in rejected.items() if frames},
        )


# The future guard that holds every jump of event time. The one before it held only those beyond future_limit_s.
GUARD_VERSION = 2


class Rules(msgspec.Struct, array_like=True, frozen=True):
    """What frames are judged by.

    Attributes:
        lateness_s: the allowed lateness, in seconds of event time.
        future_limit_s: how far ahead of its partition's event time a frame counts that nothing proves, in seconds.
        version: which future guard judged; 1 for states that do not tell it.
    """

    lateness_s: int
    future_limit_s: int
    version: int = 1

    def __str__(self) -> str:
        return f"LATENESS_S={self.lateness_s} FUTURE_LIMIT_S={self.future_limit_s}"


class PartitionState(msgspec.Struct, array_like=True):
    """One partition at a commit: what a restart needs besides the frames from the restart offset on.

    Attributes:
        position: offset of the next record to read.
        restart_offset: offset of the earliest frame that an open window needs, or that is held.
        newest_at_restart: the event clock's newest ts before that frame was counted.
        newest: the event clock's largest ts, -1 before the first frame.
        watermark: the event clock's watermark, with what idle time closed.
        open: frames counted whose second is open; a restart finds as many.
        resolved_at: the position at which frames that were held were last resolved without proof, 0 if never.
        resolved_against: event time of the whole input then.
        tally: what became of the partition's frames before position.
        held_at: offset of the first frame that is held, -1 without any; a restart finds it by itself.
        added_at_watermark: the watermark of the input when the partition was added, with which its own began; 0 for
            partitions of the first run.
        furthest: the event clock's furthest ts that counts, -1 before the first frame.
        recorded_s: when the frame that newest is of was recorded, in seconds since the epoch; -1 where it is not known.
        recorded_s_at_restart: the same for newest_at_restart.
        ends: positions at which frames that were held were resolved without proof, and event time of the whole input
            then; the last ones.
        oldest: the start of the earliest open window with frames of it, by the size in seconds, where there is one; a
            restart finds it by itself.
    """

    position: int
    restart_offset: int
    newest_at_restart: int = -1
    newest: int = -1
    watermark: int = 0
    open: int = 0
    resolved_at: int = 0
    resolved_against: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)
    # For `status` only. States saved by earlier versions lack it and `oldest`, and can be resumed.
    held_at: int = -1
    added_at_watermark: int = 0
    # Likewise not in a state of an earlier program, which had no frames ahead of event time.
    furthest: int = -1
    recorded_s: int = -1
    recorded_s_at_restart: int = -1
    ends: list[tuple[int, int]] = []
    oldest: dict[int, int] = {}

    @classmethod
    def added(cls, start: int, closing_to: int) -> "PartitionState":
        """Return a partition that was added to the topic: what is closed is closed for it, too."""
        return cls(start, start, watermark=closing_to, added_at_watermark=closing_to)


class State(msgspec.Struct):
    """The whole core at a commit.

    Attributes:
        closing_to: the watermark that closing follows; what is open below it is closed next.
        rules: what the frames of the open windows were judged by.
        series: what was published, by the size of windows in seconds.
        partitions: the state of each partition.
    """

    closing_to: int
    rules: Rules
    series: dict[int, Series]
    partitions: dict[int, PartitionState]

    @classmethod
    def fresh(cls, starts: Mapping[int, int], rules: Rules) -> "State":
        """Return the state before anything was read, from the offset of each partition's first record."""
        partitions = {partition: PartitionState(at, at) for partition, at in starts.items()}
        return cls(0, rules, {size.size_s: Series() for size in SIZES}, partitions)

    @property
    def closed_through(self) -> int:
        """Where the seconds that are closed end."""
        return self.series[SECOND.size_s].closed_through

    def add_sizes(self) -> None:
        """Let each size that the state does not know begin with the first window that no closed frame lies in."""
        through = min(series.closed_through for series in self.series.values())
        for size in SIZES:
            if size.size_s not in self.series:
                self.series[size.size_s] = Series(closed_through=size.end_of(through - 1) if through else 0)

    @property
    def counted_since(self) -> int:
        """Start of the first second that averages and counters are over, after a reset; 0 if over all frames."""
        return self.series[SECOND.size_s].since

    def needs_frames(self) -> bool:
        """Tell whether a restart needs frames before the positions: windows are open, or frames are held."""
        return any(partition.restart_offset < partition.position for partition in self.partitions.values())
