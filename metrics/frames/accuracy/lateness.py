"""Trade-off between latency and accuracy: the frames that each allowed lateness misses, and the delay it causes.

One pass suffices for all latenesses: a frame's outcome depends only on its lag behind event time when it arrives. The
reference is the count with unlimited lateness.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from statistics import median_low
from typing import NamedTuple

from metrics.frames.core.frame import read_frame
from metrics.frames.core.state import Rules
from metrics.frames.sizes import MINUTE, SECOND, Size
from metrics.frames.verify.judge import Hints, Outcome, PartitionJudge, Received

NO_OFFSET = 2**63 - 1  # after the end of any file


class Error(NamedTuple):
    """Worst window: how many it misses, of how many."""

    missed: int
    truth: int

    @property
    def share(self) -> float:
        """The missed share."""
        return self.missed / self.truth if self.truth else 0.0


class Delay(NamedTuple):
    """Delay of windows from their end until they close, in seconds of event time."""

    median_s: int
    largest_s: int


class Tradeoff(NamedTuple):
    """Result of one allowed lateness.

    Attributes:
        late: share of frames that their second misses.
        lost: share of frames that their minute also misses.
        second: the second that misses most frames.
        minute: the minute that misses most users.
        seconds_delay: delay of seconds; None if none closed before the end of the input.
        minutes_delay: the same for minutes.
    """

    lateness_s: int
    late: float
    lost: float
    second: Error
    minute: Error
    seconds_delay: Delay | None
    minutes_delay: Delay | None


class Lags:
    """Lags of the frames of one partition behind event time.

    Attributes:
        frames: number of frames.
        refused: number of lines that are not frames, or `future`.
    """

    def __init__(self) -> None:
        self.frames = self.refused = 0
        self._advances: list[int] = []  # event time, at each advance
        self._frames_of: dict[int, int] = defaultdict(int)
        self._lags_of: dict[int, list[int]] = defaultdict(list)  # of a second's frames that lag behind event time
        # For each user of a minute: how far event time had passed the minute at the user's earliest arriving frame.
        # Below 0, no lateness misses the user.
        self._overdue_of: dict[int, dict[str, int]] = defaultdict(dict)
        self._overdue: list[int] = []  # of the frames that arrived after their minute had passed

    def read(self, lines: Iterable[bytes], rules: Rules) -> None:
        """Read frames in order of arrival; the future guard judges them by the same rules throughout."""
        received = (Received(offset, read_frame(line)) for offset, line in enumerate(lines))
        for judged in PartitionJudge(0, received, rules, Hints(ends=[(NO_OFFSET, -1)], are_all_ends=True)).judged():
            if judged.outcome in (Outcome.COUNTED, Outcome.LATE_IN_MINUTE, Outcome.LATE):
                self._add(judged.ts, judged.uid, judged.newest)
            else:
                self.refused += 1

    def _add(self, ts: int, uid: str, newest: int) -> None:
        self.frames += 1
        if not self._advances or newest > self._advances[-1]:
            self._advances.append(newest)
        self._frames_of[ts] += 1
        if newest > ts:
            self._lags_of[ts].append(newest - ts)
        minute = MINUTE.start_of(ts)
        overdue = max(-1, newest - MINUTE.end_of(ts))
        if overdue >= 0:
            self._overdue.append(overdue)
        users = self._overdue_of[minute]
        users[uid] = min(users.get(uid, overdue), overdue)

    def tradeoff(self, lateness_s: int) -> Tradeoff:
        """Return the result of an allowed lateness for these frames."""
        late_of = {second: sum(lag > lateness_s for lag in lags) for second, lags in self._lags_of.items()}
        seconds = {second: Error(late_of.get(second, 0), frames) for second, frames in self._frames_of.items()}
        minutes = {
            minute: Error(sum(overdue >= max(lateness_s, 0) for overdue in users.values()), len(users))
            for minute, users in self._overdue_of.items()
        }
        frames = max(self.frames, 1)
        return Tradeoff(
            lateness_s,
            sum(late_of.values()) / frames,
            sum(overdue >= lateness_s for overdue in self._overdue) / frames,
            _largest(seconds.values()),
            _largest(minutes.values()),
            self._delay(SECOND, lateness_s, seconds),
            self._delay(MINUTE, lateness_s, minutes),
        )

    def _delay(self, size: Size, lateness_s: int, windows: dict[int, Error]) -> Delay | None:
        """Return how far event time was past the ends of windows when it closed them; empty ones never opened."""
        ends = (start + size.size_s for start, error in windows.items() if error.missed < error.truth)
        delays = list(self._waits(ends, lateness_s))
        return Delay(median_low(delays), max(delays)) if delays else None

    def _waits(self, ends: Iterable[int], lateness_s: int) -> Iterator[int]:
        for end in ends:
            closing = bisect_left(self._advances, end + lateness_s)
            if closing < len(self._advances):
                yield self._advances[closing] - end


def _largest(errors: Collection[Error]) -> Error:
    return max(errors, key=lambda error: (error.missed, error.share), default=Error(0, 0))
