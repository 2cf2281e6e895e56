"""Restart: from the start after a SIGKILL to the next result being readable, committed."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median

import msgspec

from benchmark.broker import Arrived
from benchmark.live.taking_over import TookOver
from benchmark.process import Line


class Start(msgspec.Struct, frozen=True):
    """One start of the application, in seconds.

    Attributes:
        killed: when the one before was killed, in words; empty for the first start, which takes over from nobody.
        until_taking_over_s: from the start of the process until it asks the broker to take over.
        taking_over_s: what the broker takes for that.
        until_result_s: from then until the next result is readable.
    """

    killed: str
    until_taking_over_s: float
    taking_over_s: float
    until_result_s: float

    @property
    def total_s(self) -> float:
        """From the start of the process to the next result."""
        return self.until_taking_over_s + self.taking_over_s + self.until_result_s

    @property
    def besides_s(self) -> float:
        """The same without what the broker takes for taking over."""
        return self.total_s - self.taking_over_s


def start(killed: str, started_s: float, took_over: TookOver, first: Arrived) -> Start:
    """Return what a start took.

    Args:
        started_s: when the process was started, by `time.monotonic`.
        first: the first result that became readable after it took over.
    """
    return Start(
        killed,
        until_taking_over_s=took_over.began_s - started_s,
        taking_over_s=took_over.ended_s - took_over.began_s,
        until_result_s=first.at_s - took_over.ended_s,
    )


def took_over(printed: Iterable[Line]) -> TookOver | None:
    """Read when the application took over; None where it did not come so far."""
    for line in printed:
        if line.text.startswith("{"):
            return msgspec.json.decode(line.text.encode(), type=TookOver)
    return None


def first_after(arrived: Sequence[Arrived], at_s: float) -> Arrived | None:
    """Return the first record that became readable after a moment; what an instance before committed came earlier."""
    return next((record for record in arrived if record.at_s > at_s), None)


def summed_up(starts: Sequence[Start], read: Callable[[Start], float]) -> tuple[float, float]:
    """Return median and largest of what is read of each start."""
    numbers = [read(each) for each in starts]
    return median(numbers), max(numbers)
