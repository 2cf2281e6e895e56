"""Turns: a few requests at a time, others wait a little."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.exceptions import HTTPException


class Turns:
    """Turns of requests for something that only a few can use at once.

    Args:
        busy: the answer to a request that has waited for too long.
    """

    def __init__(self, at_once: int, wait_s: float, busy: str) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._wait_s = wait_s
        self._busy = busy

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, which ends with the context.

        Raises:
            HTTPException: 503, there is none in time.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise HTTPException(503, self._busy, {"Retry-After": "10"}) from None
        try:
            yield
        finally:
            self._free.release()
