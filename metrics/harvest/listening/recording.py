"""A stream as decided so far: its state, and the raw file of its connection."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from metrics.harvest.archive.raw import RawWriter
from metrics.harvest.core.event import Position
from metrics.harvest.core.frames import Frame, FrameParser
from metrics.harvest.core.journal import Closed, Failed, Opened

if TYPE_CHECKING:
    from metrics.harvest.listening.progress import StreamState

_NO_CONTENT = 204
_PIECE_BYTES = 1 << 16


class Resumption(NamedTuple):
    """Facts that the next request of a stream depends on.

    Attributes:
        last_id: the last event ID.
        retry_ms: the reconnection time that the server asked for.
        failures: the number of requests in a row, up to the last one, that brought no frame.
    """

    last_id: bytes
    retry_ms: int | None
    failures: int


class Recording:
    """A stream of a run, and the raw files of its connections.

    Args:
        folder: of the run's raw files.

    Attributes:
        why: the last failure, in words; None while the stream is open.
        heard_us: time at which it last opened or sent something.
        is_silent: whether it is open, but idle: no byte for HARVEST_SILENT_S.
        bytes: of the raw files.

    Raises:
        FileError: by methods that write, if a raw file cannot be written.
    """

    def __init__(self, stream: str, folder: Path, frame_limit_bytes: int) -> None:
        self.stream = stream
        self.state: StreamState = "connecting"
        self.why: str | None = None
        self.heard_us = 0
        self.is_silent = False
        self.bytes = 0
        self._folder = folder
        self._limit = frame_limit_bytes
        self._connection = 0
        self._failures = 0
        self._retry_ms: int | None = None  # of earlier connections
        self._parser = FrameParser(frame_limit_bytes)
        self._raw: RawWriter | None = None
        self._frames = 0  # of the connection
        self._written = 0  # bytes of the connection
        self._end = 0  # of its last frame that was taken

    @property
    def is_over(self) -> bool:
        """Whether it is never requested again."""
        return self.state in ("refused", "ended")

    @property
    def resumption(self) -> Resumption:
        """How to ask for the rest of the stream."""
        retry_ms = self._parser.retry_ms
        return Resumption(self._parser.last_id, self._retry_ms if retry_ms is None else retry_ms, self._failures)

    def change(self, entry: Opened | Closed | Failed) -> None:
        """Take a change of the stream's state."""
        match entry:
            case Opened():
                self._open(entry)
            case Closed():
                self.close()
                self._failures = 0 if self._frames else self._failures + 1
                self.state, self.why = "waiting", entry.why
            case Failed(is_final=False):
                self._failures += 1
                self.state, self.why = "waiting", entry.why
            case Failed():
                has_ended = self._connection and entry.status == _NO_CONTENT
                self.state, self.why = "ended" if has_ended else "refused", entry.why

    def _open(self, entry: Opened) -> None:
        self.state, self.why, self.heard_us = "open", None, entry.at_us
        self._connection = entry.connection
        self._retry_ms = self.resumption.retry_ms
        self._parser = FrameParser(self._limit, self._parser.last_id)
        self._raw = RawWriter(self._folder, self.stream, entry.connection)
        self._frames = self._written = self._end = 0

    def parse(self, data: bytes, at_us: int) -> Iterator[Frame]:
        """Yield the frames that end in these bytes, the next ones of the connection, none of which is taken yet.

        Compressed bytes may unpack to 64 MB at once, and the parser takes up to 25 times the bytes it is fed.
        """
        self.heard_us = at_us
        for start in range(0, len(data), _PIECE_BYTES):
            yield from self._parser.feed(data[start : start + _PIECE_BYTES])

    def take(self, frame: Frame) -> Position:
        """Take the next frame; return its position."""
        self._frames += 1
        self._end = frame.end
        return Position(self.stream, self._connection, self._frames)

    def taken(self, data: bytes) -> bytes:
        """Return the part of newly parsed bytes up to the last frame that was taken."""
        return data[: self._end - self._written]

    def write(self, data: bytes) -> None:
        """Append to the raw file."""
        assert self._raw is not None, "a connection is open"
        self._raw.write(data)
        self._written += len(data)
        self.bytes += len(data)

    def close(self) -> None:
        """End the raw file, if one is open, after the last frame that was taken."""
        if self._raw is not None:
            end = min(self._end, self._written)  # the same, unless the last write failed
            self._raw.truncate(end)
            self._raw.close()
            self.bytes += end - self._written
            self._raw = None
