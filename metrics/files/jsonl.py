"""Frames on disk, or on standard input: one JSON object a line, plain or packed. The suffix of a name decides which.

`.gz`, `.xz` and `.zst` are packed, everything else is plain text. A line ends at a newline byte and nowhere else. One
that is longer than a frame may be is cut after MAX_FRAME_BYTES + 1 bytes, so that no file can fill the memory.
"""

import contextlib
import errno
import functools
import gzip
import io
import lzma
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import zstandard

from metrics.errors import FileError, SettingsError
from metrics.files import atomic
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.text import in_line

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PATTERNS = ("*.jsonl", "*.jsonl.gz", "*.jsonl.xz", "*.jsonl.zst")
DEFAULT_NAME = "stream.jsonl"
STANDARD_INPUT = Path("-")

_BUFFER_BYTES = 1 << 20
# Lines are taken from pieces of this size: some hundred frames, and few enough to stay in the processor's cache.
_PIECE_BYTES = 1 << 18
# One byte of zstd may stand for 30,000: pieces of this size keep what comes out of one small.
_ZSTD_PIECE_BYTES = 4_096

_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError)

_HOW_TO_READ = {
    errno.ENOENT: "name a file that is there, or make one: python app.py generate FILE",
    errno.EISDIR: "name one of the files in it",
    errno.EACCES: "allow reading it, or name another file",
}
_LESS = "write fewer frames, or pack them: a name that ends in .zst takes a tenth"


class FrameReader:
    """The frames of one open file, in order.

    Attributes:
        path: the file.
        size_bytes: its size on disk when it was opened; None for what has none, a pipe for instance.
    """

    def __init__(self, path: Path, file: "_CountedFile", unpacked: "io.BufferedReader[Any]") -> None:
        self.path = path
        self.size_bytes = file.size_bytes
        self._file = file
        self._unpacked = unpacked

    @property
    def read_bytes(self) -> int:
        """How many bytes of the file on disk have been read so far, some of them ahead of the last frame."""
        return self._file.read_bytes

    def __iter__(self) -> Iterator[bytes]:
        r"""Yield each line without its newline: an empty line as b"", a `\r` or anything else as it stands.

        Raises:
            FileError: the file cannot be read on, is not packed as its suffix says, or is broken or cut off.
        """
        for lines in self.batches():
            yield from lines

    def batches(self) -> Iterator[list[bytes]]:
        """Yield the lines, some at a time: of a pipe those that are there, so that none waits for the next.

        A line that was cut comes by itself.

        Raises:
            FileError: as above.
        """
        begun: list[bytes] = []  # the parts of a line whose end was not read yet; of a long one, the first of them
        begun_bytes = 0
        try:
            while piece := self._unpacked.read1(_PIECE_BYTES):
                lines = io.BytesIO(piece).readlines()  # split is much slower: it looks at each byte by itself
                if begun_bytes <= MAX_FRAME_BYTES:
                    begun.append(lines[0])
                begun_bytes += len(lines[0])
                if lines[0].endswith(b"\n"):
                    lines[0] = b"".join(begun)
                    if begun_bytes > MAX_FRAME_BYTES + 1:
                        yield [lines.pop(0)[: MAX_FRAME_BYTES + 1]]
                    begun = [] if not lines or lines[-1].endswith(b"\n") else [lines.pop()]
                    begun_bytes = sum(map(len, begun))
                    yield [line[:-1] for line in lines]
            if self.read_bytes == 0 and self.path.suffix.lower() in _UNPACK:
                raise EOFError("the file is empty; a packed file never is")  # gzip alone lets it pass
        except _BROKEN as error:
            raise _unreadable(self.path, error) from error
        if begun:
            yield [b"".join(begun)[: MAX_FRAME_BYTES + 1]]


