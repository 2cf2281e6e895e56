"""Timestamps of Kafka's records."""

from confluent_kafka import Message


def stamp_ms(message: Message | None) -> int | None:
    """Return a record's timestamp in milliseconds since the epoch; None if it has none."""
    kind, timestamp_ms = message.timestamp() if message is not None else (0, -1)
    return timestamp_ms if kind and timestamp_ms >= 0 else None
