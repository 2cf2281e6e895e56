"""HTTP servers of the tests: each connection gets a raw response, so that any fault can be sent."""

import contextlib
import socket
import ssl
from collections.abc import Callable

from tests.catalogue.collect.raw_server import accepting


class Server:
    """A server that sends raw bytes for each path, and then hangs up.

    Args:
        answers: by path; a function takes the request.
        tls: of the connections.

    Attributes:
        requests: the heads of the requests.
    """

    def __init__(self, answers: dict[str, bytes | Callable[[str], bytes]], tls: ssl.SSLContext | None = None) -> None:
        self._answers = answers
        self._tls = tls
        self.requests: list[str] = []

    def serving(self) -> contextlib.AbstractContextManager[int]:
        """Serve until the context ends; yields the port."""
        return accepting(self._answer)

    def _answer(self, client: socket.socket) -> None:
        with self._tls.wrap_socket(client, server_side=True) if self._tls else client as connection:
            self._respond(connection)

    def _respond(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(65_536)
            if not piece:
                return
            head += piece
        self.requests.append(head.decode())
        path = head.split()[1].decode()
        answer = self._answers[path.partition("?")[0]]
        client.sendall(answer if isinstance(answer, bytes) else answer(head.decode()))
        if isinstance(client, ssl.SSLSocket):
            client.unwrap().close()


def response(
    body: bytes, *headers: str, status: str = "200 OK", sent: int | None = None, length: int | None = -1
) -> bytes:
    """Return a response with a Content-Length.

    Args:
        sent: bytes of the body that are sent; all of them if None.
        length: the Content-Length; that of the body if -1, no header if None.
    """
    length = len(body) if length == -1 else length
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode() + body[:sent]


def chunked(body: bytes, *headers: str, end: bytes = b"0\r\n\r\n") -> bytes:
    """Return a response in chunks."""
    chunks = [body[start : start + 10_000] for start in range(0, len(body), 10_000)]
    sent = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return response(b"", "Transfer-Encoding: chunked", *headers, length=None) + sent + end
