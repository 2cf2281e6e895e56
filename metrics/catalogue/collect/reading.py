"""One pass over all sources of a load, in which the bytes are counted, hashed and unpacked."""

import hashlib
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from metrics.catalogue.collect import archive
from metrics.catalogue.collect.local import LocalFile
from metrics.catalogue.collect.source import BROKEN, PIECE_BYTES, Source, corrupt, stream
from metrics.files.atomic import write_errors
from metrics.files.packed import is_packed, unpacked
from metrics.wording.text import in_line

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MORE_ROOM = "set TMPDIR to a folder that has room for the archive"


class Part(NamedTuple):
    """A source, or a member of an archive.

    Attributes:
        name: for people.
        path_name: the last part of its path, without the suffix of its compression: `movies.csv`.
        stream: its contents, unpacked. It raises FileErrors, and ends without one only if its source is complete.
    """

    name: str
    path_name: str
    stream: io.BufferedReader


class Reading:
    """One pass over the sources of a load.

    Attributes:
        sources: where the bytes come from.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources
        self._read_bytes = 0
        self._archive: IO[bytes] | None = None  # a local one, of which members are read
        self._digest = hashlib.sha256()
        self._is_complete = False

    @property
    def size_bytes(self) -> int | None:
        """The stored size of all sources; None if that of one is unknown, perhaps only until its part is reached."""
        sizes_bytes = [source.size_bytes for source in self.sources]
        return None if None in sizes_bytes else sum(filter(None, sizes_bytes))

    @property
    def read_bytes(self) -> int:
        """The number of stored bytes read so far, of `size_bytes`; in a local archive, up to the current member."""
        return self._read_bytes + (0 if self._archive is None else self._archive.tell())

    @property
    def sha256(self) -> str:
        """The digest over the stored bytes of all sources, once all parts were read."""
        assert self._is_complete, "all parts were read"
        return self._digest.hexdigest()

    def digest_ahead(self) -> str | None:
        """Return what `sha256` will be; None unless all sources are files that can be read twice.

        Raises:
            FileError: a file cannot be read.
        """
        digest = hashlib.sha256()
        for source in self.sources:
            if not isinstance(source, LocalFile) or not source.is_regular:
                return None
            for piece in source.pieces():
                digest.update(piece)
        return digest.hexdigest()

    def parts(self) -> Iterator[Part]:
        """Yield the contents of the sources, one part after another; each must be read before the next one.

        Anything that its reader leaves unread is read and checked, too; then a part's stream cannot be read any more.

        Raises:
            FileError: a source is missing, unreadable, incomplete or corrupt, or it changed meanwhile.
        """
        for source in self.sources:
            if PurePosixPath(source.path_name).suffix.lower() == ".zip":
                yield from self._members(source)
            else:
                with closing(source.pieces()) as pieces, stream(self._count(pieces)) as stored:
                    yield from _part(source.name, source.path_name, stored)
                    assert not stored.read(1), "unpacking reads to the end"
        self._is_complete = True

    def _count(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._digest.update(piece)
            self._read_bytes += len(piece)
            yield piece

    def _members(self, source: Source) -> Iterator[Part]:
        with self._seekable(source) as file, archive.open_archive(source.name, file) as opened:
            for member in archive.members(source.name, opened):
                name = f"{source.name}: {in_line(member.filename)}"
                with archive.open_member(name, opened, member) as contents:
                    yield from _part(name, archive.path_name(member), contents)

    @contextmanager
    def _seekable(self, source: Source) -> Iterator[IO[bytes]]:
        """Read, hash and check a source, and yield it as a file: an archive has its index at the end."""
        if isinstance(source, LocalFile) and source.is_regular:
            with source.open() as file:
                for piece in source.pieces_of(file):
                    self._digest.update(piece)
                file.seek(0)
                self._archive = file
                try:
                    yield file
                finally:
                    self._archive = None
                self._read_bytes += source.size_bytes or 0
        else:
            folder = Path(tempfile.gettempdir())
            with write_errors(folder, _MORE_ROOM):
                file = tempfile.TemporaryFile()  # noqa: SIM115  # closed below
            with file:
                with write_errors(folder, _MORE_ROOM), closing(source.pieces()) as pieces:
                    for piece in self._count(pieces):
                        file.write(piece)
                yield file


class _Contents(io.RawIOBase):
    """Unpacked contents whose errors are FileErrors; its reader may close it before it is drained."""

    def __init__(self, name: str, contents: Any) -> None:
        self._name = name
        self._contents = contents

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        try:
            return int(self._contents.readinto(buffer))
        except BROKEN as error:
            raise corrupt(self._name, str(error)) from error

    def drain(self) -> None:
        """Read the rest, so that all of it is checked."""
        buffer = bytearray(PIECE_BYTES)
        while self.readinto(buffer):
            pass


def _part(name: str, path_name: str, stored: Any) -> Iterator[Part]:
    """Yield the part, then read what its reader has left unread."""
    path = PurePosixPath(path_name)
    if is_packed(path):
        if not stored.peek(1):
            raise corrupt(name, "the file is empty; a compressed file never is")  # gzip would accept it
        path_name = path.stem
    contents = _Contents(name, unpacked(path, stored))
    with contents:
        yield Part(name, path_name, io.BufferedReader(contents, PIECE_BYTES))
        contents.drain()