@contextlib.contextmanager
def reading(path: Path) -> Iterator[FrameReader]:
    """Open a file of frames, or a pipe, for reading; `-` is standard input, as plain text, each line once it is there.

    Raises:
        FileError: there is no such file, it is a folder, or reading it is not allowed.
    """
    with _opened_to_read(path) as file:
        packed = io.BufferedReader(file, _BUFFER_BYTES)
        unpack = _UNPACK.get(path.suffix.lower())
        unpacked = packed if unpack is None else io.BufferedReader(unpack(packed), _BUFFER_BYTES)
        yield FrameReader(path, file, unpacked)


class Frames:
    """The frames of several files, one file after another; each is opened when it is reached.

    Attributes:
        paths: the files.
        size_bytes: what they have on disk together; None where one has no size, as a pipe.

    Raises:
        FileError: one is not there, is a folder, or reading it is not allowed.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        sizes_bytes = [_size_bytes(path) for path in paths]
        self.size_bytes = None if None in sizes_bytes else sum(filter(None, sizes_bytes))
        self._read_before_bytes = 0
        self._reader: FrameReader | None = None

    @property
    def read_bytes(self) -> int:
        """How many bytes on disk have been read so far, some of them ahead of the last frame."""
        return self._read_before_bytes + (self._reader.read_bytes if self._reader is not None else 0)

    def __iter__(self) -> Iterator[bytes]:
        """Yield each line of each file, without its newline.

        Raises:
            FileError: a file cannot be opened or read on, is not packed as its suffix says, or is broken or cut off.
        """
        for path in self.paths:
            with reading(path) as self._reader:
                yield from self._reader
            self._read_before_bytes, self._reader = self.read_bytes, None


class FrameWriter:
    """A file that frames are being written to."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self._file = file

    def write(self, frame: bytes) -> None:
        """Write one frame and the newline that ends it. The frame has no newline inside.

        Raises:
            FileError: the file cannot be written on, because the disk is full for instance.
        """
        assert b"\n" not in frame, "a frame is one line"
        try:
            self._file.write(frame + b"\n")
        except OSError as error:
            raise atomic.unwritable(self.path, error, _LESS) from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[FrameWriter]:
    """Open a file of frames for writing; the whole of it appears under its name at the end, or nothing does.

    An error or Ctrl-C inside leaves what the name stood for before. A pipe or a device is written to directly. Equal
    frames give equal bytes, packed ones too (with equal versions of the packers).

    Raises:
        FileError: the folder is not there, writing is not allowed, the name is a folder's, or the disk is full.
    """
    pack = _PACK.get(path.suffix.lower())
    with atomic.writing(path, _LESS) as file:
        packer = file if pack is None else pack(file)
        try:
            yield FrameWriter(path, packer)
            if packer is not file:
                with atomic.write_errors(path, _LESS):
                    packer.close()
        except BaseException:
            with contextlib.suppress(Exception):  # what is being raised tells more
                packer.close()
            raise


def default_file(folder: Path) -> Path | None:
    """Return the file to take when none is named: stream.jsonl, else the first by name of the first of PATTERNS.

    Returns:
        None when the folder has no such file, or is not there. Hidden files do not count.

    Raises:
        FileError: the folder cannot be read.
    """
    try:
        files = sorted(folder.iterdir())  # glob would take a folder that may not be read for an empty one
        for pattern in (DEFAULT_NAME, *PATTERNS):
            for file in files:
                if file.match(pattern) and _counts(file):
                    return file
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(folder, error) from error
    return None


def named(path: Path) -> str:
    """Return a path as errors name it."""
    return "standard input" if path == STANDARD_INPUT else in_line(str(path))


def expanded(paths: Sequence[Path]) -> list[Path]:
    """Return the files that paths stand for: a folder for its files of PATTERNS in the order of their names.

    Hidden files do not count. A file that is named itself counts whatever its name, and so does `-`, standard input.

    Raises:
        SettingsError: standard input is named twice.
        FileError: a path is not there, or is a folder that cannot be read or has no such file.
    """
    if paths.count(STANDARD_INPUT) > 1:
        raise SettingsError("standard input is named twice", now="name it once: it can be read but once")
    return [file for path in paths for file in _files_of(path)]


