"""The frames of the last minute, and how long seconds have been open; time is an argument."""

from collections import deque

from metrics.frames.core.state import Tally

MINUTE_S = 60.0
MARK_EVERY_S = 5.0
# The share of late or rejected frames above which something is wrong with the stream; a few frames prove nothing.
WRONG_SHARE, FEWEST_WRONG = 0.05, 3


def is_wrong(lately: Tally) -> bool:
    """Return whether the share of late or rejected frames shows that something is wrong with the stream."""
    return lately.wrong >= FEWEST_WRONG and lately.error_rate > WRONG_SHARE


class MinuteAgo:
    """The tally a minute ago, from marks taken every MARK_EVERY_S seconds."""

    def __init__(self, now_s: float, tally: Tally) -> None:
        self._marks = deque([(now_s, tally)])

    def note(self, now_s: float, tally: Tally) -> None:
        """Note the current tally, which must not change afterwards."""
        marks = self._marks
        if now_s - marks[-1][0] >= MARK_EVERY_S:
            marks.append((now_s, tally))
        while len(marks) > 1 and marks[1][0] <= now_s - MINUTE_S:
            marks.popleft()

    def began(self) -> tuple[float, Tally]:
        """Return when the minute began, by the clock of `note`, and the tally then; at first, the first mark."""
        return self._marks[0]


class OpenSince:
    """The time since when a second has been open: since event time of any partition reached it."""

    def __init__(self) -> None:
        self._reached: deque[tuple[int, float]] = deque()

    def note(self, now_s: float, newest: int, oldest: int) -> float:
        """Note the newest event time and the oldest open second; return since when that second has been open.

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
