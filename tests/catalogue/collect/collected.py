"""What the tests of all collectors share: a whole reading, and packing apart from the code under test."""

import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import zstandard

from metrics.catalogue.collect.reading import Reading
from metrics.catalogue.collect.source import Source

MOVIES = b"title,duration_mins,original_language,size_mb\nUnforgiven,131,en,1200\n"
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


class Collected(NamedTuple):
    """What a whole reading has found."""

    parts: list[tuple[str, bytes]]
    sha256: str
    read_bytes: int
    size_bytes: int | None


def collect(sources: Sequence[Source]) -> Collected:
    """Read sources as a load does: every part to its end."""
    reading = Reading(sources)
    parts = [(part.path_name, part.stream.read()) for part in reading.parts()]
    return Collected(parts, reading.sha256, reading.read_bytes, reading.size_bytes)


def zipped(members: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> bytes:
    """Return an archive of these members, in this order."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in dict(members).items():
            archive.writestr(name, content)
    return file.getvalue()


def finish(reading: Reading) -> None:
    """Read sources to their end, though nobody reads their parts."""
    for _ in reading.parts():
        pass
