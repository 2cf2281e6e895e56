"""A subscription to results: first what its client missed, then new ones; bounded, so a slow client takes no memory."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock

from metrics.frames.results.read import Result

MAX_WAITING = 10_000  # all subscriptions share the same results, so this costs little


class Subscription:
    """A queue of results from the threads that read topics to a coroutine.

    It overflows when more than MAX_WAITING results wait, beside those that its client missed: it then drops all of
    them, and its client may reconnect and resume.

    Args:
        loop: the coroutine's event loop.
        known: where the client left off.

    Attributes:
        at: the start of the last window of each size that the client knows, -1 if none, by the size in seconds; empty
            until the results have been read. The sender updates it with each window.
        has_overflowed: whether the client was too slow; it gets nothing more.
        has_ended: whether nothing more will come.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, known: Mapping[int, int]) -> None:
        self._loop = loop
        self._lock = Lock()
        self._waiting: list[Result] = []
        self._most_waiting = MAX_WAITING
        self._has_news = asyncio.Event()
        self.known = known
        self.at: dict[int, int] = {}
        self.has_overflowed = False
        self.has_ended = False

    def begin(self, at: dict[int, int], missed: Sequence[Result]) -> None:
        """Set the client's position and what it missed, once, before anything else, from any thread."""
        with self._lock:
            self._waiting = [*missed]
            self._most_waiting = MAX_WAITING + len(missed)
            self.at = at
        self._wake()

    def put(self, results: Sequence[Result]) -> None:
        """Add results, from any thread."""
        with self._lock:
            if self.has_overflowed:
                return
            self._waiting.extend(results)
            if len(self._waiting) > self._most_waiting:
                self._waiting = []
                self.has_overflowed = True
        self._wake()

    def end(self) -> None:
        """Notify the coroutine that nothing more will come, from any thread."""
        self.has_ended = True
        self._wake()

    async def take(self, timeout_s: float) -> Sequence[Result]:
        """Return the waiting results as soon as there are any; none after `timeout_s` seconds, or at the end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._has_news.wait(), timeout_s)
        with self._lock:
            self._has_news.clear()
            results, self._waiting = self._waiting, []
            self._most_waiting = MAX_WAITING
        return results

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has ended, and the listener with it
            self._loop.call_soon_threadsafe(self._has_news.set)
