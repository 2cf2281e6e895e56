"""Lines of files or of standard input; the suffix of a name says how a file is compressed.

A line ends only at a newline byte. A line longer than the limit is cut one byte after it, so that no file can fill the
memory.
"""

import contextlib
import io
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metrics.files.packed import BROKEN, is_packed, unpacked
from metrics.files.paths import STANDARD_INPUT, unreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER_BYTES = 1 << 20
# Lines are read in pieces of this size: some hundred lines of 2 KB, small enough to stay in the processor's cache.
_PIECE_BYTES = 1 << 18


class LineReader:
    """Lines of one open file, in order.

    Attributes:
        path: the file.
        size_bytes: its size on disk when it was opened; None if it has none, for instance a pipe.
    """

    def __init__(self, path: Path, file: "_CountedFile", unpacked: "io.BufferedReader[Any]", limit_bytes: int) -> None:
        self.path = path
        self._limit_bytes = limit_bytes
        self.size_bytes = file.size_bytes
        self._file = file
        self._unpacked = unpacked

    @property
    def read_bytes(self) -> int:
        """The number of bytes read from disk so far, which may be ahead of the last line."""
        return self._file.read_bytes

    def __iter__(self) -> Iterator[bytes]:
        r"""Yield each line without its newline: an empty line as b"", a `\r` or anything else unchanged.

        Raises:
            FileError: reading fails, or the file is corrupt, truncated, or not compressed as its suffix says.
        """
        for lines in self.batches():
            yield from lines

    def batches(self) -> Iterator[list[bytes]]:
        """Yield lines in batches; from a pipe, those that have arrived, so that none waits for the next.

        A line that was cut is a batch of its own.

        Raises:
            FileError: as above.
        """
        begun: list[bytes] = []  # the parts of an unfinished line; only the first ones of a long line
        begun_bytes = 0
        try:
            while piece := self._unpacked.read1(_PIECE_BYTES):
                lines = io.BytesIO(piece).readlines()  # split is much slower: it examines each byte
                if begun_bytes <= self._limit_bytes:
                    begun.append(lines[0])
                begun_bytes += len(lines[0])
                if lines[0].endswith(b"\n"):
                    lines[0] = b"".join(begun)
                    if begun_bytes > self._limit_bytes + 1:
                        yield [lines.pop(0)[: self._limit_bytes + 1]]
                    begun = [] if not lines or lines[-1].endswith(b"\n") else [lines.pop()]
                    begun_bytes = sum(map(len, begun))
                    yield [line[:-1] for line in lines]
            if self.read_bytes == 0 and is_packed(self.path):
                raise EOFError("the file is empty; a compressed file never is")  # gzip alone accepts it
        except BROKEN as error:
            raise unreadable(self.path, error) from error
        if begun:
            yield [b"".join(begun)[: self._limit_bytes + 1]]


@contextlib.contextmanager
def reading(path: Path, limit_bytes: int) -> Iterator[LineReader]:
    """Open a file or a pipe for reading; `-` is standard input, as plain text, each line as soon as it arrives.

    Args:
        limit_bytes: of a line; a longer one is cut to one byte more, which distinguishes it from one that fits.

    Raises:
        FileError: the file does not exist, is a folder, or must not be read.
    """
    with _opened_to_read(path) as file:
        packed = io.BufferedReader(file, _BUFFER_BYTES)
        lines = unpacked(path, packed)
        yield LineReader(
            path, file, packed if lines is packed else io.BufferedReader(lines, _BUFFER_BYTES), limit_bytes
        )


class Lines:
    """Lines of several files, one file after another; each is opened when it is reached.

    Args:
        limit_bytes: of a line; a longer one is cut to one byte more.

    Attributes:
        paths: the files.
        size_bytes: their total size on disk; None if one has no size, for instance a pipe.

    Raises:
        FileError: one does not exist, is a folder, or must not be read.
    """

    def __init__(self, paths: Sequence[Path], limit_bytes: int) -> None:
        self.paths = paths
        self._limit_bytes = limit_bytes
        sizes_bytes = [_size_bytes(path) for path in paths]
        self.size_bytes = None if None in sizes_bytes else sum(filter(None, sizes_bytes))
        self._read_before_bytes = 0
        self._reader: LineReader | None = None

    @property
    def read_bytes(self) -> int:
        """The number of bytes read from disk so far, which may be ahead of the last line."""
        return self._read_before_bytes + (self._reader.read_bytes if self._reader is not None else 0)

    def __iter__(self) -> Iterator[bytes]:
        """Yield each line of each file, without its newline.

        Raises:
            FileError: a file cannot be opened or read, or is corrupt, truncated, or not compressed as its suffix says.
        """
        for path in self.paths:
            with reading(path, self._limit_bytes) as self._reader:
                yield from self._reader
            self._read_before_bytes, self._reader = self.read_bytes, None


class _CountedFile(io.FileIO):
    """A file that counts the bytes read from it, because a pipe has no position.

    Attributes:
        size_bytes: its size when it was opened; None if it has none, for instance a pipe.
    """

    def __init__(self, path: Path) -> None:
        is_input = path == STANDARD_INPUT
        super().__init__(0 if is_input else path, closefd=not is_input)
        status = os.fstat(self.fileno())
        self.size_bytes = status.st_size if stat.S_ISREG(status.st_mode) else None
        self.read_bytes = 0

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        count = super().readinto(buffer)
        self.read_bytes += count
        return count


def _opened_to_read(path: Path) -> _CountedFile:
    try:
        return _CountedFile(path)
    except OSError as error:
        raise unreadable(path, error) from error


def _size_bytes(path: Path) -> int | None:
    """Return the size of a readable file; None for one without a size. A pipe is not opened."""
    if path != STANDARD_INPUT and not (stat.S_ISREG(_mode(path)) or stat.S_ISDIR(_mode(path))):
        return None
    with _opened_to_read(path) as file:
        return file.size_bytes


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as error:
        raise unreadable(path, error) from error
