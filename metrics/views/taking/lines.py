"""Lines of a body that comes in pieces, plain or compressed, in bounded memory."""

import io
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import zstandard

# What one step makes of compressed bytes. For the decompressor of gzip it is a limit; that of zstd has none, and makes
# up to 30,000 bytes of one, so it gets few at once.
_UNPACKED_BYTES = 1 << 18
_ZSTD_PIECE_BYTES = 256
ZSTD_WINDOW_BYTES = 8 << 20  # the largest of a Content-Encoding, by RFC 9659


class BrokenBodyError(Exception):
    """A body that is not compressed as it should be, or ends too early."""


class LinesOfBody:
    """Lines of a body.

    A line ends only at a newline byte; the last one needs none. A line that is too long is cut.

    Args:
        encoding: `identity`, `gzip` or `zstd`.
        limit_bytes: of a line; a longer one is cut to one byte more.
    """

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        self._unpacker = _UNPACKERS[encoding]()
        self._limit_bytes = limit_bytes
        self._begun: list[bytes] = []  # the parts of an unfinished line, up to the limit
        self._begun_bytes = 0

    def feed(self, piece: bytes) -> Iterator[list[bytes]]:
        """Yield the lines that end in the next piece of the body, in lists, without their newlines.

        Raises:
            BrokenBodyError: the body is not compressed as it should be.
        """
        for plain in self._unpacker.feed(piece):
            yield from self._lines(plain)

    def end(self) -> Iterator[list[bytes]]:
        """Yield the last line, if it has no newline.

        Raises:
            BrokenBodyError: the body ends before its compressed data does; the last line may be incomplete.
        """
        self._unpacker.end()
        if self._begun:
            yield [b"".join(self._begun)[: self._limit_bytes + 1]]

    def _lines(self, piece: bytes) -> Iterator[list[bytes]]:
        if not piece:
            return
        lines = io.BytesIO(piece).readlines()  # split is much slower: it examines each byte
        if self._begun_bytes <= self._limit_bytes:
            self._begun.append(lines[0])
        self._begun_bytes += len(lines[0])
        if not lines[0].endswith(b"\n"):
            return
        lines[0] = b"".join(self._begun)
        if self._begun_bytes > self._limit_bytes + 1:
            yield [lines.pop(0)[: self._limit_bytes + 1]]
        self._begun = [] if not lines or lines[-1].endswith(b"\n") else [lines.pop()]
        self._begun_bytes = sum(map(len, self._begun))
        yield [line[:-1] for line in lines]


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
        rest, plain, size_bytes, is_full = memoryview(piece), list[bytes](), 0, False
        while rest or is_full:
            if self._stream.eof:
                rest = memoryview(bytes(rest).lstrip(b"\0"))
                if not rest:
                    break
                self._stream = self._new()
            try:
                part, rest = self._step(self._stream, rest)
            except (zlib.error, zstandard.ZstdError) as error:
                raise BrokenBodyError(f"the body cannot be unpacked: {error}") from error
            plain.append(part)
            size_bytes += len(part)
            is_full = len(part) == _UNPACKED_BYTES  # the decompressor may have more
            if size_bytes >= _UNPACKED_BYTES:
                yield b"".join(plain)
                plain, size_bytes = [], 0
        if size_bytes:
            yield b"".join(plain)

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
