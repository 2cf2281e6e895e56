"""Rows in the order of their keys, however many there are: sorted in parts on disk, then merged."""

import heapq
import os
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import msgspec

from metrics.files.atomic import write_errors

PART_BYTES = 16 << 20
_BLOCK_BYTES = 64 << 10
_OBJECTS_BYTES = 250  # the Python objects of a row, beside its bytes
PREFIX = ".sorting-"
"""Prefix of the temporary file's name, on file systems that cannot create unnamed files."""

_Row = tuple[tuple[Any, ...], bytes]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Row]).decode


class SortedRows:
    """Rows in the order of their keys, which are all different.

    They may be read several times, also at once. Memory is a small multiple of PART_BYTES while they are sorted, and
    one block per part while they are read.

    Args:
        folder: for an unnamed temporary file, which is closed with the last reference to the rows.

    Raises:
        FileError: the disk is full, or the folder cannot be written.
    """

    def __init__(self, rows: Iterable[_Row], folder: Path) -> None:
        with write_errors(folder, "use a larger disk"):
            self._file = TemporaryFile(dir=folder, prefix=PREFIX, buffering=0)  # noqa: SIM115  # closed as said above
            weakref.finalize(self, self._file.close)
            self._parts = [
                [_write(self._file, block) for block in _cut(sorted(part), _BLOCK_BYTES)]
                for part in _cut(rows, PART_BYTES)
            ]

    def __iter__(self) -> Iterator[bytes]:
        """Yield the rows.

        Raises:
            OSError: the file cannot be read.
        """
        for _, row in heapq.merge(*map(self._read, self._parts)):
            yield row

    def _read(self, blocks: list[tuple[int, int]]) -> Iterator[_Row]:
        for offset, size in blocks:
            yield from _decode(os.pread(self._file.fileno(), size, offset))


def _cut(rows: Iterable[_Row], size_bytes: int) -> Iterator[list[_Row]]:
    """Yield lists of consecutive rows, each of about this size."""
    taken: list[_Row] = []
    taken_bytes = 0
    for row in rows:
        taken.append(row)
        taken_bytes += len(row[1]) + _OBJECTS_BYTES
        if taken_bytes >= size_bytes:
            yield taken
            taken, taken_bytes = [], 0
    if taken:
        yield taken


def _write(file: IO[bytes], block: list[_Row]) -> tuple[int, int]:
    """Append a block to the file; return its offset and its size."""
    offset, data = file.tell(), memoryview(_encode(block))
    written = 0
    while written < len(data):
        written += file.write(data[written:])
    return offset, len(data)
