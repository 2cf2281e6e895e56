"""Signs that something is wrong with the stream, as the instance saw them that committed."""

import msgspec

from metrics.frames.core.state import Tally


class Hold(msgspec.Struct, array_like=True, frozen=True):
    """Windows that are open for longer than the allowed lateness and the idle time.

    Attributes:
        since_s: wall time at which the oldest of them was opened, in seconds since the epoch.
        second: its start.
        partitions: those that hold it, the one that is furthest behind first, a few of them, each with the cause.
        more: how many others hold it.
        paused: how many partitions are paused meanwhile.
    """

    since_s: int
    second: int
    partitions: tuple[tuple[int, str], ...]
    more: int = 0
    paused: int = 0


class Signs(msgspec.Struct, array_like=True, frozen=True):
    """What was seen by the instance that committed.

    Attributes:
        minute_began_s: wall time since which the last minute is counted: a minute ago, or when the run began.
        before: what the tally of all partitions was then; None where nothing was seen.
        hold: what holds windows open for too long; None where nothing does.
    """

    minute_began_s: int = 0
    before: Tally | None = None
    hold: Hold | None = None


NONE = Signs()
