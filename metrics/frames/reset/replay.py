"""Replay of frames, to compute the state of a group at another position; nothing is published."""

from collections.abc import Callable, Collection, Mapping, Sequence

from metrics.frames.core.counter import Counter
from metrics.frames.core.state import State
from metrics.frames.sizes import largest
from metrics.message import KafkaMessage
from metrics.times import LAST_SECOND

NEVER = largest().end_of(LAST_SECOND)  # a second that event time does not reach


class Replay:
    """Run that publishes nothing.

    The partition furthest back in event time is read next, so that few frames of the others are kept in memory.

    Args:
        begin: a state without open windows.
        ends: the offset of each partition at which it stops.
        continued: partitions that keep windows open after their end, since the next run continues there.
        until: a partition stops once it keeps no second open that ends at or before this one.
        close_to: windows that end later stay open.
    """

    def __init__(
        self,
        begin: State,
        ends: Mapping[int, int],
        *,
        continued: Collection[int] = (),
        until: int = NEVER,
        close_to: int = NEVER,
    ) -> None:
        self._counter = Counter(begin, begin.rules, gap_limit_s=0, now_s=0)
        self._counter.resume()
        self._ends = ends
        self._ended: set[int] = set()
        self._continued = frozenset(continued)
        self._until = until
        self._close_to = close_to

    def run(self, read: Callable[[int], Sequence[KafkaMessage]]) -> State:
        """Count all frames, and return the resulting state.

        Args:
            read: returns the next frames of a partition; none at its end.
        """
        while (number := self._next()) is not None:
            counter = self._counter.partitions[number]
            if messages := read(number):
                counter.count(messages)
                counter.take_rejected()
                counter.read_to(messages[-1].offset() + 1, 0)
            else:
                counter.read_to(self._ends[number], 0)
                self._ended.add(number)
            self._close()
        return self._counter.state()

    def _next(self) -> int | None:
        clocks = {number: counter.clock for number, counter in self._counter.partitions.items()}
        reading = [number for number in clocks if number not in self._ended and clocks[number].watermark < self._until]
        return min(reading, key=lambda number: (clocks[number].newest, number), default=None)

    def _close(self) -> None:
        partitions = self._counter.partitions.items()
        watermarks = [at.clock.watermark for number, at in partitions if number not in self._ended - self._continued]
        for _ in self._counter.close_to(min([self._close_to, *watermarks])):
            pass
