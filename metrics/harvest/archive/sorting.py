"""Rows in the order of their keys, however many there are: sorted in parts on disk, then merged."""

import heapq
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import msgspec

from metrics.files.atomic import write_errors
from metrics.harvest.core.order import SortKey

PART_BYTES = 16 << 20
_BLOCK_BYTES = 64 << 10
PREFIX = ".sorting-"
"""Prefix of the temporary file's name, on file systems that cannot create unnamed files."""

_Row = tuple[SortKey, bytes]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Row]).decode


def sorted_rows(rows: Iterable[_Row], folder: Path) -> Iterator[bytes]:
    """Yield rows in the order of their keys, which are all different.

    Memory is a small multiple of PART_BYTES, and one block per part.

    Args:
        folder: for an unnamed temporary file.

    Raises:
        FileError: the disk is full, or the folder cannot be written.
    """
    with write_errors(folder, "use a larger disk"), TemporaryFile(dir=folder, prefix=PREFIX, buffering=0) as file:
        parts = [[_write(file, block) for block in _cut(sorted(part), _BLOCK_BYTES)] for part in _cut(rows, PART_BYTES)]
        for _, row in heapq.merge(*(_read(file, blocks) for blocks in parts)):
            yield row


def _cut(rows: Iterable[_Row], size_bytes: int) -> Iterator[list[_Row]]:
    """Yield lists of consecutive rows, each of about this size."""
    taken: list[_Row] = []
    taken_bytes = 0
    for row in rows:
        taken.append(row)
        taken_bytes += len(row[1])
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


def _read(file: IO[bytes], blocks: list[tuple[int, int]]) -> Iterator[_Row]:
    for offset, size in blocks:
        yield from _decode(os.pread(file.fileno(), size, offset))
