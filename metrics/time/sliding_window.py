"""The value some time ago; monotonic time is an argument."""

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
