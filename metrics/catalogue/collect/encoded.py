"""Content encodings of downloads and objects."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from metrics.catalogue.collect.source import BROKEN, PIECE_BYTES, corrupt, stream
from metrics.files.packed import unpacked
from metrics.wording.errors import FileError

# The suffix of a file that is compressed in the same way.
_SUFFIXES = {"gzip": ".gz", "x-gzip": ".gz", "zstd": ".zst"}


def needs_decoding(encoding: str, path_name: str) -> bool:
    """Return whether the bytes must be decoded to get the file of this name: not if that is compressed in this way."""
    suffix = _SUFFIXES.get(encoding, "")
    return encoding not in ("", "identity") and PurePosixPath(path_name).suffix.lower() != suffix


def decode(name: str, encoding: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the decoded bytes in pieces.

    Args:
        name: of the source.
        encoding: the value of the header Content-Encoding, in lower case.

    Raises:
        FileError: the encoding is unknown, or the bytes are corrupt or truncated.
    """
    suffix = _SUFFIXES.get(encoding)
    if suffix is None:
        raise FileError(
            f"{name} cannot be decoded",
            why=f"it is sent with the content encoding {encoding}, although none was requested",
            hint="let the server send it unencoded, or encoded as gzip or zstd",
        )
    contents = unpacked(PurePosixPath(f"contents{suffix}"), stream(pieces))
    try:
        while piece := contents.read(PIECE_BYTES):
            yield piece
    except BROKEN as error:
        raise corrupt(name, str(error)) from error
