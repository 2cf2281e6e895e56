"""A client of streams over a bare socket, which knows of HTTP only what a test of a server must see."""

import socket
import time
from base64 import b64encode
from types import TracebackType
from typing import Self

from metrics.harvest.simulator.server import Endpoint

TIMEOUT_S = 20


class RawClient:
    """One request for one stream.

    Attributes:
        head: the lines before the body; empty until it came.
        body: of the response, without the lengths of its chunks.
        is_complete: whether the response ended as HTTP ends one.
        is_reset: whether the connection was reset.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        stream: str,
        *,
        method: str = "GET",
        credentials: str | None = None,
        last_id: bytes | None = None,
    ) -> None:
        host, _, port = endpoint.url.removeprefix("http://").rstrip("/").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=TIMEOUT_S)
        allowed = credentials or f"{endpoint.user}:{endpoint.password}"
        last = b"" if last_id is None else b"Last-Event-ID: " + last_id + b"\r\n"
        self._socket.sendall(
            b"%b /%b HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %b\r\n%b\r\n"
            % (method.encode(), stream.encode(), b64encode(allowed.encode()), last)
        )
        self._unread = b""
        self.head: list[str] = []
        self.body = b""
        self.is_complete = self.is_reset = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    @property
    def status(self) -> int:
        """Wait for the head, and return its status."""
        while not self.head and self._receive():
            pass
        return int(self.head[0].split()[1])

    def header(self, name: str) -> str | None:
        """Return a header of the head that came."""
        found = [line.partition(": ")[2] for line in self.head if line.lower().startswith(name.lower() + ": ")]
        return found[0] if found else None

    def read(self, frames: int | None = None, *, end: bytes = b"\n\n") -> bytes:
        """Read the body until it has so and so many ends of frames, or without a number until it ends."""
        while (frames is None or self.body.count(end) < frames) and not self.is_complete and self._receive():
            pass
        return self.body

    def read_for(self, seconds: float) -> bytes:
        """Read what comes within some time."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            self._socket.settimeout(left_s)
            try:
                if not self._receive():
                    break
            except TimeoutError:
                break
        self._socket.settimeout(TIMEOUT_S)
        return self.body

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _receive(self) -> bool:
        try:
            part = self._socket.recv(1 << 20)
        except ConnectionResetError:
            self.is_reset = True
            return False
        self._unread += part
        if not self.head and b"\r\n\r\n" in self._unread:
            head, _, self._unread = self._unread.partition(b"\r\n\r\n")
            self.head = head.decode().split("\r\n")
        if self.head:
            self._dechunk()
        return bool(part)

    def _dechunk(self) -> None:
        if self.header("Transfer-Encoding") != "chunked":
            self.body, self._unread = self.body + self._unread, b""
            self.is_complete = len(self.body) == int(self.header("Content-Length") or 0)
            return
        while b"\r\n" in self._unread:
            size, _, rest = self._unread.partition(b"\r\n")
            length = int(size, 16)
            if len(rest) < length + 2:
                return
            self.body, self._unread = self.body + rest[:length], rest[length + 2 :]
            self.is_complete = length == 0
