"""The simulated streams over HTTP: authentication, responses, and a record of requests."""

import asyncio
import hmac
import time
from base64 import b64encode
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from threading import Event

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from metrics.harvest.simulator.channel import Channel
from metrics.harvest.simulator.connection import TRANSPORT, Connection, forever
from metrics.harvest.simulator.faults import Answer, NoAnswer, Whole

_REMEMBERED = 4_096


class Asked:
    """A record of a request, for tests.

    Attributes:
        at_us: time of its arrival, in microseconds since the epoch.
        headers: in lower case, without Authorization.
        is_known: whether user and password were correct.
        closed: set once its connection is closed or its response complete.
        closed_us: time of that.
    """

    def __init__(self, request: Request, *, is_known: bool) -> None:
        self.at_us = time.time_ns() // 1000
        self.method = request.method
        self.path = request.url.path
        self.headers = {name: value for name, value in request.headers.items() if name != "authorization"}
        self.is_known = is_known
        self.closed = Event()
        self.closed_us = 0

    @property
    def last_id(self) -> bytes | None:
        """The header Last-Event-ID."""
        text = self.headers.get("last-event-id")
        return None if text is None else text.encode("latin-1")

    def close(self) -> None:
        """Record the end."""
        self.closed_us = time.time_ns() // 1000
        self.closed.set()


class StreamsApp:
    """The ASGI application of the streams.

    Attributes:
        asked: the latest requests.
    """

    def __init__(self, channels: Mapping[str, Channel], user: str, password: str) -> None:
        self.asked: deque[Asked] = deque(maxlen=_REMEMBERED)
        self._channels = channels
        self._allowed = b"Basic " + b64encode(f"{user}:{password}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, until its client goes away."""
        request = Request(scope)
        given = request.headers.get("authorization", "").encode("latin-1")
        asked = Asked(request, is_known=hmac.compare_digest(given, self._allowed))
        self.asked.append(asked)
        answering = asyncio.create_task(self._answer(asked, scope, receive, send))
        leaving = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.close()
            leaving.cancel()
            answering.cancel()
            with suppress(asyncio.CancelledError):
                await answering

    async def _answer(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        channel = self._channels.get(asked.path[1:])
        if channel is None:
            await PlainTextResponse("no such stream", 404)(scope, receive, send)
        elif asked.method != "GET":
            await PlainTextResponse("only GET", 405, {"Allow": "GET"})(scope, receive, send)
        elif not asked.is_known:
            answer = PlainTextResponse("wrong user or password", 401, {"WWW-Authenticate": 'Basic realm="streams"'})
            await answer(scope, receive, send)
        else:
            step = next(channel.script, Whole())
            if isinstance(step, Answer):
                await Response(step.body, step.status, step.headers)(scope, receive, send)
            elif isinstance(step, NoAnswer):
                await forever()
            else:
                await Connection(channel, send, scope["extensions"][TRANSPORT]).run(step, asked.last_id)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
