"""The live view: the results of the threads that read topics, for the page and the API."""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from time import time

import msgspec

from metrics.frames.live.recent_frames import Lately, RecentFrames
from metrics.frames.live.subscription import Subscription
from metrics.frames.live.window_buffer import WindowBuffer
from metrics.frames.results.read import Result, by_ends
from metrics.frames.results.rejected import DeadLetter
from metrics.frames.sizes import Size
from metrics.frames.status.facts import Status
from metrics.time.moments import ALL_TIME

KEEP_REJECTED = 100
MAX_LISTENERS = 100
MOST_SPECIFIC = ("status", "results")  # of the sources of outages; the others follow


class Outage(msgspec.Struct, frozen=True):
    """A reason why the view is not up to date.

    Attributes:
        what: in words.
        since_s: wall time at which it began, in seconds since the epoch.
    """

    what: str
    since_s: float


class TooManyListenersError(Exception):
    """There are already MAX_LISTENERS listeners."""


class LiveView:
    """The newest windows, the last rejected frames, the group's status, and the current outage.

    Every method may be called from any thread. Returned values do not change.

    Args:
        keep: how many windows of each size to keep.

    Attributes:
        version: a number that differs after every change.
        status: the group's last known status; None before the first.
        has_begun: whether the results at the start have been read.
        added_at_s: wall time at which the last new result was read, in seconds since the epoch; None before the first.
    """

    def __init__(self, keep: Mapping[Size, int]) -> None:
        self._lock = Lock()
        self._buffers = {size.size_s: WindowBuffer(size.size_s, windows) for size, windows in keep.items()}
        self._rejected: deque[DeadLetter] = deque(maxlen=KEEP_REJECTED)
        self.status: Status | None = None
        self._outages: dict[str, str] = {}
        self._out_since_s = 0.0
        self._listeners: set[Subscription] = set()
        self._recent = RecentFrames()
        self.added_at_s: float | None = None
        self.has_begun = self._has_ended = False
        self.version = 0

    @property
    def outage(self) -> Outage | None:
        """The most specific current problem and when the outage began; None if there is none."""
        with self._lock:
            if not self._outages:
                return None
            sources = [source for source in (*MOST_SPECIFIC, *self._outages) if source in self._outages]
            return Outage(self._outages[sources[0]], self._out_since_s)

    def why_not_ready(self) -> str | None:
        """Return why the view is not up to date, in words; None if it is."""
        outage = self.outage
        if outage is not None:
            return outage.what
        is_known = self.has_begun and self.status is not None
        return None if is_known else "the results or the state of the group are not known yet"

    @property
    def lately(self) -> Lately | None:
        """What became of the frames of the last minutes; None before the first status."""
        with self._lock:
            return self._recent.lately()

    @property
    def rejected(self) -> Sequence[DeadLetter]:
        """The last rejected frames, the newest first."""
        with self._lock:
            return [*reversed(self._rejected)]

    def keep(self, size: Size) -> int:
        """Return how many windows of a size are kept at most."""
        return self._buffers[size.size_s].keep

    def kept_from(self, size_s: int) -> int | None:
        """Return the start of the oldest window of a size that is kept; None if there is none."""
        with self._lock:
            return self._buffers[size_s].first_start

    def between(self, size_s: int, start: int, end: int) -> Sequence[Result]:
        """Return the kept windows of a size within `[start, end)`, the oldest first."""
        with self._lock:
            return self._buffers[size_s].between(start, end)

    def newest(self, size_s: int, most: int) -> Sequence[Result]:
        """Return at most `most` of the newest windows of a size, the oldest of them first."""
        with self._lock:
            return self._buffers[size_s].newest(most)

    def begin(self, results: Iterable[Result]) -> None:
        """Replace all results by the current ones of the topics; listeners get the new ones.

        After an outage, topics are read again from the first kept window, and may have been recreated.
        """
        with self._lock:
            before = self._buffers
            self._buffers = {size_s: WindowBuffer(size_s, at.keep) for size_s, at in before.items()}
            for result in results:
                self._buffers[result.window.size.size_s].add(result)
            if self.has_begun:
                now = (result for at in self._buffers.values() for result in at.newest(at.keep))
                self._send([result for result in now if before[result.window.size.size_s].lacks(result)])
            else:
                self.has_begun = True
                for listener in self._listeners:
                    self._resume(listener)
            self.version += 1

    def add(self, results: Iterable[Result]) -> None:
        """Add results in the order in which they were published; listeners get those that are kept."""
        with self._lock:
            self._send([result for result in results if self._buffers[result.window.size.size_s].add(result)])
            self.version += 1

    def add_rejected(self, frames: Iterable[DeadLetter], *, replace: bool = False) -> None:
        """Add rejected frames, in the order in which they were rejected.

        Args:
            replace: whether they replace the known ones.
        """
        with self._lock:
            if replace:
                self._rejected.clear()
            self._rejected.extend(frames)
            self.version += 1

    def set_status(self, status: Status) -> None:
        """Set the group's status."""
        with self._lock:
            self.status = status
            self._recent.add(status)
            self.version += 1

    def report_outage(self, source: str, what: str) -> None:
        """Report an outage.

        Args:
            source: of the report; only the same source can end it.
        """
        with self._lock:
            if not self._outages:
                self._out_since_s = time()
            self._outages[source] = what
            self.version += 1

    def end_outage(self, source: str) -> None:
        """Report the end of an outage."""
        with self._lock:
            if self._outages.pop(source, None) is not None:
                self.version += 1

    def listen(self, known: Mapping[int, int]) -> Subscription:
        """Listen to results in the running event loop, until `forget`.

        Args:
            known: the start of the last window that the client knows, by the size in seconds. Of these sizes it first
                gets the kept windows after that one; of all others, only new ones.

        Raises:
            TooManyListenersError: there are too many listeners.
        """
        subscription = Subscription(asyncio.get_running_loop(), known)
        with self._lock:
            if len(self._listeners) >= MAX_LISTENERS:
                raise TooManyListenersError
            self._listeners.add(subscription)
            if self.has_begun:
                self._resume(subscription)
            if self._has_ended:
                subscription.end()
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """Remove a listener."""
        with self._lock:
            self._listeners.discard(subscription)

    def end(self) -> None:
        """Notify all present and future listeners that nothing more will come."""
        with self._lock:
            self._has_ended = True
            for listener in self._listeners:
                listener.end()

    def _resume(self, subscription: Subscription) -> None:
        """Begin a subscription where its client left off; under the lock, so that it misses and repeats nothing."""
        known = {size_s: start for size_s, start in subscription.known.items() if size_s in self._buffers}
        newest = {size_s: -1 if at.last_start is None else at.last_start for size_s, at in self._buffers.items()}
        missed = by_ends(self._buffers[size_s].between(start + 1, ALL_TIME.end) for size_s, start in known.items())
        subscription.begin(newest | known, [*missed])

    def _send(self, new: Sequence[Result]) -> None:
        if new:
            self.added_at_s = time()
        for listener in self._listeners if new else ():
            listener.put(new)
        self._listeners = {listener for listener in self._listeners if not listener.has_overflowed}
