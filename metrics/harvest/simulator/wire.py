"""Messages as bytes of server-sent events, with the faults of a stream."""

from collections.abc import Iterator
from random import Random

from metrics.harvest.simulator.faults import Faults
from metrics.harvest.simulator.spoiling import Drawn

BOM = b"\xef\xbb\xbf"
COMMENT = b": still here"
_LINE_ENDS = (b"\n", b"\r", b"\r\n")


class Wire:
    """The encoder of one stream.

    Args:
        random: draws mixed line ends.
    """

    def __init__(self, faults: Faults, random: Random) -> None:
        self._faults = faults
        self._random = random

    def opening(self) -> bytes:
        """Return the first bytes of a connection."""
        retry_ms = self._faults.retry_ms
        retry = b"" if retry_ms is None else self._block([b"retry:%d" % retry_ms])
        return (BOM if self._faults.bom else b"") + retry

    def heartbeat(self) -> bytes:
        """Return a comment, which belongs to no frame."""
        return self._block([COMMENT])

    def oversize(self) -> tuple[bytes, bytes]:
        """Return the bytes before and after the data of a frame without an id."""
        end = b"\n" if self._faults.line_end == "mixed" else self._faults.line_end.encode()
        return b"event:stream-started" + end + b"data:", end + end

    def id(self, message: Drawn) -> bytes:
        """Return the id of a frame as its client sees it; empty without one."""
        kind = self._faults.ids
        return b"" if kind in {"none", "nul"} else b"a/" + message.id if kind == "slash" else message.id

    def frame(self, message: Drawn) -> bytes:
        """Return a message as a frame."""
        if self._faults == Faults():  # the fast path
            event = b"" if message.event is None else b"event:%b\n" % message.event
            return b"id:%b\n%bdata:%b\n\n" % (message.id, event, message.data)
        comments = self._faults.comments
        block = self._block([*self._lines(message)])
        return self.heartbeat() + block + self.heartbeat() if comments else block

    def _lines(self, message: Drawn) -> Iterator[bytes]:
        if self._faults.ids == "nul":
            yield b"id:%b\x00" % message.id
        elif self._faults.ids != "none":
            yield b"id:" + self.id(message)
        if message.event is not None:
            yield b"event:" + message.event
        if self._faults.comments:
            yield COMMENT
        yield b"data:" + message.data

    def _block(self, lines: list[bytes]) -> bytes:
        """Return lines and a blank one, which after a CR does not end with a lone LF: CR LF would be one line end."""
        made = b""
        for line in (*lines, b""):
            ends = _LINE_ENDS if self._faults.line_end == "mixed" else [self._faults.line_end.encode()]
            is_one_end = not line and made.endswith(b"\r")
            made += line + self._random.choice([end for end in ends if not (is_one_end and end == b"\n")])
        return made


def middle_of_character(frame: bytes) -> int:
    """Return an offset inside a frame, if possible inside a character of several bytes."""
    return next((place for place, byte in enumerate(frame) if byte & 0xC0 == 0x80), len(frame) // 2)
