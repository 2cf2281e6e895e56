"""The loop over files, without Kafka: read, decode, log, close."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from metrics.files.line_reader import LineReader, reading
from metrics.frames.core.counter import Counter
from metrics.frames.core.frame import MAX_FRAME_BYTES, Reason, Rejection
from metrics.frames.core.state import State
from metrics.frames.records import Record
from metrics.frames.settings import Settings

PARTITION = 0
# Wall time, for the core. Here it stands still: how fast lines come says nothing about their frames. So no partition is
# ever silent, and equal lines give equal records, from a fast disk and from a slow pipe.
NOW_S = 0.0
_TOO_LARGE = Rejection(Reason.TOO_LARGE, f"the line is longer than {MAX_FRAME_BYTES:,} bytes, as no frame may be")


class Line(msgspec.Struct, gc=False):
    """A line as the core takes it, in the place of a Kafka message: a `FrameMessage`.

    All lines are of one partition; the offset of one is its number, `at`. When it was written is not known, so it has
    no timestamp: a frame far ahead of event time is judged by the frames behind it alone.
    """

    data: bytes
    at: int

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


class Place(NamedTuple):
    """Where a line stands; the first of a file has number 1."""

    path: Path
    line: int


class Watcher(Protocol):
    """Is told what the loop does."""

    def closed(self, records: Iterator[Record]) -> None:
        """Records of windows that were closed, none or very many of them; all must be taken."""

    def rejected(self, place: Place, rejection: Rejection) -> None:
        """A frame counts for nothing."""

    def read(self) -> None:
        """A batch was counted, or the end; its records and its rejected frames were told."""


class FileLoop:
    """Counts the lines of files, one file after another, as those of one partition that ends where the last one does.

    Attributes:
        counter: the core.
    """

    def __init__(self, settings: Settings) -> None:
        state = State.fresh({PARTITION: 0}, settings.rules())
        self.counter = Counter(state, settings.rules(), gap_limit_s=settings.gap_limit_s, now_s=NOW_S)
        self.counter.resume()
        self._partition = self.counter.partitions[PARTITION]
        self._paths: list[Path] = []
        self._starts: list[int] = []  # the offset of the first line of each path
        self._file: LineReader | None = None
        self._bytes_before = 0

    @property
    def read_bytes(self) -> int:
        """How many bytes on disk have been read so far, of all files."""
        return self._bytes_before + (self._file.read_bytes if self._file else 0)

    def run(self, paths: Sequence[Path], watcher: Watcher) -> None:
        """Read, decode, log, close; at the end of the last file, close all.

        Raises:
            FileError: a file cannot be read, or not to its end.
        """
        for path in paths:
            with reading(path, MAX_FRAME_BYTES) as file:
                self._begin(file)
                for lines in file.batches():
                    self._log(lines, watcher)
                    watcher.closed(self.counter.close(NOW_S))
                    watcher.read()
        self.counter.resolve()
        self._tell_rejected(watcher)
        watcher.closed(self.counter.close_all())
        watcher.read()

    def _begin(self, file: LineReader) -> None:
        self._bytes_before = self.read_bytes
        self._file = file
        self._paths.append(file.path)
        self._starts.append(self._partition.position)

    def _log(self, lines: Sequence[bytes], watcher: Watcher) -> None:
        """Decode and log a batch; offsets run on from one file to the next."""
        position = self._partition.position
        if len(lines) == 1 and len(lines[0]) > MAX_FRAME_BYTES:  # it was cut
            self._partition.reject(Line(b"", position), _TOO_LARGE)
        else:
            self._partition.count(list(map(Line, lines, count(position))))
        self._partition.read_to(position + len(lines), NOW_S)
        self._tell_rejected(watcher)

    def _tell_rejected(self, watcher: Watcher) -> None:
        for message, rejection, *_ in self._partition.take_rejected():
            watcher.rejected(self._place_of(message.offset()), rejection)

    def _place_of(self, offset: int) -> Place:
        """Return where a line stands. An empty file begins where the next one does: the last of these has the line."""
        number = bisect_right(self._starts, offset) - 1
        return Place(self._paths[number], offset - self._starts[number] + 1)
