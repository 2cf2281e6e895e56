"""A client of streams over a bare socket, which knows of HTTP only what a test of a server must see."""

import socket
import time
from base64 import b64encode
from contextlib import suppress
from types import TracebackType
from typing import Self

from metrics.harvest.simulator.server import Endpoint

TIMEOUT_S = 20


class RawClient:
    """One request for one stream.

    Args:
        endpoint: the streams, or their address if user and password are `sytac`.
        credentials: others than those of the endpoint.

    Attributes:
        head: the lines before the body; empty until it came.
        longest_chunk: in bytes.
        is_complete: whether the response ended as HTTP ends one.
        is_reset: whether the connection was reset.
    """

    def __init__(
        self,
        endpoint: Endpoint | str,
        stream: str,
        *,
        method: str = "GET",
        credentials: str = "",
        last_id: bytes | None = None,
    ) -> None:
        if isinstance(endpoint, str):
            url, known = endpoint, "sytac:sytac"
        else:
            url, known = endpoint.url, f"{endpoint.user}:{endpoint.password}"
        host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=TIMEOUT_S)
        last = b"" if last_id is None else b"Last-Event-ID: " + last_id + b"\r\n"
        self._socket.sendall(
            b"%b /%b HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %b\r\n%b\r\n"
            % (method.encode(), stream.encode(), b64encode((credentials or known).encode()), last)
        )
        self._unread, self._body = bytearray(), bytearray()
        self.head: list[str] = []
        self.longest_chunk = 0
        self.is_complete = self.is_reset = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    @property
    def status(self) -> int:
        """Wait for the head, and return its status."""
        while not self.head and self.read_part():
            pass
        return int(self.head[0].split()[1])

    def header(self, name: str) -> str | None:
        """Return a header of the head that came."""
        found = [line.partition(": ")[2] for line in self.head if line.lower().startswith(name.lower() + ": ")]
        return found[0] if found else None

    @property
    def body(self) -> bytes:
        """The body so far, without the lengths of its chunks."""
        return bytes(self._body)

    def read(self, frames: int | None = None, *, end: bytes = b"\n\n") -> bytes:
        """Read the body until it has a number of ends of frames; without a number, until the connection ends."""
        while (frames is None or self._body.count(end) < frames) and not self.is_complete and self.read_part():
            pass
        return self.body

    def read_for(self, seconds: float) -> bytes:
        """Read what comes within some time."""
        until_s = time.monotonic() + seconds
        with suppress(TimeoutError):
            while (left_s := until_s - time.monotonic()) > 0:
                self._socket.settimeout(left_s)
                if not self.read_part():
                    break
        self._socket.settimeout(TIMEOUT_S)
        return self.body

    def drop(self, frames: int) -> int:
        """Read at least a number of frames, keep none of them, and return how many they were."""
        dropped = 0
        while dropped < frames and self.read_part():
            dropped += self._body.count(b"\n\n")
            del self._body[:-1]
        return dropped

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def read_part(self) -> bool:
        """Read what is there, at least a byte; return whether the connection is open."""
        try:
            part = self._socket.recv(1 << 18)
        except ConnectionResetError:
            self.is_reset = True
            return False
        self._unread += part
        if not self.head and b"\r\n\r\n" in self._unread:
            head, _, rest = bytes(self._unread).partition(b"\r\n\r\n")
            self.head, self._unread = head.decode().split("\r\n"), bytearray(rest)
        if self.head:
            self._take_body()
        return bool(part)

    def _take_body(self) -> None:
        if self.header("Transfer-Encoding") != "chunked":
            self._body += self._unread
            self._unread.clear()
            self.is_complete = len(self._body) == int(self.header("Content-Length") or 0)
            return
        at = 0
        while (line_end := self._unread.find(b"\r\n", at)) >= 0:
            start, length = line_end + 2, int(self._unread[at:line_end], 16)
            if len(self._unread) < start + length + 2:
                break
            self._body += self._unread[start : start + length]
            at = start + length + 2
            self.longest_chunk = max(self.longest_chunk, length)
            self.is_complete = length == 0
        del self._unread[:at]
