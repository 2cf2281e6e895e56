"""Recent history: a value some time ago, and when a second opened; monotonic time is an argument."""

from collections import deque
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SlidingWindow(Generic[Value]):
    """The value at the beginning of a sliding window of monotonic time.

    Args:
        length_s: length of the window; at first, it is shorter and begins at `now_s`.
        every_s: a value is kept only if the last kept one is at least this old.
        value: the value now; like each later one, it must not change.
    """

    def __init__(self, length_s: float, every_s: float, now_s: float, value: Value) -> None:
        self._length_s = length_s
        self._every_s = every_s
        self._kept = deque([(now_s, value)])

    def add(self, now_s: float, value: Value) -> None:
        """Move the window on to now, with the present value."""
        kept = self._kept
        if now_s - kept[-1][0] >= self._every_s:
            kept.append((now_s, value))
        while len(kept) > 1 and kept[1][0] <= now_s - self._length_s:
            kept.popleft()

    def beginning(self) -> tuple[float, Value]:
        """Return when the window begins, and the value then."""
        return self._kept[0]


class OpenSince:
    """The time at which a second opened: when event time of any partition reached it."""

    def __init__(self) -> None:
        self._reached: deque[tuple[int, float]] = deque()

    def add(self, now_s: float, newest: int, oldest: int) -> float:
        """Add the newest event time and the oldest open second; return when that second opened.

        The newest event time may decrease, since paused partitions are not considered. An open second may be ahead of
        all event time: its frames count without advancing it.
        """
        reached = self._reached
        while reached and reached[-1][0] > newest:
            reached.pop()
        if not reached or reached[-1][0] < newest:
            reached.append((newest, now_s))
        while len(reached) > 1 and reached[0][0] < oldest:
            reached.popleft()
        return reached[0][1] if reached[0][0] >= oldest else now_s

    def forget(self) -> None:
        """Forget everything seen so far."""
        self._reached.clear()