def _files_of(path: Path) -> list[Path]:
    try:
        if path == STANDARD_INPUT or not stat.S_ISDIR(path.stat().st_mode):
            return [path]
        files = [file for file in path.iterdir() if any(map(file.match, PATTERNS)) and _counts(file)]
    except OSError as error:
        raise _unreadable(path, error) from error
    if not files:
        raise FileError(
            f"{path} holds no file of frames",
            why=f"it is a folder without any of {', '.join(PATTERNS)}",
            now="name another, or make one: python app.py generate FILE",
        )
    return sorted(files)


def _counts(file: Path) -> bool:
    """Tell whether this is a file of frames; is_file would take one that may not be looked at for none."""
    with contextlib.suppress(FileNotFoundError):
        return not file.name.startswith(".") and stat.S_ISREG(file.stat().st_mode)
    return False


class _CountedFile(io.FileIO):
    """A file that knows how much of it has been read; a pipe cannot tell by its position.

    Attributes:
        size_bytes: its size when it was opened; None for what has none, a pipe for instance.
    """

    def __init__(self, path: Path) -> None:
        is_input = path == STANDARD_INPUT
        super().__init__(0 if is_input else path, closefd=not is_input)
        status = os.fstat(self.fileno())
        self.size_bytes = status.st_size if stat.S_ISREG(status.st_mode) else None
        self.read_bytes = 0

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        count = super().readinto(buffer)
        self.read_bytes += count
        return count


class _ZstdFile(io.RawIOBase):
    """Unpacks zstd, one frame of it after another, and notices a file cut off, which the library's reader does not."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._unpacker = zstandard.ZstdDecompressor().decompressobj()
        self._within = True  # inside a zstd frame, or before the first one
        self._packed = b""
        self._unpacked = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        while not self._unpacked:
            packed = self._packed or self._source.read(_ZSTD_PIECE_BYTES)
            if not packed and self._within:
                raise EOFError("the file ends before its zstd data does")
            if not packed:
                return 0
            self._unpack(packed)
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._unpacked))
        target[:count] = self._unpacked[:count]
        self._unpacked = self._unpacked[count:]
        return count

    def _unpack(self, packed: bytes) -> None:
        if not self._within:
            self._unpacker = zstandard.ZstdDecompressor().decompressobj()
        self._unpacked = memoryview(self._unpacker.decompress(packed))
        self._within = not self._unpacker.eof
        self._packed = self._unpacker.unused_data


def _opened_to_read(path: Path) -> _CountedFile:
    try:
        return _CountedFile(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _size_bytes(path: Path) -> int | None:
    """Return the size of a file that can be read; None for what has none. A pipe is not opened to find out."""
    if path != STANDARD_INPUT and not (stat.S_ISREG(_mode(path)) or stat.S_ISDIR(_mode(path))):
        return None
    with _opened_to_read(path) as file:
        return file.size_bytes


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> FileError:
    if isinstance(error, OSError) and error.errno is not None:
        now = _HOW_TO_READ.get(error.errno, "name another file")
        return FileError(f"{named(path)} cannot be read", why=error.strerror or str(error), now=now)
    return FileError(
        f"{named(path)} is broken, cut off, or not what its name says",
        why=str(error),
        now="get or make it again, or give it the name that fits: .gz, .xz and .zst are unpacked, all else is text",
    )


# Of equal frames equal files: no time and no name in the gzip header. xz at its default is ten times as slow.
_UNPACK: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file, mode="rb"),
    ".xz": lzma.LZMAFile,
    ".zst": _ZstdFile,
}
_PACK: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": lambda file: gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0),
    ".xz": functools.partial(lzma.LZMAFile, mode="wb", preset=1),
    ".zst": lambda file: zstandard.ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False),
}
