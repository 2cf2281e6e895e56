"""Lines of files or of standard input; the suffix of a name says how a file is compressed.

A line ends only at a newline byte. A line longer than the limit may be cut, but at least one byte after it, so that no
file can fill the memory.
"""

import io
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metrics.files.line_splitter import LineSplitter
from metrics.files.packed import BROKEN, is_packed, unpacked
from metrics.files.paths import STANDARD_INPUT, unreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER_BYTES = 1 << 20
# Lines are read in pieces of this size: some hundred lines of 2 KB, small enough to stay in the processor's cache.
_PIECE_BYTES = 1 << 18


class Lines:
    """Lines of files, one file after another; each is opened when it is reached.

    `-` is standard input, as plain text.

    Args:
        limit_bytes: of a line; a longer one may be cut, but at least one byte after it, which distinguishes it from one
            that fits.

    Attributes:
        paths: the files.
        size_bytes: their total size on disk; None if one has no size, for instance a pipe.
        read_bytes: the number of bytes read from disk so far, which may be ahead of the last line.

    Raises:
        FileError: one does not exist, is a folder, or must not be read.
    """

    def __init__(self, paths: Sequence[Path], limit_bytes: int) -> None:
        self.paths = paths
        sizes_bytes = [_size_bytes(path) for path in paths]
        self.size_bytes = None if None in sizes_bytes else sum(filter(None, sizes_bytes))
        self.read_bytes = 0
        self._limit_bytes = limit_bytes

    def __iter__(self) -> Iterator[bytes]:
        r"""Yield each line without its newline: an empty line as b"", a `\r` or anything else unchanged.

        Raises:
            FileError: a file cannot be opened or read, or is corrupt, truncated, or not compressed as its suffix says.
        """
        for path in self.paths:
            for lines in self.batches(path):
                yield from lines

    def batches(self, path: Path) -> Iterator[list[bytes]]:
        """Yield the lines of one file in batches; from a pipe, those that have arrived: none waits for another.

        A line that was cut is a batch of its own.

        Raises:
            FileError: as above.
        """
        before_bytes = self.read_bytes
        try:
            with _CountedFile(path, self) as file:
                packed = io.BufferedReader(file, _BUFFER_BYTES)
                plain = unpacked(path, packed)
                yield from self._batches(packed if plain is packed else io.BufferedReader(plain, _BUFFER_BYTES))
            if self.read_bytes == before_bytes and is_packed(path):
                raise EOFError("the file is empty; a compressed file never is")  # gzip alone accepts it
        except BROKEN as error:
            raise unreadable(path, error) from error

    def _batches(self, file: "io.BufferedReader[Any]") -> Iterator[list[bytes]]:
        splitter = LineSplitter(self._limit_bytes)
        while piece := file.read1(_PIECE_BYTES):
            yield from splitter.feed(piece)
        yield from splitter.end()


class _CountedFile(io.FileIO):
    """A file that counts the bytes read from it in its `Lines`, because a pipe has no position."""

    def __init__(self, path: Path, lines: Lines) -> None:
        is_input = path == STANDARD_INPUT
        super().__init__(0 if is_input else path, closefd=not is_input)
        self._lines = lines

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        count = super().readinto(buffer)
        self._lines.read_bytes += count
        return count


def _size_bytes(path: Path) -> int | None:
    """Return the size of a readable file; None for one without a size. A pipe is not opened."""
    try:
        status = os.fstat(0) if path == STANDARD_INPUT else path.stat()
        is_file = stat.S_ISREG(status.st_mode)
        if path != STANDARD_INPUT and (is_file or stat.S_ISDIR(status.st_mode)):
            path.open("rb").close()  # fails for a folder, and for a file that must not be read
    except OSError as error:
        raise unreadable(path, error) from error
    return status.st_size if is_file else None
