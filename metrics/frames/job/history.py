"""Recent history: when a second opened; monotonic time is an argument."""

from collections import deque


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
