"""Several partitions read at once, each at its own speed: the caller decides which one continues."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from metrics.kafka.clients import assign
from metrics.kafka.errors import PASSING
from metrics.time.deadline import Deadline
from metrics.wording.errors import BrokerError, StateError

BATCH_RECORDS = 1000
PROGRESS_OFFSETS = 1000
BUFFER_RECORDS = 2000
WAIT_S = 0.1
GIVE_UP_S = 30.0


class PartitionRange(NamedTuple):
    """Range of one partition: its records in `[start, end)`."""

    topic: str
    partition: int
    start: int
    end: int


class Streams:
    """The records of some ranges; at most about BUFFER_RECORDS of each are in memory.

    A partition that is ahead is paused until it is needed, so that it cannot fill the memory while another lags; one
    that has ended is no longer fetched.

    Until records of a partition have come, it is neither paused nor resumed. In the moment in which the client begins
    to fetch it, it may lose either: https://github.com/confluentinc/librdkafka/issues/5591 and /2190.
    """

    def __init__(self, consumer: Consumer, ranges: Sequence[PartitionRange]) -> None:
        self._consumer = consumer
        self._streams = {(bounds.topic, bounds.partition): _Stream(bounds) for bounds in ranges}
        consumer.resume(consumer.assignment())  # a pause outlives the assignment
        starts = [TopicPartition(at.topic, at.partition, at.start) for at in ranges if at.start < at.end]
        assign(consumer, starts)

    def of(self, topic: str, partition: int) -> Iterator[Message]:
        """Yield the records of a partition."""
        stream = self._streams[topic, partition]
        while stream.buffer or self._fill(stream):
            yield stream.buffer.popleft()

    def first(self, topic: str, partition: int, most: int) -> list[Message]:
        """Return the next records of a partition, at least one if there is one, at most `most`, without taking them."""
        stream = self._streams[topic, partition]
        if not stream.buffer:
            self._fill(stream)
        return list(stream.buffer)[:most]

    def _fill(self, stream: "_Stream") -> bool:
        """Read until a stream has a record; return whether it has one."""
        self._resume(stream)
        deadline = Deadline(GIVE_UP_S)
        while not stream.buffer and not stream.has_ended:
            messages = self._consumer.consume(BATCH_RECORDS, WAIT_S)
            for message in messages:
                self._take(message)
            if messages:
                deadline.renew()
            elif deadline.has_passed():
                raise BrokerError(
                    f"the topic {stream.partition.topic} cannot be read", why=f"no record came for {GIVE_UP_S:.0f} s"
                )
        return bool(stream.buffer)

    def _take(self, message: Message) -> None:
        require_readable(message)
        error, topic, partition, offset = message.error(), message.topic(), message.partition(), message.offset()
        if topic is None or partition is None or offset is None or (error is not None and error.code() in PASSING):
            return
        stream = self._streams[topic, partition]
        if stream.has_ended:
            return
        if error is None:
            stream.add(message, offset)
        else:
            stream.has_ended = offset >= stream.end
        self._fetch_less(stream)

    def _fetch_less(self, stream: "_Stream") -> None:
        """Fetch no more of a stream that has ended, and less of one that is ahead.

        A single one is never paused: it would have to fetch its records again.
        """
        if stream.has_ended:
            self._resume(stream)
            self._consumer.incremental_unassign([stream.partition])
        elif len(stream.buffer) >= BUFFER_RECORDS and not stream.is_paused and len(self._streams) > 1:
            self._consumer.pause([stream.partition])
            stream.is_paused = True

    def _resume(self, stream: "_Stream") -> None:
        if stream.is_paused:
            self._consumer.resume([stream.partition])
            stream.is_paused = False


class Progress:
    """Progress of reading some ranges, in offsets: the number of records is only known at the end.

    Args:
        on_progress: called with the number of offsets passed so far, about every PROGRESS_OFFSETS.
    """

    def __init__(self, on_progress: Callable[[int], None]) -> None:
        self._on_progress = on_progress
        self._passed = 0
        self._due = PROGRESS_OFFSETS

    def over(self, bounds: PartitionRange, messages: Iterable[Message]) -> Iterator[Message]:
        """Yield the records of a range, and pass their offsets; after the last record, all remaining ones."""
        reached = bounds.start
        for message in messages:
            after = (message.offset() or 0) + 1
            self._pass(after - reached)
            reached = after
            yield message
        self._pass(bounds.end - reached)

    def _pass(self, offsets: int) -> None:
        self._passed += offsets
        if self._passed >= self._due:
            self._on_progress(self._passed)
            self._due = self._passed + PROGRESS_OFFSETS


def require_readable(message: Message) -> None:
    """Check that a message is a record, the end of a partition, or an error that the client recovers from.

    Raises:
        StateError: the records to be read next are gone.
        BrokerError: the topic cannot be read.
    """
    error = message.error()
    if error is None or error.code() == KafkaError._PARTITION_EOF or error.code() in PASSING:
        return
    if error.code() == KafkaError._AUTO_OFFSET_RESET:
        of = f"{message.topic()}/{message.partition()}"
        raise StateError(f"records of {of} were removed while they were read", why=error.str())
    what = "the topics" if message.topic() is None else f"the topic {message.topic()}"
    raise BrokerError(f"{what} cannot be read", why=error.str())


class _Stream:
    """One range, and how far it was read."""

    def __init__(self, bounds: PartitionRange) -> None:
        self.partition = TopicPartition(bounds.topic, bounds.partition)
        self.end = bounds.end
        self.next = bounds.start
        self.buffer: deque[Message] = deque()
        self.has_ended = bounds.start >= bounds.end
        self.is_paused = False

    def add(self, message: Message, offset: int) -> None:
        """Add a record, unless it was fetched twice around a pause or is after the end."""
        if self.next <= offset < self.end:
            self.buffer.append(message)
            self.next = offset + 1
        self.has_ended |= offset >= self.end - 1
