"""Compression by the suffix of a name: `.gz`, `.xz` or `.zst`; other files are plain."""

import functools
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any

import zstandard

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Errors of decompressing a file that is corrupt, truncated, or compressed otherwise.
BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError)

# One byte may expand to 30,000 of zstd, to 7,000 of xz: pieces of this size keep the output of one small.
_PIECE_BYTES = 1_024


def unpacked(path: PurePath, file: IO[bytes]) -> IO[bytes] | Any:
    """Return the decompressed contents of a file with this name; the file itself if it is plain."""
    unpack = _UNPACK.get(path.suffix.lower())
    return file if unpack is None else unpack(file)


def packed(path: PurePath, file: IO[bytes]) -> IO[bytes] | Any:
    """Return the compressor to write to for a file with this name; the file itself if it is plain."""
    pack = _PACK.get(path.suffix.lower())
    return file if pack is None else pack(file)


def is_packed(path: PurePath) -> bool:
    """Return whether this is the name of a compressed file."""
    return path.suffix.lower() in _UNPACK


class _Streams(io.RawIOBase):
    """A decompressor of any number of streams in a row.

    Unlike those of the libraries, it detects a truncated zstd file, and garbage or a corrupt stream after the first
    one of an xz file.

    Args:
        source: the compressed file.
        unpacker: makes the decompressor of one stream.
        padding: what may be between and after streams.
    """

    def __init__(self, source: IO[bytes], unpacker: Callable[[], Any], padding: bytes) -> None:
        self._source = source
        self._new_unpacker = unpacker
        self._padding = padding
        self._unpacker = unpacker()
        self._within = True  # inside a stream, or before the first one
        self._packed = b""
        self._unpacked = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        while not self._unpacked:
            packed = self._packed or self._source.read(_PIECE_BYTES)
            if not packed and self._within:
                raise EOFError("the file ends before its compressed data does")
            if not packed:
                return 0
            self._unpack(packed if self._within else packed.lstrip(self._padding))
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._unpacked))
        target[:count] = self._unpacked[:count]
        self._unpacked = self._unpacked[count:]
        return count

    def _unpack(self, packed: bytes) -> None:
        if not packed:
            self._packed = b""
            return
        if not self._within:
            self._unpacker = self._new_unpacker()
        self._unpacked = memoryview(self._unpacker.decompress(packed))
        self._within = not self._unpacker.eof
        self._packed = self._unpacker.unused_data


# Same lines, same bytes: no mtime or name in the gzip header. xz at its default is ten times as slow.
_UNPACK: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file, mode="rb"),
    ".xz": lambda file: _Streams(file, lzma.LZMADecompressor, padding=b"\0"),
    ".zst": lambda file: _Streams(file, zstandard.ZstdDecompressor().decompressobj, padding=b""),
}
_PACK: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": lambda file: gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0),
    ".xz": functools.partial(lzma.LZMAFile, mode="wb", preset=1),
    ".zst": lambda file: zstandard.ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False),
}
