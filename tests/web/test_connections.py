"""What clients send, on purpose or not: it must not fill the memory, and no body is read as a request."""

import re
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from threading import Event, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from metrics.web.connections import BoundedProtocol
from metrics.web.server import Server, listen
from tests.examples import examples

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
LINE = b"x" * 1_000

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
WEBSOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
OFFERS = (
    H2C,
    H2C.lower(),
    WEBSOCKET,
    b"Upgrade: foo\r\nConnection: keep-alive, upgrade\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\nX-Empty:\r\n",
)
LAST = b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
REQUEST = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nbad"


class Cut(BoundedProtocol):
    """A connection that gets what comes in pieces of a known size."""

    piece = 65_536

    def data_received(self, data: bytes) -> None:
        for at in range(0, len(data), self.piece):
            super().data_received(data[at : at + self.piece])


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.method.encode() + b" " + await request.body())


async def socket_echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    stopping, started = Event(), Event()
    with listen("127.0.0.1", 0, what="cannot listen", port_hint="", host_hint="") as listening:
        routes = [
            Route("/", length, methods=["POST"]),
            Route("/echo", echo, methods=["GET", "POST"]),
            WebSocketRoute("/socket", socket_echo),
        ]
        server = Server(Starlette(routes=routes), stopping, on_start=started.set, http=Cut, lifespan="off")
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


def answers(port: int, sent: bytes, piece: int = 65_536) -> list[tuple[int, bytes]]:
    """Return the status and the body of each answer until the server closes the connection."""
    Cut.piece = piece
    received = b""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as connection:
        connection.sendall(sent)
        while part := connection.recv(65_536):
            received += part
    found = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        size = int(re.findall(rb"(?i)content-length: ([0-9]+)", head)[0])
        found.append((int(head[9:12]), received[:size]))
        received = received[size:]
    return found


def post(offer: bytes, body: bytes, chunk: int = 0) -> bytes:
    """Return a request with an offer, in chunks of some size."""
    head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n" + offer
    if not chunk:
        return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
    chunks = [body[at : at + chunk] for at in range(0, len(body), chunk)] + [b""]
    lines = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in chunks)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + lines


@pytest.mark.parametrize("offer", OFFERS)
def test_the_body_after_an_offer_is_read(port: int, offer: bytes) -> None:
    assert answers(port, post(offer, b"body") + LAST) == [(200, b"POST body"), (200, b"GET ")]


@pytest.mark.parametrize("chunk", [0, 10, 1_000])
@pytest.mark.parametrize("piece", [1, 7, 65_536])
def test_a_body_after_an_offer_is_never_a_request(port: int, chunk: int, piece: int) -> None:
    sent = post(H2C, REQUEST, chunk) + post(H2C, b"next") + LAST
    assert answers(port, sent, piece) == [(200, b"POST " + REQUEST), (200, b"POST next"), (200, b"GET ")]


def test_a_request_with_an_offer_and_without_a_length_has_no_body(port: int) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n" + H2C + b"\r\n"
    assert answers(port, head + LAST) == [(200, b"POST "), (200, b"GET ")]


def test_an_offer_excuses_no_ambiguous_length(port: int) -> None:
    both = b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    refused = [(400, b"Invalid HTTP request received.")]
    assert answers(port, b"POST /echo HTTP/1.1\r\nHost: localhost\r\n" + H2C + both + LAST) == refused
    assert answers(port, post(H2C + b"Content-Length: 9\r\n", b"body") + LAST) == refused


def test_an_offer_in_trailers_changes_nothing(port: int) -> None:
    sent = post(b"", b"body", 4).removesuffix(b"\r\n") + H2C + b"\r\n"
    assert answers(port, sent + LAST) == [(200, b"POST body"), (200, b"GET ")]


def test_what_follows_a_request_for_a_tunnel_is_no_request(port: int) -> None:
    for path in (b"/echo", b"localhost:80"):
        sent = b"CONNECT " + path + b" HTTP/1.1\r\nHost: localhost\r\n" + H2C + b"\r\n" + LAST
        assert answers(port, sent) == [(400, b"Invalid HTTP request received.")]


def test_the_offer_of_a_websocket_is_accepted(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/socket") as websocket:
        websocket.send("text")
        assert websocket.recv() == "text"


def test_the_offer_of_a_websocket_is_accepted_neither_with_a_body_nor_before_another_answer(port: int) -> None:
    offer = b"GET /echo HTTP/1.1\r\nHost: localhost\r\n" + WEBSOCKET
    assert answers(port, offer + b"Content-Length: 4\r\n\r\nbody" + LAST) == [(200, b"GET body"), (200, b"GET ")]
    sent = post(b"", b"body") + offer + b"\r\n" + LAST
    assert answers(port, sent) == [(200, b"POST body"), (200, b"GET "), (200, b"GET ")]


def test_thousands_of_offers_in_one_piece_are_ignored(port: int) -> None:
    sent = post(b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"a") * 2_000
    assert answers(port, sent + LAST) == [(200, b"POST a")] * 2_000 + [(200, b"GET ")]


@given(
    st.lists(st.tuples(st.sampled_from((b"", *OFFERS)), st.binary(max_size=60), st.integers(0, 20)), max_size=5),
    st.integers(1, 300),
)
@settings(max_examples=examples(200), deadline=None)
def test_requests_are_read_as_they_were_sent(port: int, sent: list[tuple[bytes, bytes, int]], piece: int) -> None:
    requests = b"".join(post(*each) for each in sent)
    assert answers(port, requests + LAST, piece) == [(200, b"POST " + body) for _, body, _ in sent] + [(200, b"GET ")]
