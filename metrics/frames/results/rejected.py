"""The dead letter topic, read back."""

from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Event

import msgspec
from confluent_kafka import Message

from metrics.frames import topics_in_use
from metrics.frames.replay_marks import is_mark
from metrics.frames.results.read import newest
from metrics.frames.settings import Settings
from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.reader import Streams
from metrics.kafka.record_metadata import headers_of, stamp_ms
from metrics.kafka.tail import Tail
from metrics.times import Moment

BEGINNING_BYTES = 200


class DeadLetter(msgspec.Struct, frozen=True):
    """Record of the dead letter topic: a frame that was not counted.

    Attributes:
        reason: one of the values of `metrics.frames.core.frame.Reason`.
        detail: the reason as a sentence.
        came_from: topic, partition and offset in the input: `frames/0 offset 12`.
        stamped_at: its Kafka timestamp; null if it has none.
        size_bytes: its size.
        beginning: its first bytes as text.
    """

    reason: str
    detail: str
    came_from: str
    stamped_at: Moment | None
    size_bytes: int
    beginning: str


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
        streams = Streams(reader, ranges)
        found = [message for at in ranges for message in streams.of(topic, at.partition) if not is_mark(message)]
    found.sort(key=lambda message: stamp_ms(message) or 0)
    yield [_frame(message) for message in found[-most:]]
    with closing(Tail(settings, ranges, on_outage)) as tail:
        for messages in tail.records(stopping):
            yield [_frame(message) for message in messages if not is_mark(message)]


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
    )


def headers_text(message: Message) -> dict[str, str]:
    """Return the headers of a dead letter as text, by name."""
    return {name: _text(value) for name, value in headers_of(message) or []}


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
