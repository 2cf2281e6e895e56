"""A bounded buffer of the newest windows of one size, by event time."""

from bisect import bisect_left, insort
from collections.abc import Sequence

from metrics.frames.results.read import Result


class WindowBuffer:
    """The newest windows of one size, by their starts; if one was published again, its last record.

    Args:
        keep: its reach in event time, back from the newest window, in windows.
    """

    def __init__(self, size_s: int, keep: int) -> None:
        self.size_s = size_s
        self.keep = keep
        self._starts: list[int] = []
        self._by_start: dict[int, Result] = {}

    @property
    def first_start(self) -> int | None:
        """The start of the oldest window."""
        return self._starts[0] if self._starts else None

    @property
    def last_start(self) -> int | None:
        """The start of the newest window."""
        return self._starts[-1] if self._starts else None

    def add(self, result: Result) -> bool:
        """Add a window, and drop those that are then too old; return whether the window itself is kept."""
        start = result.window.start
        if self._starts and start < self._oldest(self._starts[-1]):
            return False
        if start not in self._by_start:
            insort(self._starts, start)
        self._by_start[start] = result
        too_old = bisect_left(self._starts, self._oldest(self._starts[-1]))
        for old in self._starts[:too_old]:
            del self._by_start[old]
        del self._starts[:too_old]
        return True

    def lacks(self, result: Result) -> bool:
        """Return whether a window is missing, or has been published again since."""
        return self._by_start.get(result.window.start) != result

    def between(self, start: int, end: int) -> Sequence[Result]:
        """Return the windows within `[start, end)`, in seconds since the epoch, the oldest first."""
        first = bisect_left(self._starts, start)
        past = bisect_left(self._starts, end - self.size_s + 1)
        return [self._by_start[one] for one in self._starts[first:past]]

    def newest(self, most: int) -> Sequence[Result]:
        """Return at most `most` of the newest windows, the oldest of them first."""
        return [self._by_start[one] for one in self._starts[-most:]] if most > 0 else []

    def _oldest(self, newest: int) -> int:
        return newest - (self.keep - 1) * self.size_s
