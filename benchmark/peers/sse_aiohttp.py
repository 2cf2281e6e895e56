"""aiohttp-sse-client2: an `EventSource` whose session answers once, by these chunks in a reader of aiohttp."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from aiohttp import ClientConnectionError, StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp_sse_client2.client import EventSource, MessageEvent
from yarl import URL

from benchmark.peers import sse

READ_BYTES = 1 << 16  # aiohttp's own


class Protocol(BaseProtocol):
    """Protocol whose reading never pauses: all chunks are there."""

    def pause_reading(self) -> None:
        """Read on."""

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002  # aiohttp's
        """Read on."""


class Response:
    """Response with a body."""

    status = 200
    content_type = "text/event-stream"
    real_url = URL("http://127.0.0.1/")

    def __init__(self, chunks: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        self.content = StreamReader(Protocol(loop), READ_BYTES, loop=loop)
        for chunk in chunks:
            self.content.feed_data(chunk)
        self.content.feed_eof()

    def close(self) -> None:
        """Close nothing."""


class Session:
    """Session that answers one request."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._responses = iter([Response(chunks)])

    async def request(self, *_: Any, **__: Any) -> Response:
        """Return the response; the second time, the server is away."""
        for response in self._responses:
            return response
        raise ClientConnectionError


def parse(chunks: list[bytes], take: Callable[[MessageEvent], object]) -> None:
    """Take each event."""
    asyncio.run(_parse(chunks, take))


async def _parse(chunks: list[bytes], take: Callable[[MessageEvent], object]) -> None:
    """Take each event, until the source asks again."""
    source = EventSource(str(Response.real_url), session=Session(chunks), reconnection_time=timedelta(0))
    try:
        async with source:
            async for event in source:
                take(event)
    except ClientConnectionError:
        return


if __name__ == "__main__":
    sse.run(parse, lambda event: (event.message, event.data), lambda event: json.loads(event.data))
