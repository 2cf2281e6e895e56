"""Responses that are sent while they are made."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import IO

from anyio import to_thread
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from metrics.web import reading
from metrics.web.problems import in_one_line
from metrics.wording.errors import MetricsError

log = logging.getLogger(__name__)

IN_MEMORY_BYTES = 1_048_576


async def streamed(parts: AsyncGenerator[bytes, None], media_type: str) -> StreamingResponse:
    """Return a response after its first part was made, whose error is then a problem instead of half an answer.

    Raises:
        Exception: as `parts` raises before its first part.
    """
    return _Streamed(await anext(parts), parts, media_type)


class _Streamed(StreamingResponse):
    """A response that closes its parts at the end, whatever ended it; a failure closes the connection.

    HTTP/1.0 has no chunks (RFC 9112, 6.1), and uvicorn sends a body without a length in chunks only. So its parts are
    on disk until their length is known.
    """

    def __init__(self, first: bytes, parts: AsyncGenerator[bytes, None], media_type: str) -> None:
        super().__init__(_chained(first, parts), headers=reading.HEADERS, media_type=media_type)
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the parts."""
        try:
            with SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
                if scope["http_version"] == "1.0":
                    await self._measure(file)
                await self._send(scope, receive, send)
        finally:
            await self._parts.aclose()

    async def _measure(self, file: IO[bytes]) -> None:
        async for part in self.body_iterator:
            assert isinstance(part, bytes)
            await to_thread.run_sync(file.write, part)
        self.headers["Content-Length"] = f"{file.tell()}"
        file.seek(0)
        self.body_iterator = _read(file)

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except MetricsError as error:
            log.warning("the answer to %s was cut: %s", scope["path"], in_one_line(error))


async def _read(file: IO[bytes]) -> AsyncIterator[bytes]:
    while part := await to_thread.run_sync(file.read, IN_MEMORY_BYTES):
        yield part


async def _chained(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in parts:
        yield part
