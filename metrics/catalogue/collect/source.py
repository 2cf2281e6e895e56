"""The interface of all collectors, and the errors of reading."""

import errno
import io
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metrics.files.packed import BROKEN as BROKEN_STREAM
from metrics.wording.errors import FileError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE_BYTES = 1 << 18

AGAIN = "load it again; nothing was loaded"
UNREACHED = "check the address, and that the server runs; SSL_CERT_FILE names the certificates to trust"

# Errors of unpacking bytes that are corrupt, truncated, or compressed in another way.
BROKEN = (*BROKEN_STREAM, zipfile.BadZipFile)

_HOW_TO_READ = {
    errno.ENOENT: "name a file, folder or pattern that exists, or generate files: python app.py catalogue generate DIR",
    errno.EACCES: "allow reading it, or name another",
}


@dataclass
class Source(ABC):
    """The stored bytes of one file, object or download.

    Attributes:
        name: for people, and for `catalogue_load`; never with credentials.
        path_name: the last part of its path; the suffixes say its format and compression.
        size_bytes: None if unknown; the size of an object or a download is known once its first piece has been read.
    """

    name: str
    path_name: str
    size_bytes: int | None

    @abstractmethod
    def pieces(self) -> Generator[bytes, None, None]:
        """Yield the stored bytes in pieces of 1 MB at most.

        The law: it ends without an error only if it has yielded all bytes of one version of the source.

        Raises:
            FileError: the source is missing, unreadable or incomplete, or has changed meanwhile.
        """


def stream(pieces: Iterator[bytes]) -> io.BufferedReader:
    """Return a stream over pieces; it ends only after they have ended without an error."""
    return io.BufferedReader(_Pieces(pieces), PIECE_BYTES)


class _Pieces(io.RawIOBase):
    """A binary stream over pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._piece = memoryview(piece)
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._piece))
        target[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count


@contextmanager
def read_errors(name: str) -> Iterator[None]:
    """Turn errors of reading a local source into FileErrors.

    Raises:
        FileError: it cannot be read.
    """
    try:
        yield
    except OSError as error:
        hint = _HOW_TO_READ.get(error.errno or 0, "name another file")
        raise FileError(f"{name} cannot be read", why=error.strerror or str(error), hint=hint) from error


def check_length(name: str, pieces: Iterable[bytes], length_bytes: int | None) -> Generator[bytes, None, None]:
    """Yield pieces, and check their length at the end.

    Args:
        name: of the source.
        length_bytes: announced by the server; None if the pieces mark their end themselves.

    Raises:
        FileError: their length is different.
    """
    received_bytes = 0
    for piece in pieces:
        received_bytes += len(piece)
        yield piece
    if length_bytes not in (None, received_bytes):
        raise incomplete(name, received_bytes, length_bytes or 0)


def incomplete(name: str, received_bytes: int, length_bytes: int) -> FileError:
    """Return the error for a source of which too few bytes came, or too many."""
    return FileError(f"{name} is incomplete", why=f"{received_bytes:,} of {length_bytes:,} bytes came", hint=AGAIN)


def corrupt(name: str, why: str) -> FileError:
    """Return the error for a source that cannot be unpacked."""
    return FileError(
        f"{name} is corrupt, truncated, or not what its name says",
        why=why,
        hint="recreate it, or rename it: .gz, .xz, .zst and .zip are unpacked, anything else is read as text",
    )
