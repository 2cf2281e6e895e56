"""Event time: of one partition, and the watermark over all of them."""

from collections.abc import Collection

from metrics.frames.sizes import largest

IDLE_KNOWN_S = 3.0  # how long the answer that a partition is idle stays valid


class EventClock:
    """Event time of one partition.

    The partition's own frames alone advance it, so every replay advances it alike. Idle time, which a replay cannot
    reproduce, raises the watermark from outside; so the watermark is part of the saved state.

    Attributes:
        newest: the largest ts that advanced it; -1 before the first frame.
        recorded_s: the Kafka timestamp of that frame in seconds; -1 if unknown.
        furthest: the largest ts that counts; frames ahead of `newest` may count without advancing it.
        watermark: seconds that end at or before it accept no more frames of this partition.
        moved_at_s: monotonic time at which `newest` was last seen to change.
        idle_at_s: monotonic time at which the partition was last known to be idle: read to its end, without new event
            time for the idle timeout; None if it is not idle.
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
        """Seconds that it may advance without proof: those that make no frame late; at least one second."""
        return max(1, self.lateness_s)

    def advance(self, ts: int, recorded_s: int = -1) -> None:
        """Advance to a frame that is newer than all before it."""
        self.newest, self.recorded_s = ts, recorded_s
        self.furthest = max(self.furthest, ts)
        self.watermark = max(self.watermark, ts - self.lateness_s)

    def see(self, now_s: float) -> None:
        """Note the time if the clock has advanced since the last call."""
        if self.newest != self._seen_newest:
            self._seen_newest = self.newest
            self.moved_at_s = now_s
            self.idle_at_s = None

    def is_idle(self, now_s: float) -> bool:
        """Return whether the partition is known to be idle.

        An old answer does not count: a process that was suspended since then has missed what arrived.
        """
        return self.idle_at_s is not None and now_s - self.idle_at_s <= IDLE_KNOWN_S


def common_watermark(clocks: Collection[EventClock], now_s: float) -> int:
    """Return the watermark over all partitions: windows that end at or before it can be closed.

    The slowest partition that is not idle decides. If all are idle, event time advances with wall time, until the
    largest window that has a frame is closed.
    """
    active = [clock.watermark for clock in clocks if not clock.is_idle(now_s)]
    if active:
        return min(active)
    idle_times = [clock.idle_at_s for clock in clocks if clock.idle_at_s is not None]
    idle_at_s = min([now_s, *idle_times])  # what arrived after it is unknown
    known = [clock for clock in clocks if clock.newest >= 0]
    if not known:
        return 0
    event_time = max(clock.newest + int(max(0, idle_at_s - clock.moved_at_s)) - clock.lateness_s for clock in known)
    return min(event_time, end_of_input(clocks))


def end_of_input(clocks: Collection[EventClock]) -> int:
    """Return the end of the last window that any frame so far is in; 0 without frames."""
    furthest = max((clock.furthest for clock in clocks), default=-1)
    return largest().end_of(furthest) if furthest >= 0 else 0
