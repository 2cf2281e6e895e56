"""Event time: of one partition, and the watermark over all of them."""

from collections.abc import Collection

from metrics.frames.sizes import largest

IDLE_KNOWN_S = 3.0  # what was known of a silence is taken for known this long


class EventClock:
    """Event time of one partition.

    It moves with the partition's own frames alone, so every replay of the partition moves it alike. Only silence,
    which no replay can show, raises the watermark from outside; what it raised is part of the saved state.

    Attributes:
        newest: largest ts that has moved it; -1 before the first frame.
        recorded_s: when the record of that frame was written, by its Kafka timestamp; -1 where that is not known.
        furthest: largest ts that counts: frames ahead of newest may, without proof that event time has come so far.
        watermark: no second that ends at or before it takes another frame of this partition.
        moved_at_s: wall time at which newest was seen to be another one, on any clock that never runs backwards.
        idle_at_s: wall time at which the partition was known to be read to its end, and to have said nothing about
            time for as long as makes it idle; None if it was not.
    """

    __slots__ = (
        "_seen_newest",
        "furthest",
        "idle_at_s",
        "lateness_s",
        "moved_at_s",
        "newest",
        "recorded_s",
        "watermark",
    )

    def __init__(self, lateness_s: int, now_s: float) -> None:
        self.lateness_s = lateness_s
        self.newest = self.recorded_s = self.furthest = -1
        self.watermark = 0
        self.moved_at_s = now_s
        self.idle_at_s: float | None = None
        self._seen_newest = -1

    @property
    def step_s(self) -> int:
        """How far it may move without proof: a frame that is on time stays so; at least to the next second."""
        return max(1, self.lateness_s)

    def advance(self, ts: int, recorded_s: int = -1) -> None:
        """Move on to a frame that is newer than all before it."""
        self.newest, self.recorded_s = ts, recorded_s
        self.furthest = max(self.furthest, ts)
        self.watermark = max(self.watermark, ts - self.lateness_s)

    def see(self, now_s: float) -> None:
        """Note the time if the clock has moved on since the last call; a record that did not move it says nothing."""
        if self.newest != self._seen_newest:
            self._seen_newest = self.newest
            self.moved_at_s = now_s
            self.idle_at_s = None

    def is_idle(self, now_s: float) -> bool:
        """Tell whether the partition is known to be silent.

        Not if it was long ago: a process that was stopped since then knows nothing of what has come.
        """
        return self.idle_at_s is not None and now_s - self.idle_at_s <= IDLE_KNOWN_S


def common_watermark(clocks: Collection[EventClock], now_s: float) -> int:
    """Return the watermark over all partitions: windows that end at or before it can be closed.

    The slowest partition that is not silent decides. When all are silent, event time moves on with wall time, as far
    as the end of the newest frame's windows: what is open closes when it would have, and nothing more is closed.
    """
    speaking = [clock.watermark for clock in clocks if not clock.is_idle(now_s)]
    if speaking:
        return min(speaking)
    idle_times = [clock.idle_at_s for clock in clocks if clock.idle_at_s is not None]
    idle_at_s = min([now_s, *idle_times])  # of what came after it, nothing is known yet
    known = [clock for clock in clocks if clock.newest >= 0]
    if not known:
        return 0
    event_time = max(clock.newest + int(max(0, idle_at_s - clock.moved_at_s)) - clock.lateness_s for clock in known)
    return min(event_time, end_of_input(clocks))


def end_of_input(clocks: Collection[EventClock]) -> int:
    """Return the end of the last window that any frame so far can be in; 0 without frames."""
    furthest = max((clock.furthest for clock in clocks), default=-1)
    return largest().end_of(furthest) if furthest >= 0 else 0
