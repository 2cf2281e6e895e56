"""The queue between the streams and the one task that decides."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from metrics.harvest.core.journal import Closed, Failed, Opened, Stopped


class Chunk(NamedTuple):
    """Bytes of a connection, received at `at_us`; their boundaries have no meaning."""

    at_us: int
    stream: str
    data: bytes


Item = Opened | Chunk | Closed | Failed | Stopped


class Inbox:
    """Queue of the items of all streams, in the order of their times.

    A stream waits until its item is decided before it receives more. So each has at most one item in the queue: memory
    is bounded, a fast stream delays another by one chunk, and everything received before the end of the run is decided.
    """

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[Item, asyncio.Future[None] | None]] = asyncio.Queue()

    async def hand_over(self, item: Item) -> None:
        """Put an item into the queue, and wait until it is decided."""
        decided = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((item, decided))
        await decided

    def stop(self, stopped: Stopped) -> None:
        """End the run once everything received before is decided."""
        self._queue.put_nowait((stopped, None))

    async def items(self) -> AsyncIterator[Item]:
        """Yield each item; it counts as decided when the next one is requested."""
        while True:
            item, decided = await self._queue.get()
            yield item
            if decided is not None and not decided.done():
                decided.set_result(None)
