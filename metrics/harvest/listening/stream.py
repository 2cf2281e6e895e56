"""A stream: it is requested, read, and requested again for as long as the run lasts."""

import asyncio
import logging
import os
import random
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from metrics.harvest.core.journal import Closed, Failed, Opened
from metrics.harvest.core.reconnect import (
    Final,
    Listen,
    Retry,
    delay_s,
    judge_response,
    last_event_id_header,
    retry_after,
)
from metrics.harvest.listening.clients import Access
from metrics.harvest.listening.clock import Clock
from metrics.harvest.listening.inbox import Chunk, Inbox
from metrics.harvest.listening.recording import Recording
from metrics.text import in_line

if TYPE_CHECKING:
    import httpcore

log = logging.getLogger(__name__)

# A peer that disappears without closing, as after a power cut, is noticed within 25 s.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
_DECODED = {"", "identity", "gzip", "deflate"}
_UNAUTHORIZED = 401


class LostError(Exception):
    """A server that cannot be reached, or a connection that broke; the text is the predicate of a sentence."""


@dataclass(eq=False, repr=False)
class Stream:
    """A stream of the run.

    Args:
        recording: the stream as decided so far; only read here.
        connect_s: seconds to wait for the headers of a response.
    """

    recording: Recording
    access: Access
    inbox: Inbox
    clock: Clock
    connect_s: float
    connections: int = 0
    reported: str | None = None  # the last failure since the stream was open

    async def listen(self) -> None:
        """Request and read the stream repeatedly, until it must not be requested again."""
        while (wait_s := await self._listen_once()) is not None:
            await asyncio.sleep(wait_s)

    async def _listen_once(self) -> float | None:
        """Request the stream and read it to its end; return the seconds until the next request, None for never."""
        requested_us = self.clock.now_us()
        try:
            response = await self._request()
        except LostError as error:
            await self._fail(str(error))
            return self._wait_s(None)
        async with aclosing(response):
            match self._judge(response):
                case Listen():
                    await self._read(response, requested_us)
                    return self._wait_s(None)
                case Retry(why):
                    await self._fail(why, status=response.status_code)
                    return self._wait_s(response.headers.get("retry-after"))
                case Final(why):
                    await self._fail(why, status=response.status_code, is_final=True)
                    return None

    async def _request(self) -> httpx.Response:
        """Send a request; return the response once its headers are read.

        Raises:
            LostError: there is no response.
        """
        connections: list[httpcore.AsyncNetworkStream] = []

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            if event == "connection.connect_tcp.complete":
                connections.append(info["return_value"])

        last_id = last_event_id_header(self.recording.resumption.last_id)
        headers = {} if last_id is None else {b"last-event-id": last_id}
        request = self.access.client.build_request("GET", self.access.url, headers=headers, extensions={"trace": trace})
        try:
            with _lost(self.connect_s):
                async with asyncio.timeout(self.connect_s):
                    return await self.access.client.send(request, stream=True)
        except BaseException:
            for connection in connections:  # httpcore 1.0 leaves one open that is cancelled in its TLS handshake
                await connection.aclose()
            raise

    def _judge(self, response: httpx.Response) -> Listen | Retry | Final:
        if response.status_code == _UNAUTHORIZED:
            return Final(f"refuses the user {in_line(self.access.user)} ({_UNAUTHORIZED})")
        judged = judge_response(response.status_code, response.headers.get("content-type"))
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if isinstance(judged, Listen) and encoding not in _DECODED:
            return Final(f"is compressed by {in_line(encoding)}, which was not requested")
        return judged

    async def _read(self, response: httpx.Response, requested_us: int) -> None:
        """Hand over the bytes of a connection, until it ends."""
        _keep_alive(response)
        self.connections += 1
        self.reported = None
        stream, connection = self.recording.stream, self.connections
        await self.inbox.hand_over(
            Opened(at_us=self.clock.now_us(), stream=stream, connection=connection, requested_us=requested_us)
        )
        why = "ended the connection"
        try:
            with _lost(self.connect_s):
                async for data in response.aiter_bytes():
                    await self.inbox.hand_over(Chunk(self.clock.now_us(), stream, data))
        except LostError as error:
            why = str(error)
        await self.inbox.hand_over(Closed(at_us=self.clock.now_us(), stream=stream, connection=connection, why=why))

    async def _fail(self, why: str, *, status: int | None = None, is_final: bool = False) -> None:
        """Hand over a failure, and report it once."""
        stream = self.recording.stream
        await self.inbox.hand_over(
            Failed(at_us=self.clock.now_us(), stream=stream, why=why, status=status, is_final=is_final)
        )
        if why != self.reported:
            log.warning("%s %s; %s", stream, why, "giving up" if is_final else "retrying")
            self.reported = why

    def _wait_s(self, header: str | None) -> float:
        _, retry_ms, failures = self.recording.resumption
        retry_after_s = None if header is None else retry_after(header, time.time())
        return delay_s(failures, retry_ms, retry_after_s, random.random())


@contextmanager
def _lost(connect_s: float) -> Iterator[None]:
    """Convert errors of a connection into LostErrors, whose texts have no credentials.

    Raises:
        LostError: the server cannot be reached, or the connection broke.
    """
    try:
        yield
    except TimeoutError as error:
        raise LostError(f"did not answer within {connect_s:g} s") from error
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, UnicodeError) as error:
        raise LostError(f"cannot be reached: {_cause(error)}") from error
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        raise LostError(f"broke the connection: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """Return the innermost cause of an error, in words: for errors of the client, usually one of the system."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause
    if isinstance(error, ssl.SSLError | socket.gaierror):  # with numbers of their own
        words = error.strerror or str(error)
    else:
        words = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return in_line(words) or type(error).__name__


def _keep_alive(response: httpx.Response) -> None:
    """Make the system probe an idle connection."""
    connection = response.extensions["network_stream"].get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEP_ALIVE.items():
        if hasattr(socket, option):  # on Linux; other systems keep their own times
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
