"""What comes while somebody listens: bounded, so that one who reads slowly holds no memory."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock

from metrics.kafka.results import Result

MOST_WAITING = 1_000


class Subscription:
    """Results on their way from the threads that read topics to a coroutine.

    One that is not taken up while MOST_WAITING others come is let go, and all that wait with it: the listener is told
    that it has overflowed, and may ask for what it lacks.

    Args:
        loop: where the coroutine runs.
        on_close: called when nobody listens any more.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_close: Callable[["Subscription"], None]) -> None:
        self._loop = loop
        self._on_close = on_close
        self._lock = Lock()
        self._waiting: deque[Result] = deque()
        self._has_come = asyncio.Event()
        self.has_overflowed = False

    def put(self, results: Sequence[Result]) -> None:
        """Hand results over, from any thread."""
        with self._lock:
            if self.has_overflowed:
                return
            self._waiting.extend(results)
            if len(self._waiting) > MOST_WAITING:
                self._waiting.clear()
                self.has_overflowed = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._has_come.set)

    async def take(self, timeout_s: float) -> Sequence[Result]:
        """Return what came, as soon as something has; nothing after `timeout_s` seconds."""
        try:
            await asyncio.wait_for(self._has_come.wait(), timeout_s)
        except TimeoutError:
            return ()
        with self._lock:
            self._has_come.clear()
            results = list(self._waiting)
            self._waiting.clear()
        return results

    def close(self) -> None:
        """Listen no more."""
        self._on_close(self)
