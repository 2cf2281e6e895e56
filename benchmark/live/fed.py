"""What the feeder tells: when the first frame of each second was produced, and what the frames before it must give."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import attrgetter

import msgspec

from benchmark.contract import LATENESS_S
from benchmark.process import Line
from benchmark.truth import Truth


class Began(msgspec.Struct, frozen=True):
    """The first frame of a second was produced.

    Attributes:
        ts: the second, since the epoch.
        at_s: when produce was called, by `time.monotonic`, which is one clock for all processes of a machine.
        truth: what the frames before it must give.
    """

    ts: int
    at_s: float
    truth: Truth


def seconds_of(lines: Iterable[Line]) -> list[Began]:
    """Read what the feeder has printed, in order."""
    return [msgspec.json.decode(line.text.encode(), type=Began) for line in lines]


def closing(began: Sequence[Began], end: int) -> Began | None:
    """Return the frame that closes a window: the first that is LATENESS_S or more ahead of its end.

    Args:
        began: in order of ts.
        end: of the window, in seconds since the epoch.

    Returns:
        None where no such frame was produced yet.
    """
    index = bisect_left(began, end + LATENESS_S, key=attrgetter("ts"))
    return began[index] if index < len(began) else None
