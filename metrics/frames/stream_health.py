"""What the instance that committed saw of the stream: windows that stay open too long, and the last minute."""

import msgspec

from metrics.frames.core.state import Tally


class OverdueWindows(msgspec.Struct, array_like=True, frozen=True):
    """Windows that have been open for longer than allowed lateness and idle timeout together.

    Attributes:
        since_s: wall time at which the oldest of them opened, in seconds since the epoch.
        second: its start.
        partitions: the partitions that keep it open, the slowest first, at most three, each with the cause.
        more: the number of other partitions that keep it open.
        paused: the number of partitions that are paused meanwhile.
    """

    since_s: int
    second: int
    partitions: tuple[tuple[int, str], ...]
    more: int = 0
    paused: int = 0


class StreamHealth(msgspec.Struct, array_like=True, frozen=True):
    """Observations of the instance that committed.

    Attributes:
        minute_began_s: wall time at which the last minute began: a minute ago, or when the run began.
        before: the tally of all partitions at that time; None if nothing was observed.
        overdue: windows that have been open for too long; None if all close in time.
    """

    minute_began_s: int = 0
    before: Tally | None = None
    overdue: OverdueWindows | None = None


UNKNOWN = StreamHealth()
