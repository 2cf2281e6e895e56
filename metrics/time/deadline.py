"""Deadlines: the time at which to stop waiting."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import TypeVar

T = TypeVar("T")

# Interval between tries while the answer is "not yet".
ASKED_AGAIN_S = 0.1


class Deadline:
    """A time some seconds ahead."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._at_s = monotonic() + after_s

    def left_s(self) -> float:
        """Return the seconds left; 0 once it has passed."""
        return max(0.0, self._at_s - monotonic())

    def has_passed(self) -> bool:
        """Return whether it has passed."""
        return monotonic() >= self._at_s

    def renew(self) -> None:
        """Start over: there was progress."""
        self._at_s = monotonic() + self._after_s

    def poll(self, ask: Callable[[], T], until: Callable[[T], bool], every_s: float = ASKED_AGAIN_S) -> T:
        """Ask until the answer is the expected one, or the deadline has passed; return the last answer."""
        while not until(answer := ask()) and not self.has_passed():
            sleep(every_s)
        return answer
