"""Where a record is in Kafka, and its key and timestamp there."""

from typing import NamedTuple

from confluent_kafka import Message

from metrics.kafka.record_metadata import stamp_ms


class RecordPlace(NamedTuple):
    """Topic, partition, offset, timestamp and key of a record; the names are those of fields and columns.

    Attributes:
        timestamp_ms: in milliseconds since the epoch; None if it has none.
        key: as text; None if it has none.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int | None
    key: str | None


def place_of(message: Message) -> RecordPlace:
    """Return the place of a consumed record."""
    topic, partition, offset, key = message.topic(), message.partition(), message.offset(), message.key()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return RecordPlace(
        topic, partition, offset, stamp_ms(message), None if key is None else key.decode(errors="replace")
    )
