"""All that is looked at, in one place: written by the threads that read topics, read by whoever shows it."""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from threading import Lock
from time import time

import msgspec

from metrics.frames.live.kept import Kept
from metrics.frames.live.subscription import Subscription
from metrics.frames.results.read import Result, by_ends
from metrics.frames.results.rejected import RejectedFrame
from metrics.frames.status.facts import Status

KEEP_REJECTED = 50
MOST_LISTENERS = 100
MOST_TELLING = ("status", "results")  # of those who note trouble; the others follow


class Trouble(msgspec.Struct, frozen=True):
    """What keeps what is shown from being up to date.

    Attributes:
        what: in words.
        since_s: wall time of its beginning, in seconds since the epoch.
    """

    what: str
    since_s: float


class TooManyListenersError(Exception):
    """MOST_LISTENERS listen already."""


class Board:
    """The newest windows, the last rejected frames, how the group stands, and what is wrong.

    Every method may be called from any thread. What it returns does not change.

    Args:
        keep: how many windows of each size, by the size in seconds.
    """

    def __init__(self, keep: Mapping[int, int]) -> None:
        self._lock = Lock()
        self._kept = {size_s: Kept(size_s, windows) for size_s, windows in keep.items()}
        self._rejected: deque[RejectedFrame] = deque(maxlen=KEEP_REJECTED)
        self._status: Status | None = None
        self._troubles: dict[str, str] = {}
        self._troubled_since_s = 0.0
        self._listeners: set[Subscription] = set()
        self._has_begun = self._has_ended = False
        self._version = 0

    @property
    def version(self) -> int:
        """A number that is another one once something has changed."""
        return self._version

    @property
    def status(self) -> Status | None:
        """How the group stood when it was last asked; None until then."""
        return self._status

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong, of several troubles the most telling one, since the first of them; None where nothing is."""
        with self._lock:
            if not self._troubles:
                return None
            tellers = [who for who in (*MOST_TELLING, *self._troubles) if who in self._troubles]
            return Trouble(self._troubles[tellers[0]], self._troubled_since_s)

    def why_not_ready(self) -> str | None:
        """Return in words why what is shown is not up to date; None if it is."""
        trouble = self.trouble
        if trouble is not None:
            return trouble.what
        is_known = self._has_begun and self._status is not None
        return None if is_known else "the results or the group's state are not known yet"

    @property
    def has_begun(self) -> bool:
        """Whether the results that were there at the start are known."""
        return self._has_begun

    @property
    def rejected(self) -> Sequence[RejectedFrame]:
        """The last frames that were rejected, the newest first."""
        with self._lock:
            return [*reversed(self._rejected)]

    def sizes_s(self) -> Sequence[int]:
        """Return the sizes of windows that are kept."""
        return [*self._kept]

    def kept_from(self, size_s: int) -> int | None:
        """Return the start of the oldest window of a size that is kept; None where there is none."""
        with self._lock:
            return self._kept[size_s].first_start

    def between(self, size_s: int, start: int, end: int) -> Sequence[Result]:
        """Return the kept windows of a size that lie in `[start, end)`, the oldest first."""
        with self._lock:
            return self._kept[size_s].between(start, end)

    def newest(self, size_s: int, most: int) -> Sequence[Result]:
        """Return the newest windows of a size, at most so many, the oldest of them first."""
        with self._lock:
            return self._kept[size_s].newest(most)

    def begin(self, results: Iterable[Result]) -> None:
        """Take the results that are there, in the place of those known so far; listeners are told of what is new.

        Topics may be read again from the first window that is kept, or have been made anew.
        """
        with self._lock:
            is_first, self._has_begun = not self._has_begun, True
            before, self._kept = self._kept, {at.size_s: Kept(at.size_s, at.keep) for at in self._kept.values()}
            for result in results:
                self._kept[result.size_s].add(result)
            new = [
                result
                for kept in self._kept.values()
                for result in kept.newest(kept.keep)
                if not is_first and before[kept.size_s].holds_not(result)
            ]
            self._tell(new)

    def add(self, results: Iterable[Result]) -> None:
        """Take results in the order in which they were published, and tell listeners."""
        with self._lock:
            self._tell([result for result in results if self._kept[result.size_s].add(result)])

    def _tell(self, new: Sequence[Result]) -> None:
        self._version += 1
        for listener in self._listeners if new else ():
            listener.put(new)
        self._listeners = {listener for listener in self._listeners if not listener.has_overflowed}

    def add_rejected(self, frames: Iterable[RejectedFrame], *, anew: bool = False) -> None:
        """Take frames that were rejected, in their order.

        Args:
            anew: in the place of those that are there.
        """
        with self._lock:
            if anew:
                self._rejected.clear()
            self._rejected.extend(frames)
            self._version += 1

    def set_status(self, status: Status) -> None:
        """Note how the group stands."""
        with self._lock:
            self._status = status
            self._version += 1

    def suffer(self, who: str, what: str) -> None:
        """Note what is wrong.

        Args:
            who: whoever notes it; only the same one can tell that it is over.
        """
        with self._lock:
            if not self._troubles:
                self._troubled_since_s = time()
            self._troubles[who] = what
            self._version += 1

    def relieve(self, who: str) -> None:
        """Note that nothing is wrong any more."""
        with self._lock:
            if self._troubles.pop(who, None) is not None:
                self._version += 1

    def listen(self) -> Subscription:
        """Listen to results that come from now on, in the running event loop, until it is closed.

        Raises:
            TooManyListenersError: too many others do.
        """
        subscription = Subscription(asyncio.get_running_loop(), self._let_go)
        with self._lock:
            if len(self._listeners) >= MOST_LISTENERS:
                raise TooManyListenersError
            self._listeners.add(subscription)
            if self._has_ended:
                subscription.end()
        return subscription

    def known_to(self, subscription: Subscription) -> dict[int, int]:
        """Return up to where a listener knows the windows of each size, by the size in seconds.

        That is the start of the newest one, or what lies before all that wait for it; -1 where there is none.
        """
        with self._lock:
            lasts = {size_s: kept.last_start for size_s, kept in self._kept.items()}
            starts = {size_s: -1 if last is None else last for size_s, last in lasts.items()}
            for result in subscription.waiting():
                starts[result.size_s] = min(starts[result.size_s], result.window.start - 1)
        return starts

    def catch_up(self, subscription: Subscription, after: Mapping[int, int], most: int) -> Sequence[Result]:
        """Return the kept windows that a listener lacks, the oldest first, at most so many; these do not come again.

        Args:
            after: the start of the last window that the listener knows, by the size in seconds; of sizes that are not
                named here, it lacks none.
        """
        with self._lock:
            subscription.forget(lambda result: result.window.start > after.get(result.size_s, result.window.start))
            lacking = (self._kept[size_s].after(start, most) for size_s, start in after.items())
            return [*islice(by_ends(lacking), most)]

    def end(self) -> None:
        """Let all listeners know that nothing comes any more."""
        with self._lock:
            self._has_ended = True
            for listener in self._listeners:
                listener.end()

    def _let_go(self, subscription: Subscription) -> None:
        with self._lock:
            self._listeners.discard(subscription)
