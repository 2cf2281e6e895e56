"""Atomic writes of lines to a file; the suffix of its name says how it is compressed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from metrics.files import atomic
from metrics.files.packed import packed

_LESS = "write fewer lines, or compress them: a name that ends in .zst takes a tenth"


class LineWriter:
    """A file that lines are being written to."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file

    def write(self, line: bytes) -> None:
        """Write one line, without a newline inside, and the newline that ends it.

        Raises:
            FileError: writing fails, for instance because the disk is full.
        """
        assert b"\n" not in line, "it is one line"
        try:
            self._file.write(line + b"\n")
        except OSError as error:
            raise atomic.unwritable(self.path, error, _LESS) from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[LineWriter]:
    """Open a file for an atomic write of lines.

    An error or Ctrl-C inside leaves the previous file. A pipe or a device is written to directly. Equal lines give
    equal bytes, even compressed (with equal versions of the compressors).

    Raises:
        FileError: the folder does not exist, writing is not allowed, the path is a folder, or the disk is full.
    """
    with atomic.writing(path, _LESS) as file:
        packer = packed(path, file)
        try:
            yield LineWriter(path, packer)
            if packer is not file:
                with atomic.write_errors(path, _LESS):
                    packer.close()
        except BaseException:
            with contextlib.suppress(Exception):  # the error being raised says more
                packer.close()
            raise
