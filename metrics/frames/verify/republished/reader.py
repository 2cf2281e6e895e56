"""The republished stream and the input, read from their ends backwards for a comparison."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, TIMESTAMP_NOT_AVAILABLE, Consumer, Message

from metrics.frames.core.frame import Frame, read_frame
from metrics.frames.verify.republished.entry import Entry, TimestampLimits, content_of
from metrics.frames.verify.republished.findings import Places, Republished, groups
from metrics.frames.verify.republished.walk import Walk
from metrics.frames.verify.snapshot import Snapshot
from metrics.kafka.headers import Headers, headers_of
from metrics.kafka.reader import Progress, Span, Streams
from metrics.kafka.topic_limits import Limits

# So many offsets are read at once; of a record, some 300 bytes are kept. With more of them, it is no faster.
CHUNK_OFFSETS = 10_000
# What stands for headers that cannot be read. No copy has those of a frame, since no such frame is republished.
_UNREADABLE_OF_FRAME: Headers = [("\udcff", b"frame")]
_UNREADABLE_OF_COPY: Headers = [("\udcff", b"copy")]


class Republishing:
    """The input of a snapshot, and what its republished stream holds."""

    def __init__(
        self,
        consumer: Consumer,
        snapshot: Snapshot,
        limits: Limits,
        left_out: Mapping[int, Collection[int]],
        progress: Progress,
    ) -> None:
        """Take what is to be compared.

        Args:
            left_out: offsets, by partition, of frames that were not republished, since the stream does not take them.
        """
        self._consumer = consumer
        self._input = {span.partition: span for span in snapshot.input}
        self._stream = {span.partition: span for span in snapshot.republished}
        self._limits = TimestampLimits(limits.behind_ms, limits.ahead_ms, int(time.time() * 1000))
        self._left_out = left_out
        self._progress = progress

    def compare(self, places: Places, incomplete: Collection[int], found: Republished) -> None:
        """Compare every partition.

        Args:
            incomplete: partitions of the input whose first frames are gone.
        """
        partitions = len(self._stream)
        for inputs, copies in groups(self._input, partitions):
            chunk = CHUNK_OFFSETS // max(1, len(inputs))
            Walk(
                {number: self._frames(self._input[number], chunk) for number in inputs},
                {number: self._copies(self._stream[number], chunk) for number in copies},
                found,
                partitions=partitions,
                limits=self._limits,
                places=places,
                incomplete=incomplete,
            ).run()

    def _frames(self, span: Span, chunk: int) -> Iterator[Entry]:
        left_out = self._left_out.get(span.partition, ())
        entries = self._backwards(span, chunk, _frame)
        return (entry for entry in entries if entry.offset not in left_out) if left_out else entries

    def _copies(self, span: Span, chunk: int) -> Iterator[Entry]:
        return self._backwards(span, chunk, _copy)

    def _backwards(self, span: Span, chunk: int, entry_of: Callable[[Message], Entry | None]) -> Iterator[Entry]:
        """Yield the entries of a span from the last to the first."""
        end = span.end
        while end > span.start:
            start = max(span.start, end - chunk)
            part = span._replace(start=start, end=end)
            messages = Streams(self._consumer, [part]).of(span.topic, span.partition)
            entries = [entry_of(message) for message in self._progress.over(part, messages)]
            yield from (entry for entry in reversed(entries) if entry is not None)
            end = start


def _frame(message: Message) -> Entry | None:
    """Return a frame of the input, None where it is not valid: what is not is not republished."""
    if not isinstance(read_frame(message.value()), Frame):
        return None
    kind, timestamp_ms = message.timestamp()
    return _entry(message, _UNREADABLE_OF_FRAME, -1 if kind == TIMESTAMP_NOT_AVAILABLE else timestamp_ms)


def _copy(message: Message) -> Entry:
    kind, timestamp_ms = message.timestamp()
    return _entry(message, _UNREADABLE_OF_COPY, None if kind == TIMESTAMP_LOG_APPEND_TIME else timestamp_ms)


def _entry(message: Message, unreadable: Headers, timestamp_ms: int | None) -> Entry:
    headers = headers_of(message)
    content = content_of(message.key(), message.value(), unreadable if headers is None else headers)
    return Entry(message.partition() or 0, message.offset() or 0, content, timestamp_ms)
