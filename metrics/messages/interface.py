"""The interface of a Kafka message, also for code that may not import Kafka."""

from typing import Protocol


class Recorded(Protocol):
    """The part of a Kafka message that its content is read from."""

    def value(self) -> bytes | None: ...  # noqa: D102
    def timestamp(self) -> tuple[int, int]:
        """Return the kind of the timestamp, 0 if there is none, and its milliseconds since the epoch."""


class KafkaMessage(Protocol):
    """A Kafka message that carries a record (not an error event), so it has an offset."""

    def topic(self) -> str: ...  # noqa: D102
    def partition(self) -> int: ...  # noqa: D102
    def offset(self) -> int: ...  # noqa: D102
    def key(self) -> bytes | None: ...  # noqa: D102
    def value(self) -> bytes | None: ...  # noqa: D102
    def timestamp(self) -> tuple[int, int]:
        """Return the kind of the timestamp, 0 if there is none, and its milliseconds since the epoch."""

    def headers(self) -> list[tuple[str, str | bytes | None]] | None: ...  # noqa: D102
