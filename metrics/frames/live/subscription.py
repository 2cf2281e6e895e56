"""What comes while somebody listens: bounded, so that one who reads slowly holds no memory."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock

from metrics.frames.results.read import Result

MOST_WAITING = 10_000  # each listener holds the same results, so this costs little


class Subscription:
    """Results on their way from the threads that read topics to a coroutine.

    One that is not taken up while MOST_WAITING others come is let go, and all that wait with it: the listener is told
    that it has overflowed, and may ask for what it lacks.

    Args:
        loop: where the coroutine runs.
        on_close: called when nobody listens any more.

    Attributes:
        has_overflowed: the listener was too slow, and gets nothing any more.
        has_ended: nothing comes any more.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_close: Callable[["Subscription"], None]) -> None:
        self._loop = loop
        self._on_close = on_close
        self._lock = Lock()
        self._waiting: deque[Result] = deque()
        self._has_news = asyncio.Event()
        self.has_overflowed = False
        self.has_ended = False

    def put(self, results: Sequence[Result]) -> None:
        """Hand results over, from any thread."""
        with self._lock:
            if self.has_overflowed:
                return
            self._waiting.extend(results)
            if len(self._waiting) > MOST_WAITING:
                self._waiting.clear()
                self.has_overflowed = True
        self._wake()

    def end(self) -> None:
        """Let the listener know that nothing comes any more, from any thread."""
        self.has_ended = True
        self._wake()

    def waiting(self) -> Sequence[Result]:
        """Return what waits to be taken."""
        with self._lock:
            return list(self._waiting)

    def forget(self, is_known: Callable[[Result], bool]) -> None:
        """Let go of results that wait and that the listener knows from elsewhere."""
        with self._lock:
            self._waiting = deque(result for result in self._waiting if not is_known(result))

    async def take(self, timeout_s: float) -> Sequence[Result]:
        """Return what came, as soon as something has; nothing after `timeout_s` seconds, or where nothing will come."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._has_news.wait(), timeout_s)
        with self._lock:
            self._has_news.clear()
            results = list(self._waiting)
            self._waiting.clear()
        return results

    def close(self) -> None:
        """Listen no more."""
        self._on_close(self)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has ended, and the listener with it
            self._loop.call_soon_threadsafe(self._has_news.set)
