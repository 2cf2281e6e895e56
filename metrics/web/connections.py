"""Limits on the number of connections that wait for a request, and on how long they wait."""

import asyncio
import resource
from typing import Any, ClassVar, cast

from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from metrics.web.offers import OfferParser

REQUEST_S = 10.0
REST_S = 2.0  # that a client may go on with a long body after its answer, which some clients read only then
HANDLES_EACH = 3  # the process has others, too
BACKLOG = 64  # connections accepted at once, before the oldest are closed
HEAD_BYTES = 65_536  # of a request line with its headers, or of trailers
TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 46\r\nConnection: close\r\n\r\nthe head of the request is longer than 64 KiB\n"
)


def expect_long_body(request: Request) -> None:
    """Give a client with permission any time for the body of its request; the route limits how long it may be idle."""
    request.state.has_long_body = True


class BoundedProtocol(HttpToolsProtocol):
    """A connection that is closed unless a request begins within REQUEST_S, and is complete after another REQUEST_S.

    A route may give its client more time (`expect_long_body`).

    Until then its client has not sent a token, so it must not keep others out: when more than `most_waiting`
    connections wait, or more than one for every HANDLES_EACH file handles, the one that has waited longest is closed.
    uvicorn limits neither: its limit counts requests being answered, and its timeout ends with the first byte. Nor does
    it limit heads, which it keeps in memory: one that is longer than HEAD_BYTES is answered by 431.

    Offers of other protocols are ignored, except a websocket's.
    """

    most_waiting: ClassVar[int] = 256  # a browser opens six at once; hundreds of senders may connect at the same moment
    _waits_since_s = 0.0
    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0  # received of a head or of trailers that are not complete

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.parser = OfferParser(self, self._should_upgrade)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait(REQUEST_S)

    def data_received(self, data: bytes) -> None:
        """Parse some bytes, at most 256 KiB, and close the connection if a head is too long."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            cycle = cast("RequestResponseCycle | None", self.cycle)
            if cycle is None or cycle.response_complete:
                self.transport.write(TOO_LONG)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Begin to answer; a head with an ignored offer comes again, without it."""
        self._head_bytes = 0
        if not self.parser.should_upgrade() or self._should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note the end of the body."""
        self._head_bytes = 0
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_message_begin(self) -> None:
        """Wait for the rest of the request."""
        super().on_message_begin()
        self._set_deadline(REQUEST_S)

    def on_body(self, body: bytes) -> None:
        """Pass on some bytes of a body; more of a long one are read when the route asks for them."""
        self._head_bytes = 0
        super().on_body(body)
        if _has_long_body(self.cycle) and not self.cycle.response_complete:
            self.flow.pause_reading()

    def on_response_complete(self) -> None:
        """Wait for the next request; only for a moment if the client is still sending a long body."""
        is_early = self.cycle.more_body and _has_long_body(self.cycle)
        super().on_response_complete()
        self._wait(REST_S if is_early else REQUEST_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _should_upgrade(self) -> bool:
        """Return whether to accept the offer of a head: of a websocket, by a GET without a body, when it is its turn.

        uvicorn would lose the body, or mix the websocket with an answer that is not complete.
        """
        cycle = cast("RequestResponseCycle | None", self.cycle)
        is_its_turn = cycle is None or cycle.response_complete
        has_body = any(name in {b"content-length", b"transfer-encoding"} for name, _ in self.headers)
        is_get = self.parser.get_method() == b"GET"
        return is_get and is_its_turn and not has_body and super()._should_upgrade()

    def _wait(self, limit_s: float) -> None:
        self._waits_since_s = self.loop.time()
        self._set_deadline(limit_s)
        handles, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        limit = min(self.most_waiting, handles // HANDLES_EACH)
        if len(self.connections) <= limit:
            return
        waiting = [each for each in self.connections if isinstance(each, BoundedProtocol) and each._is_waiting()]
        if len(waiting) > limit:
            min(waiting, key=lambda each: each._waits_since_s).transport.abort()

    def _set_deadline(self, limit_s: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(limit_s, self._give_up)

    def _give_up(self) -> None:
        if self._is_waiting():
            self.transport.abort()

    def _is_waiting(self) -> bool:
        """Return whether no request has arrived, or only part of one; an upgraded websocket never waits."""
        if self not in self.connections or self.transport.is_closing():
            return False
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        if cycle is None or cycle.response_complete:
            return True
        return cycle.more_body and not _has_long_body(cycle)


def _has_long_body(cycle: RequestResponseCycle) -> bool:
    return bool(cycle.scope["state"].get("has_long_body"))
