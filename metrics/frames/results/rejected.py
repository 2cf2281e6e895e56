"""The dead letter topic, read back."""

from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Event

import msgspec
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from metrics.frames import topics_in_use
from metrics.frames.replay_marks import REPLAY_OF, Place, is_mark
from metrics.frames.results.read import newest
from metrics.frames.settings import Settings
from metrics.kafka.clients import assign, open_admin, open_observer, open_reader
from metrics.kafka.errors import PASSING, broker_error
from metrics.kafka.reader import PartitionRange, Streams
from metrics.kafka.record_metadata import headers_of, stamp_ms
from metrics.kafka.tail import Tail
from metrics.time.deadline import Deadline
from metrics.time.moments import Moment
from metrics.wording.errors import BrokerError, StateError

BEGINNING_BYTES = 200
WHOLE_TIMEOUT_S, STEP_S = 5.0, 0.1


class DeadLetter(msgspec.Struct, frozen=True):
    """Record of the dead letter topic: a frame that was not counted.

    Attributes:
        reason: one of the values of `metrics.frames.core.frame.Reason`.
        detail: the reason as a sentence.
        came_from: topic, partition and offset in the input: `frames/0 offset 12`.
        stamped_at: its Kafka timestamp; null if it has none.
        size_bytes: its size.
        beginning: its first bytes as text.
        record: place of this record itself, in the dead letter topic.
        kept_bytes: size of what the record has of the frame: all of it, unless that was too large.
        replay_of: the frame that this one repeats, if it was replayed and rejected again.
    """

    reason: str
    detail: str
    came_from: str
    stamped_at: Moment | None
    size_bytes: int
    beginning: str
    record: Place
    kept_bytes: int
    replay_of: str | None


def latest(
    settings: Settings, most: int, stopping: Event, on_outage: Callable[[str], None]
) -> Iterator[list[DeadLetter]]:
    """Yield about `most` of the newest rejected frames, then new ones, some or none at a time.

    Args:
        stopping: ends the iteration.
        on_outage: called with a description when the broker or the topic is gone; the iteration waits for them.

    Raises:
        BrokerError: the broker does not answer.
        TopicError: the topic is missing.
    """
    admin, topic = open_admin(settings), settings.rejected_topic
    partitions = topics_in_use.require(admin, settings, {"REJECTED_TOPIC": topic})[topic]
    ranges = newest(admin, topic, partitions, most)
    with closing(open_reader(settings)) as reader:
        found = [one for at in ranges for one in _stamped(reader, at)]
    found.sort(key=lambda one: one[0])
    yield [frame for _, frame in found[-most:]]
    with closing(Tail(settings, ranges, on_outage)) as tail:
        for messages in tail.records(stopping):
            yield [_frame(message) for message in messages if not is_mark(message)]


def _stamped(reader: Consumer, at: PartitionRange) -> Iterator[tuple[int, DeadLetter]]:
    """Yield the dead letters of a partition with their timestamps in ms; its whole frames are then no longer needed."""
    for message in Streams(reader, [at]).of(at.topic, at.partition):
        if not is_mark(message):
            yield stamp_ms(message) or 0, _frame(message)


def read_whole(settings: Settings, frame: DeadLetter) -> bytes | None:
    """Read the frame of a dead letter, of which only the beginning is kept; None if the record has no value.

    Raises:
        StateError: the record is gone, or is another one by now.
        BrokerError: no answer within WHOLE_TIMEOUT_S.
    """
    topic, partition, offset = frame.record
    gone = StateError(f"{frame.record} is gone", why="its retention time is over, or the topic was deleted meanwhile")
    deadline = Deadline(WHOLE_TIMEOUT_S)
    with closing(open_observer(settings)) as consumer:
        assign(consumer, [TopicPartition(topic, partition, offset)])
        while not deadline.has_passed():
            for message in consumer.consume(1, STEP_S):
                error = message.error()
                if error is None and _frame(message) == frame:
                    return message.value()
                if error is None or error.code() in (KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET):
                    raise gone
                if error.code() not in PASSING:
                    raise broker_error(f"{frame.record} cannot be read", [error])
    raise BrokerError(f"{frame.record} cannot be read", why=f"no answer from the broker within {WHOLE_TIMEOUT_S:.0f} s")


def _frame(message: Message) -> DeadLetter:
    headers, value, timestamp_ms = headers_text(message), message.value() or b"", stamp_ms(message)
    cut_from_bytes = headers.get("cut_from_bytes", "")
    return DeadLetter(
        headers.get("reason", "unknown"),
        headers.get("detail", ""),
        f"{headers.get('topic', '?')}/{headers.get('partition', '?')} offset {headers.get('offset', '?')}",
        None if timestamp_ms is None else Moment.of(timestamp_ms // 1000),
        int(cut_from_bytes) if cut_from_bytes.isdecimal() else len(value),
        value[:BEGINNING_BYTES].decode(errors="replace"),
        Place(message.topic() or "", message.partition() or 0, message.offset() or 0),
        len(value),
        headers.get(REPLAY_OF),
    )


def headers_text(message: Message) -> dict[str, str]:
    """Return the headers of a dead letter as text, by name."""
    return {name: _text(value) for name, value in headers_of(message) or []}


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
