"""The republished stream and the frames it must contain, summed up as they are read."""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, Message

from metrics.frames.core.frame import Frame
from metrics.frames.core.reading import ReadFrame
from metrics.frames.verify.recount.judge import Received
from metrics.frames.verify.recount.republished import Records, Republished, StreamComparison, TimestampLimits
from metrics.frames.verify.recount.sums import Sum
from metrics.frames.verify.snapshot import Snapshot
from metrics.kafka.reader import PartitionRange, Progress, Streams
from metrics.kafka.record_metadata import headers_of, stamp_ms


class Stream:
    """Republished stream, compared with its input: first the input is read, then the stream.

    Args:
        read: reads a frame.
        left_out: offsets, by partition, of frames that the topic did not accept; they are dead letters instead.
    """

    def __init__(
        self, consumer: Consumer, snapshot: Snapshot, read: ReadFrame, left_out: Mapping[int, Collection[int]]
    ) -> None:
        self._consumer = consumer
        self._read = read
        self._input = {part.partition: part for part in snapshot.input}
        self._copies = {part.partition: part for part in snapshot.republished}
        self._left_out = left_out
        self._frame_sums = {number: Sum() for number in self._input}
        self._copy_sums: dict[int, Sum] = {}

    def expect(self, partition: int, message: Message, received: Received) -> None:
        """Add a record of the input; if it is a frame, the stream must contain it."""
        if isinstance(received.frame, Frame) and received.offset not in self._left_out.get(partition, ()):
            _add_frame(self._frame_sums[partition], message)

    def compare(self, incomplete: Collection[int], limits: TimestampLimits, progress: Progress) -> Republished:
        """Read the stream, and compare it with the expected frames.

        Args:
            incomplete: partitions of the input that have lost their first frames.
        """
        for number, part in self._copies.items():
            self._copy_sums[number] = Sum()
            for message in progress.over(part, self._records(part)):
                _add_copy(self._copy_sums[number], message)
        frames, copies = (next(iter(ranges.values())).topic for ranges in (self._input, self._copies))
        return StreamComparison(
            Records(frames, self._frame_sums, self._last_frames),
            Records(copies, self._copy_sums, self._last_copies),
            incomplete,
            limits,
        ).run()

    def _last_frames(self, partition: int, most: int) -> Sum:
        part, found = self._input[partition], Sum()
        left_out = self._left_out.get(partition, ())
        frames = (message for message in self._records(part) if self._is_frame(message, left_out))
        for message in islice(frames, self._frame_sums[partition].records - most, None):
            _add_frame(found, message)
        if not found.records:
            found.first = part.end
        return found

    def _last_copies(self, partition: int, most: int) -> Sum:
        found = Sum()
        for message in islice(self._records(self._copies[partition]), self._copy_sums[partition].records - most, None):
            _add_copy(found, message)
        return found

    def _is_frame(self, message: Message, left_out: Collection[int]) -> bool:
        return isinstance(self._read(message), Frame) and message.offset() not in left_out

    def _records(self, part: PartitionRange) -> Iterator[Message]:
        return Streams(self._consumer, [part]).of(part.topic, part.partition)


def _add_frame(found: Sum, message: Message) -> None:
    """Add a frame as it is republished: a timestamp of 0 becomes 1 ms."""
    timestamp_ms = stamp_ms(message)
    _add(found, message, None if timestamp_ms is None else max(1, timestamp_ms))


def _add_copy(found: Sum, message: Message) -> None:
    """Add a record of the stream; its topic may have set the timestamp."""
    is_own = message.timestamp()[0] != TIMESTAMP_LOG_APPEND_TIME
    _add(found, message, stamp_ms(message) if is_own else None)


def _add(found: Sum, message: Message, timestamp_ms: int | None) -> None:
    found.add(message.offset() or 0, message.key(), message.value(), headers_of(message), timestamp_ms)
