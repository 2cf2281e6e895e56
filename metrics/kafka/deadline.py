"""Deadlines: moments at which something that is waited for is given up."""

from time import monotonic, sleep

# How long a broker may take to answer a question. The client's own timeouts were seen not to come.
ASK_TIMEOUT_S = 10.0
# How long before a question is asked again that was answered by "not yet".
ASKED_AGAIN_S = 0.1


class Deadline:
    """A moment that lies some seconds ahead."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._at_s = monotonic() + after_s

    def left_s(self) -> float:
        """Return how many seconds are left; 0 once it has passed."""
        return max(0.0, self._at_s - monotonic())

    def has_passed(self) -> bool:
        """Tell whether it has passed."""
        return monotonic() >= self._at_s

    def renew(self) -> None:
        """Put it off, since part of what was waited for has come."""
        self._at_s = monotonic() + self._after_s

    def pause(self, seconds: float = ASKED_AGAIN_S) -> None:
        """Wait before the next try."""
        sleep(seconds)
