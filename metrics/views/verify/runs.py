"""Sums by key, more than fit into memory: sorted runs on disk, which are merged and added up when they are read."""

import heapq
import os
import weakref
from array import array
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryFile, gettempdir

from metrics.files.atomic import write_errors
from metrics.wording.errors import FileError

PREFIX = ".verify-"
_NUMBER_BYTES = 8
_BLOCK_ROWS = 512
_DISK_HINT = "set TMPDIR to a folder on a larger disk"

Row = tuple[int, ...]


class SortedRuns:
    """Rows of whole numbers from 0 to 2^63-1: the first columns are the key, the others are added up.

    A row takes 8 bytes a column on disk, in each run; in memory there is one run while it is added, and a block of each
    run while they are read. The unnamed temporary file is closed with the last reference to this object.

    Args:
        keys: number of columns of the key.
        columns: number of all columns.
    """

    def __init__(self, keys: int, columns: int) -> None:
        self._keys = keys
        self._columns = columns
        self._runs: list[tuple[int, int]] = []
        self._folder = _folder()
        with write_errors(self._folder, _DISK_HINT):
            self._file = TemporaryFile(prefix=PREFIX, buffering=0)  # noqa: SIM115  # closed as said above
        weakref.finalize(self, self._file.close)

    def add(self, rows: Iterable[Row]) -> None:
        """Add a run; no two of its rows have the same key.

        Raises:
            FileError: the disk is full, or the folder for temporary files cannot be written.
        """
        numbers = memoryview(array("q", chain.from_iterable(sorted(rows)))).cast("B")
        with write_errors(self._folder, _DISK_HINT):
            start = self._file.tell()
            written = 0
            while written < len(numbers):
                written += self._file.write(numbers[written:])
        self._runs.append((start, start + written))

    def __iter__(self) -> Iterator[Row]:
        """Yield a row for each key, in the order of keys; may be called several times."""
        keys = self._keys
        rows = heapq.merge(*(self._read(*run) for run in self._runs))
        for key, same in groupby(rows, itemgetter(slice(keys))):
            first, *others = same
            yield (*key, *map(sum, zip(*(row[keys:] for row in (first, *others)), strict=True))) if others else first

    def _read(self, start: int, end: int) -> Iterator[Row]:
        step = _BLOCK_ROWS * self._columns * _NUMBER_BYTES
        for offset in range(start, end, step):
            numbers = array("q", os.pread(self._file.fileno(), min(step, end - offset), offset))
            yield from zip(*[iter(numbers)] * self._columns, strict=True)


def _folder() -> Path:
    """Return the folder for temporary files.

    Raises:
        FileError: none can be written, as in a container with a read-only root.
    """
    try:
        return Path(gettempdir())
    except FileNotFoundError as error:
        raise FileError("there is no folder for temporary files", why=str(error.strerror), hint=_DISK_HINT) from error
