"""Responses that are sent while they are made."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from metrics.errors import MetricsError
from metrics.web import reading
from metrics.web.problems import in_one_line

log = logging.getLogger(__name__)


async def streamed(parts: AsyncGenerator[bytes, None], media_type: str) -> StreamingResponse:
    """Return a response after its first part was made, whose error is then a problem instead of half an answer.

    Raises:
        Exception: as `parts` raises before its first part.
    """
    return _Streamed(await anext(parts), parts, media_type)


class _Streamed(StreamingResponse):
    """A response that closes its parts at the end, whatever ended it; a failure closes the connection."""

    def __init__(self, first: bytes, parts: AsyncGenerator[bytes, None], media_type: str) -> None:
        super().__init__(_chained(first, parts), headers=reading.HEADERS, media_type=media_type)
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the parts."""
        try:
            await super().__call__(scope, receive, send)
        except MetricsError as error:
            log.warning("the answer to %s was cut: %s", scope["path"], in_one_line(error))
        finally:
            await self._parts.aclose()


async def _chained(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in parts:
        yield part
