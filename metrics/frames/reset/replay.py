"""Replay of frames, to compute the state of a group at another position; nothing is published."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Any, Self, cast

from confluent_kafka import Consumer

from metrics.frames.core.counter import Counter
from metrics.frames.core.partition import PartitionCounter, RejectedFrame
from metrics.frames.core.state import State
from metrics.frames.records import Record
from metrics.frames.sizes import largest
from metrics.kafka.reader import PartitionRange, Progress, Streams
from metrics.messages.interface import KafkaMessage
from metrics.time.moments import LAST_SECOND

CHUNK_FRAMES = 100
NEVER = largest().end_of(LAST_SECOND)  # a second that event time does not reach


class Replay:
    """Run that publishes nothing.

    The partition furthest back in event time is read next, so that few frames of the others are kept in memory.

    Args:
        counter: restored, and resumed.
        ends: the offset of each partition at which it stops.
        continued: partitions that keep windows open after their end, since the next run continues there.
        until: a partition stops once it keeps no second open that ends at or before this one.
        close_to: windows that end later stay open.
    """

    def __init__(
        self,
        counter: Counter,
        ends: Mapping[int, int],
        *,
        continued: Collection[int] = (),
        until: int = NEVER,
        close_to: int = NEVER,
    ) -> None:
        self._counter = counter
        self._ends = ends
        self._ended: set[int] = set()
        self._continued = frozenset(continued)
        self._until = until
        self._close_to = close_to

    @classmethod
    def of(cls, begin: State, ends: Mapping[int, int], **bounds: Any) -> Self:
        """Return a replay that begins with a state without open windows; `bounds` are the other arguments."""
        counter = Counter(begin, begin.rules, gap_limit_s=0, now_s=0)
        counter.resume()
        return cls(counter, ends, **bounds)

    def closed(self, record: Record) -> None:
        """Note a closed window: here, nothing."""

    def rejected(self, frame: RejectedFrame) -> None:
        """Note a frame that does not count: here, nothing."""

    def run(self, read: Callable[[int], Sequence[KafkaMessage]]) -> State:
        """Count all frames, and return the resulting state.

        Args:
            read: returns the next frames of a partition; none at its end.
        """
        while (number := self._next()) is not None:
            counter = self._counter.partitions[number]
            if messages := read(number):
                counter.count(messages)
                self._take_rejected(counter)
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
        for record in self._counter.close_to(min([self._close_to, *watermarks])):
            self.closed(record)

    def _take_rejected(self, counter: PartitionCounter) -> None:
        for frame in counter.take_rejected():
            self.rejected(frame)


def frames_between(
    consumer: Consumer, topic: str, starts: Mapping[int, int], ends: Mapping[int, int], progress: Progress
) -> Callable[[int], Sequence[KafkaMessage]]:
    """Return a function that reads the next frames of a partition, for `Replay.run`."""
    ranges = [PartitionRange(topic, number, starts[number], ends[number]) for number in ends]
    streams = Streams(consumer, ranges)
    records = {part.partition: progress.over(part, streams.of(topic, part.partition)) for part in ranges}

    def read(partition: int) -> list[KafkaMessage]:
        return cast("list[KafkaMessage]", list(islice(records[partition], CHUNK_FRAMES)))

    return read
