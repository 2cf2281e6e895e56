"""Lines written to a file, which appears as a whole or not at all; the suffix of its name says how it is packed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from metrics.files import atomic
from metrics.files.packed import packed

_LESS = "write fewer frames, or pack them: a name that ends in .zst takes a tenth"


class LineWriter:
    """A file that lines are being written to."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file

    def write(self, line: bytes) -> None:
        """Write one line and the newline that ends it. The line has no newline inside.

        Raises:
            FileError: the file cannot be written on, because the disk is full for instance.
        """
        assert b"\n" not in line, "it is one line"
        try:
            self._file.write(line + b"\n")
        except OSError as error:
            raise atomic.unwritable(self.path, error, _LESS) from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[LineWriter]:
    """Open a file for writing lines; the whole of it appears under its name at the end, or nothing does.

    An error or Ctrl-C inside leaves what the name stood for before. A pipe or a device is written to directly. Equal
    lines give equal bytes, packed ones too (with equal versions of the packers).

    Raises:
        FileError: the folder is not there, writing is not allowed, the name is a folder's, or the disk is full.
    """
    with atomic.writing(path, _LESS) as file:
        packer = packed(path, file)
        try:
            yield LineWriter(path, packer)
            if packer is not file:
                with atomic.write_errors(path, _LESS):
                    packer.close()
        except BaseException:
            with contextlib.suppress(Exception):  # what is being raised tells more
                packer.close()
            raise
