"""The clock of a run."""

import time


class Clock:
    """Clock in microseconds since the epoch: the wall time at its creation, plus the monotonic time since.

    So times never run backwards within a run, even if the wall clock is set back.
    """

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_us(self) -> int:
        """Return the time."""
        return (self._offset_ns + time.monotonic_ns()) // 1000
