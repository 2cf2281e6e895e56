"""A line of a file in place of a Kafka message."""

import msgspec

PARTITION = 0
"""The partition that all lines of files form."""


class LineMessage(msgspec.Struct, gc=False):
    """Line of a file in place of a Kafka message; see `interface.KafkaMessage`.

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
