"""Kafka messages made by hand, for a core that knows no Kafka."""

from dataclasses import dataclass

from metrics.frames.core.frame import Frame, Rejection
from metrics.frames.core.reading import reader
from metrics.frames.core.shape import Shape


@dataclass(frozen=True)
class Message:
    """A record of partition 0; without recorded_at_s, its timestamp is not available."""

    at: int
    data: bytes | None
    recorded_at_s: float | None = None

    def topic(self) -> str:
        return "frames"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes | None:
        return None

    def value(self) -> bytes | None:
        return self.data

    def timestamp(self) -> tuple[int, int]:
        return (0, -1) if self.recorded_at_s is None else (1, int(self.recorded_at_s * 1000))

    def headers(self) -> None:
        return None


def message(offset: int, ts: int, uid: str, recorded_at_s: float | None = None) -> Message:
    """Return a message that holds a frame."""
    return Message(offset, b'{"ts":%d,"uid":"%b"}' % (ts, uid.encode()), recorded_at_s)


PLAIN = Shape()


def read_frame(value: bytes | None, shape: Shape = PLAIN, recorded_at_s: float | None = None) -> Frame | Rejection:
    """Read the frame of a record."""
    return reader(shape)(Message(0, value, recorded_at_s))
