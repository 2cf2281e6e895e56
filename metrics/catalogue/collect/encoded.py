"""Content encodings of downloads and objects."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from metrics.catalogue.collect.source import BROKEN, PIECE_BYTES, corrupt, stream
from metrics.errors import FileError
from metrics.files.packed import unpacked

# How each encoding is unpacked: as a file with this suffix is.
_SUFFIXES = {"gzip": ".gz", "x-gzip": ".gz", "zstd": ".zst"}


def is_decoded(encoding: str, path_name: str) -> bool:
    """Return whether the bytes must be decoded to get the file of this name: not if it is itself compressed so."""
    suffix = _SUFFIXES.get(encoding, "")
    return encoding not in ("", "identity") and PurePosixPath(path_name).suffix.lower() != suffix


def decoded(name: str, encoding: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield decoded pieces.

    Args:
        name: of the source.
        encoding: as in the header Content-Encoding, in lower case.

    Raises:
        FileError: the encoding is unknown, or the bytes are corrupt or truncated.
    """
    suffix = _SUFFIXES.get(encoding)
    if suffix is None:
        raise FileError(
            f"{name} cannot be decoded",
            why=f"it is sent with the content encoding {encoding}, though none was asked for",
            hint="let the server send it as it is, or encoded as gzip or zstd",
        )
    contents = unpacked(PurePosixPath(f"contents{suffix}"), stream(pieces))
    try:
        while piece := contents.read(PIECE_BYTES):
            yield piece
    except BROKEN as error:
        raise corrupt(name, str(error)) from error
