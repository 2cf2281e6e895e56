"""Deadlines: the time at which to stop waiting."""

from time import monotonic, sleep

# Limit for an answer of the broker. The client's own timeouts were seen not to fire.
ASK_TIMEOUT_S = 10.0
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

    def pause(self, seconds: float = ASKED_AGAIN_S) -> None:
        """Wait before the next try."""
        sleep(seconds)
