"""Connections that clients open on purpose: what they send must not fill the memory."""

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Event, Thread

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from metrics.web.server import Server, listen

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
LINE = b"x" * 1_000


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def port() -> Iterator[int]:
    stopping, started = Event(), Event()
    with listen("127.0.0.1", 0, what="cannot listen", port_hint="", host_hint="") as listening:
        app = Starlette(routes=[Route("/", length, methods=["POST"])])
        server = Server(app, stopping, on_start=started.set, ws="none", lifespan="off")
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            assert started.wait(30)
            yield listening.getsockname()[1]
        finally:
            stopping.set()
            thread.join()


def answer(port: int, sent: bytes) -> bytes:
    """Return what the server answers before it closes the connection, or after a whole request."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as connection:
        with suppress(ConnectionError):
            connection.sendall(sent)
        with suppress(ConnectionError):
            return connection.recv(65_536)
        return b""


def test_a_head_that_does_not_end_is_refused(port: int) -> None:
    assert answer(port, HEAD + b"X-Long: " + 400 * LINE)[:12] in (b"HTTP/1.1 431", b"")


def test_the_answer_to_a_long_head_says_so(port: int) -> None:
    assert answer(port, HEAD + b"X-Long: " + 65 * LINE + LINE[:600]).startswith(b"HTTP/1.1 431 ")


def test_trailers_that_do_not_end_close_the_connection(port: int) -> None:
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n"
    assert answer(port, chunked + b"X-Long: " + 400 * LINE) == b""


def test_a_long_body_after_a_head_is_no_long_head(port: int) -> None:
    request = HEAD + b"X-Long: " + 60 * LINE + b"\r\nContent-Length: 1000000\r\n\r\n" + 1_000 * LINE
    assert answer(port, request).endswith(b"1000000")
