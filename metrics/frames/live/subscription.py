"""A subscription to results: what its client missed, then what comes; bounded, so that a slow one holds no memory."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Lock

from metrics.frames.results.read import Result

MOST_WAITING = 10_000  # all subscriptions hold the same results, so this costs little


class Subscription:
    """Results on their way from the threads that read topics to a coroutine.

    One whose results are not taken while more than MOST_WAITING others come overflows: it drops them all, and its
    client may come again and resume.

    Args:
        loop: where the coroutine runs.
        on_close: called when nobody listens any more.
        known: where the client left off.

    Attributes:
        at: the start of the last window of each size that the client knows, -1 if none, by the size in seconds; empty
            until the results are read. Who sends a window moves it on.
        has_overflowed: the client was too slow, and gets nothing any more.
        has_ended: nothing comes any more.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_close: Callable[["Subscription"], None], known: Mapping[int, int]
    ) -> None:
        self._loop = loop
        self._on_close = on_close
        self._lock = Lock()
        self._missed: Sequence[Result] = ()
        self._waiting: list[Result] = []
        self._has_news = asyncio.Event()
        self.known = known
        self.at: dict[int, int] = {}
        self.has_overflowed = False
        self.has_ended = False

    def begin(self, at: dict[int, int], missed: Sequence[Result]) -> None:
        """Hand over where the client stands and what it missed, once, before anything else, from any thread."""
        with self._lock:
            self._missed = missed
            self.at = at
        self._wake()

    def put(self, results: Sequence[Result]) -> None:
        """Hand results over, from any thread."""
        with self._lock:
            if self.has_overflowed:
                return
            self._waiting.extend(results)
            if len(self._waiting) > MOST_WAITING:
                self._missed, self._waiting = (), []
                self.has_overflowed = True
        self._wake()

    def end(self) -> None:
        """Tell the coroutine that nothing comes any more, from any thread."""
        self.has_ended = True
        self._wake()

    async def take(self, timeout_s: float) -> Sequence[Result]:
        """Return what came, as soon as anything has; nothing after `timeout_s` seconds, or at the end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._has_news.wait(), timeout_s)
        with self._lock:
            self._has_news.clear()
            results = [*self._missed, *self._waiting]
            self._missed, self._waiting = (), []
        return results

    def close(self) -> None:
        """Stop listening."""
        self._on_close(self)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has ended, and the listener with it
            self._loop.call_soon_threadsafe(self._has_news.set)
