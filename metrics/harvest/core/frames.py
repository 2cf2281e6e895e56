"""Frames of a connection, parsed from its bytes as they arrive."""

from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"
_RETRY_DIGITS = 15


class Frame(NamedTuple):
    r"""A block of a stream with at least one `data` line. Its values are bytes as received, which may not be UTF-8.

    Attributes:
        event: its name; empty without one.
        data: the values of its data lines, joined by `\n`; empty if it is too long.
        id: its own id, which may be empty; None without one.
        is_too_long: whether its block has more bytes than the limit.
        end: offset in the connection just after the frame; a CRLF blank line ends with its CR.
    """

    event: bytes
    data: bytes
    id: bytes | None
    is_too_long: bool
    end: int


class FrameParser:
    r"""Parser of the bytes of one connection, by the grammar of the HTML standard, section 9.2.6.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

    Laws:
        However the bytes are cut into chunks, the frames, their ends, `last_id` and `retry_ms` are the same. The bytes
        up to the end of a frame contain exactly the frames through it. Both need a blank line to end with its first
        byte: the LF of a CRLF is a byte of the next block.

        A block begins at the end of the block before it. One of more than `limit_bytes` loses its data, and any line of
        more than `limit_bytes` is ignored; its id still counts, so a reconnect does not fetch it again. Memory is a
        small multiple of the limit and of one chunk, and time is linear in the bytes, for any input.

    Read literally, the standard forgets the last event ID in the first block of a new connection that has none. As in
    browsers (web-platform-tests, eventsource/format-field-id-2), it is kept: pass the `last_id` of one connection on to
    the next.
    """

    def __init__(self, limit_bytes: int, last_id: bytes = b"") -> None:
        self._limit = limit_bytes
        self._longest_start = limit_bytes + len(_BOM + b"data:")
        self._last_id = last_id
        self._retry_ms: int | None = None
        self._read = 0
        self._block_start = 0
        self._is_first_line = True
        self._is_after_cr = False
        self._line_start = bytearray()
        self._event = b""
        self._id: bytes | None = None
        self._has_data = False
        self._data = bytearray()

    @property
    def last_id(self) -> bytes:
        """The last event ID: of the last block that ended and had an id, with or without data."""
        return self._last_id

    @property
    def retry_ms(self) -> int | None:
        """The reconnection time that the server last asked for, in milliseconds."""
        return self._retry_ms

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes, and return the frames that end in them."""
        if not chunk:
            return []
        frames = []
        if self._is_after_cr and chunk.startswith(b"\n"):
            self._read += 1
            chunk = chunk[1:]
        self._is_after_cr = chunk.endswith(b"\r")
        for ended in chunk.splitlines(keepends=True):
            line = ended.rstrip(b"\r\n")
            if len(line) == len(ended):
                self._keep(line)
            elif (frame := self._end_line(line)) is not None:
                frames.append(frame)
            self._read += len(ended)
        return frames

    def _keep(self, start: bytes) -> None:
        """Keep the start of an incomplete line: enough to know its field, and whether it is too long."""
        self._line_start += start[: self._longest_start - len(self._line_start)]

    def _end_line(self, line: bytes) -> Frame | None:
        """Take the rest of a line; return a frame if it is the blank line that ends one."""
        end = self._read + len(line) + 1
        if self._line_start:
            line = bytes(self._line_start + line)
            self._line_start.clear()
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BOM)
        if line:
            self._take_field(line, end)
            return None
        return self._end_block(end)

    def _take_field(self, line: bytes, end: int) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._has_data = True
            if end - self._block_start <= self._limit:
                self._data += value
                self._data += b"\n"
        elif len(line) > self._limit:
            return
        elif name == b"event":
            self._event = value
        elif name == b"id" and b"\0" not in value:
            self._id = value
        elif name == b"retry" and value.isdigit():
            self._retry_ms = int(value.lstrip(b"0")[:_RETRY_DIGITS] or b"0")

    def _end_block(self, end: int) -> Frame | None:
        is_too_long = end - self._block_start > self._limit
        frame = None
        if self._id is not None:
            self._last_id = self._id
        if self._has_data:
            data = b"" if is_too_long else bytes(self._data[:-1])
            frame = Frame(self._event, data, self._id, is_too_long, end)
        self._block_start = end
        self._event, self._id, self._has_data = b"", None, False
        self._data.clear()
        return frame
