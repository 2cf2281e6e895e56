"""Atomic writes of lines to a file; the suffix of its name says how it is compressed."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from metrics.files import atomic
from metrics.files.packed import packed

_LESS = "write fewer lines, or compress them: a name that ends in .zst takes a tenth"


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Open a file for an atomic write of lines; yields the function that writes one, given without its newline.

    An error or Ctrl-C inside leaves the previous file. A pipe or a device is written to directly. Equal lines give
    equal bytes, even compressed (with equal versions of the compressors).

    Raises:
        FileError: the folder does not exist, writing is not allowed, the path is a folder, or the disk is full.
    """
    with atomic.writing(path, _LESS) as file:
        packer = packed(path, file)

        def write(line: bytes) -> None:
            assert b"\n" not in line, "it is one line"
            try:  # write_errors, a context manager, would take as long as all else
                packer.write(line + b"\n")
            except OSError as error:
                raise atomic.unwritable(path, error, _LESS) from error

        try:
            yield write
            if packer is not file:
                with atomic.write_errors(path, _LESS):
                    packer.close()
        except BaseException:
            with contextlib.suppress(Exception):  # the error being raised says more
                packer.close()
            raise
