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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from metrics.harvest.core.journal import Closed, Failed, Opened
from metrics.harvest.core.reconnect import (
    Final,
    Listen,
    Retry,
    delay_s,
    judge_proxy,
    judge_response,
    last_event_id_header,
    retry_after,
    shown,
)
from metrics.harvest.listening.clients import Access
from metrics.harvest.listening.clock import Clock
from metrics.harvest.listening.inbox import Chunk, Inbox
from metrics.harvest.listening.recording import Recording

if TYPE_CHECKING:
    import httpcore

log = logging.getLogger(__name__)

# A peer that disappears without closing, as after a power cut, is noticed within 25 s.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
_UNAUTHORIZED = 401
_SLICE_BYTES = 1 << 13
"""Bytes that are decided at once: 16 ms of work at most, in frames of six bytes. A read may have 64 KiB."""


class LostError(Exception):
    """A request without a response, or a connection that broke.

    Attributes:
        judged: whether to retry, and why.
        status: HTTP status of the proxy, if it refused to connect.
    """

    def __init__(self, judged: Retry | Final, status: int | None = None) -> None:
        super().__init__(judged.why)
        self.judged = judged
        self.status = status


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
    failure: str | None = None  # the last one logged since the stream was open
    closings: set[str] = field(default_factory=set)  # all that were logged

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
            return await self._fail(error.judged, requested_us, error.status)
        async with aclosing(response):
            judged = self._judge(response)
            if isinstance(judged, Listen):
                await self._read(response, requested_us)
                return self._wait_s(requested_us)
            return await self._fail(judged, requested_us, response.status_code, response.headers.get("retry-after"))

    async def _request(self) -> httpx.Response:
        """Send a request; return the response once its headers are read.

        Raises:
            LostError: there is no response.
        """
        connections: list[httpcore.AsyncNetworkStream] = []
        status = None

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            nonlocal status
            if event == "connection.connect_tcp.complete":
                connections.append(info["return_value"])
            elif event == "http11.receive_response_headers.complete":
                _, status, *_ = info["return_value"]

        last_id = last_event_id_header(self.recording.resumption.last_id)
        headers = {} if last_id is None else {b"last-event-id": last_id}
        request = self.access.client.build_request("GET", self.access.url, headers=headers, extensions={"trace": trace})
        try:
            with _lost(self.connect_s):
                try:
                    async with asyncio.timeout(self.connect_s):
                        return await self.access.client.send(request, stream=True)
                except httpx.ProxyError:
                    if status is None:
                        raise
                    raise LostError(judge_proxy(status), status) from None
        except BaseException:
            for connection in connections:  # httpcore 1.0 leaves one open that is cancelled in its TLS handshake
                await connection.aclose()
            raise

    def _judge(self, response: httpx.Response) -> Listen | Retry | Final:
        if response.status_code == _UNAUTHORIZED:
            return Final(f"refuses the user {shown(self.access.user)} ({_UNAUTHORIZED})")
        headers = response.headers
        return judge_response(response.status_code, headers.get("content-type"), headers.get("content-encoding", ""))

    async def _read(self, response: httpx.Response, requested_us: int) -> None:
        """Hand over the bytes of a connection, until it ends."""
        _keep_alive(response)
        self.failure = None
        stream, connection = self.recording.stream, self.recording.timeline.connections + 1
        await self.inbox.hand_over(
            Opened(at_us=self.clock.now_us(), stream=stream, connection=connection, requested_us=requested_us)
        )
        why = "ended the connection"
        try:
            with _lost(self.connect_s):
                async for data in response.aiter_raw():
                    for start in range(0, len(data), _SLICE_BYTES):
                        part = data[start : start + _SLICE_BYTES]
                        await self.inbox.hand_over(Chunk(self.clock.now_us(), stream, part))
        except LostError as error:
            why = error.judged.why
        await self.inbox.hand_over(Closed(at_us=self.clock.now_us(), stream=stream, connection=connection, why=why))
        if why not in self.closings:
            log.warning("%s %s; retrying", stream, why)
            self.closings.add(why)

    async def _fail(
        self, judged: Retry | Final, requested_us: int, status: int | None, header: str | None = None
    ) -> float | None:
        """Hand over a failure, and log it once; return the seconds until the next request, None for never."""
        stream, why, is_final = self.recording.stream, judged.why, isinstance(judged, Final)
        await self.inbox.hand_over(
            Failed(at_us=self.clock.now_us(), stream=stream, why=why, status=status, is_final=is_final)
        )
        if why != self.failure:
            log.warning("%s %s; %s", stream, why, "giving up" if is_final else "retrying")
            self.failure = why
        return None if is_final else self._wait_s(requested_us, header)

    def _wait_s(self, requested_us: int, header: str | None = None) -> float:
        _, retry_ms, failures = self.recording.resumption
        retry_after_s = None if header is None else retry_after(header, time.time())
        elapsed_s = (self.clock.now_us() - requested_us) / 1e6
        return delay_s(failures, retry_ms, retry_after_s, random.random(), elapsed_s=elapsed_s)


@contextmanager
def _lost(connect_s: float) -> Iterator[None]:
    """Convert errors of a connection into LostErrors, whose texts have no credentials.

    Raises:
        LostError: the server cannot be reached, or the connection broke.
    """
    try:
        yield
    except TimeoutError as error:
        raise LostError(Retry(f"did not answer within {connect_s:g} s")) from error
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, UnicodeError) as error:
        raise LostError(Retry(f"cannot be reached: {_cause(error)}")) from error
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        raise LostError(Retry(f"broke the connection: {_cause(error)}")) from error


def _cause(error: BaseException) -> str:
    """Return the innermost cause of an error, in words: for errors of the client, usually one of the system."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else cause
    if isinstance(error, ssl.SSLError | socket.gaierror):  # with numbers of their own
        words = error.strerror or str(error)
    else:
        words = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return shown(words) or type(error).__name__


def _keep_alive(response: httpx.Response) -> None:
    """Make the system probe an idle connection."""
    connection = response.extensions["network_stream"].get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEP_ALIVE.items():
        if hasattr(socket, option):  # on Linux; other systems keep their own times
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
