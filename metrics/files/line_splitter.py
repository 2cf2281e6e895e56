"""Lines of bytes that come in pieces."""

import io
from collections.abc import Iterator


class LineSplitter:
    """Lines of bytes that come in pieces. A line ends only at a newline byte; the last one needs none.

    Args:
        limit_bytes: of a line; a longer one may be cut, but at least one byte after it.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._begun: list[bytes] = []  # the parts of an unfinished line; only the first ones of a long line
        self._begun_bytes = 0

    def feed(self, piece: bytes) -> Iterator[list[bytes]]:
        """Yield the lines that end in the next piece, in lists, without their newlines."""
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

    def end(self) -> Iterator[list[bytes]]:
        """Yield the last line, if it has no newline."""
        if self._begun:
            yield [b"".join(self._begun)[: self._limit_bytes + 1]]
