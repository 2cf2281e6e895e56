"""What became of the frames of the last minute, and for how long seconds have been open; time is an argument."""

from collections import deque

from metrics.frames.core.state import Tally

MINUTE_S = 60.0
MARK_EVERY_S = 5.0
# Late or rejected frames as a share of all, above which a stream is taken to be wrong; a few alone prove nothing.
WRONG_SHARE, FEWEST_WRONG = 0.05, 3


def is_wrong(lately: Tally) -> bool:
    """Tell whether so many of these frames are late or rejected that something is wrong with the stream."""
    return lately.wrong >= FEWEST_WRONG and lately.error_rate > WRONG_SHARE


class MinuteAgo:
    """What the tally was a minute ago, by marks that are taken every MARK_EVERY_S seconds."""

    def __init__(self, now_s: float, tally: Tally) -> None:
        self._marks = deque([(now_s, tally)])

    def note(self, now_s: float, tally: Tally) -> None:
        """Take what the tally is now; it must not change any more."""
        marks = self._marks
        if now_s - marks[-1][0] >= MARK_EVERY_S:
            marks.append((now_s, tally))
        while len(marks) > 1 and marks[1][0] <= now_s - MINUTE_S:
            marks.popleft()

    def began(self) -> tuple[float, Tally]:
        """Return when it began, by the clock of `note`, and the tally then: a minute ago, or at the first mark."""
        return self._marks[0]


class OpenSince:
    """Since when a second has been open: since event time of any partition had reached it."""

    def __init__(self) -> None:
        self._reached: deque[tuple[int, float]] = deque()

    def note(self, now_s: float, newest: int, oldest: int) -> float:
        """Take the newest event clock and the oldest open second; return since when that has been open.

        The newest clock may fall: one that is paused is not asked. No clock need have come to a second that is open:
        frames ahead of event time may be all that is.
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
        """Begin anew: nothing is known of what came before."""
        self._reached.clear()
