"""Lines of a body that comes in pieces, plain or compressed, in bounded memory."""

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import zstandard

from metrics.files.line_splitter import LineSplitter

LINES_AT_ONCE = 1_000

# What one step makes of compressed bytes. For the decompressor of gzip it is a limit; that of zstd has none, and makes
# up to 30,000 bytes of one, so it gets few at once.
_UNPACKED_BYTES = 1 << 18
_ZSTD_PIECE_BYTES = 64
# Lines may be one byte long, so bytes are split 64 KiB at a time.
_SPLIT_BYTES = 1 << 16
# A compressed body that expands by more than this is refused. Events of players expand by 30 at most.
MAX_RATIO, ANY_RATIO_BYTES = 250, 4 << 20
ZSTD_WINDOW_BYTES = 8 << 20  # the largest of a Content-Encoding, by RFC 9659


class BrokenBodyError(Exception):
    """A body that is not compressed as it should be, or ends too early."""


class LinesOfBody:
    """Lines of a body, in batches, without their newlines.

    Args:
        encoding: one of ENCODINGS.
        limit_bytes: of a line; a longer one may be cut, but at least one byte after it.
    """

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        self._unpacker = _UNPACKERS[encoding]()
        self._splitter = LineSplitter(limit_bytes)
        self._bytes = self._unpacked_bytes = 0

    def feed(self, piece: bytes) -> Iterator[list[bytes]]:
        """Yield the lines that end in the next piece of the body.

        Raises:
            BrokenBodyError: the body is not compressed as it should be, or expands by more than MAX_RATIO.
        """
        self._bytes += len(piece)
        for plain in self._unpacker.feed(piece):
            self._unpacked_bytes += len(plain)
            if self._unpacked_bytes > max(ANY_RATIO_BYTES, MAX_RATIO * self._bytes):
                raise BrokenBodyError(f"the body unpacks to more than {MAX_RATIO} times its size")
            for start in range(0, len(plain), _SPLIT_BYTES):
                for lines in self._splitter.feed(plain[start : start + _SPLIT_BYTES]):
                    yield from batches(lines)

    def end(self) -> Iterator[list[bytes]]:
        """Yield the last line, if it has no newline.

        Raises:
            BrokenBodyError: the body ends before its compressed data does; the last line may be incomplete.
        """
        self._unpacker.end()
        yield from self._splitter.end()


def batches(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Yield lines in batches that are validated and handed over at once."""
    for start in range(0, len(lines), LINES_AT_ONCE):
        yield lines[start : start + LINES_AT_ONCE]


class _Plain:
    """A body that is not compressed."""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        yield piece

    def end(self) -> None: ...


class _Packed:
    """A compressed body: any number of streams in a row, with zeros between and after them.

    Args:
        new: makes the decompressor of one stream.
        step: returns what a decompressor makes of some of these bytes, in bounded memory, and the other bytes.
    """

    def __init__(self, new: Callable[[], Any], step: "_Step") -> None:
        self._new, self._step = new, step
        self._stream = new()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        plain: list[bytes] = []
        size_bytes = 0
        try:
            for part in self._parts(memoryview(piece)):
                plain.append(part)
                size_bytes += len(part)
                if size_bytes >= _UNPACKED_BYTES:
                    yield b"".join(plain)
                    plain, size_bytes = [], 0
        except (zlib.error, zstandard.ZstdError) as error:
            yield b"".join(plain)
            raise BrokenBodyError(f"the body cannot be unpacked: {error}") from error
        yield b"".join(plain)

    def _parts(self, rest: memoryview) -> Iterator[bytes]:
        is_full = False
        while rest or is_full:
            if self._stream.eof:
                rest = memoryview(bytes(rest).lstrip(b"\0"))
                if not rest:
                    break
                self._stream = self._new()
            part, rest = self._step(self._stream, rest)
            is_full = len(part) == _UNPACKED_BYTES  # the decompressor may have more
            yield part

    def end(self) -> None:
        if not self._stream.eof:
            raise BrokenBodyError("the body ends before its compressed data does")


_Step = Callable[[Any, memoryview], tuple[bytes, memoryview]]


def _gunzip(stream: Any, packed: memoryview) -> tuple[bytes, memoryview]:
    part = stream.decompress(packed, _UNPACKED_BYTES)
    return part, memoryview(stream.unused_data if stream.eof else stream.unconsumed_tail)


def _unzstd(stream: Any, packed: memoryview) -> tuple[bytes, memoryview]:
    part = stream.decompress(packed[:_ZSTD_PIECE_BYTES])
    rest = packed[_ZSTD_PIECE_BYTES:]
    return part, memoryview(stream.unused_data + bytes(rest)) if stream.eof else rest


def _zstd_stream() -> Any:
    return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()


_UNPACKERS: dict[str, Callable[[], _Plain | _Packed]] = {
    "identity": _Plain,
    "gzip": lambda: _Packed(lambda: zlib.decompressobj(zlib.MAX_WBITS | 16), _gunzip),
    "zstd": lambda: _Packed(_zstd_stream, _unzstd),
}
ENCODINGS = tuple(_UNPACKERS)
