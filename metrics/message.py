"""The interface of a Kafka message, also for code that may not import Kafka, and a line of a file in place of one."""

from typing import Protocol

import msgspec

PARTITION = 0
"""The partition that all lines of files form."""


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


class LineMessage(msgspec.Struct, gc=False):
    """Line of a file in place of a Kafka message; see `KafkaMessage`.

    All lines form one partition; a line's offset is its number, `at`. It has no timestamp.
    """

    data: bytes
    at: int = 0

    def topic(self) -> str:  # noqa: D102
        return ""

    def partition(self) -> int:  # noqa: D102
        return PARTITION

    def offset(self) -> int:  # noqa: D102
        return self.at

    def key(self) -> None:  # noqa: D102
        return None

    def value(self) -> bytes:  # noqa: D102
        return self.data

    def timestamp(self) -> tuple[int, int]:  # noqa: D102
        return 0, -1

    def headers(self) -> None:  # noqa: D102
        return None
