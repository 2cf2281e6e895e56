"""Trade-off between latency and accuracy: the frames that each allowed lateness misses, and the delay it causes.

One pass suffices for all latenesses: a frame's outcome depends only on its lag behind event time when it arrives. The
reference is the count with unlimited lateness.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from statistics import median_low
from typing import Any, NamedTuple

from metrics.frames.core.reading import reader
from metrics.frames.core.state import Rules
from metrics.frames.sizes import SECOND, SIZES, Counts, Size
from metrics.frames.verify.recount.judge import NO_OFFSET, Hints, Outcome, PartitionJudge, Received
from metrics.messages.line import LineMessage


class Error(NamedTuple):
    """Worst window: how many it misses, of how many."""

    missed: int
    truth: int


class Delay(NamedTuple):
    """Delay of windows from their end until they close, in seconds of event time."""

    median_s: int
    largest_s: int


class Tradeoff(NamedTuple):
    """Result of one allowed lateness.

    Attributes:
        late: share of frames that their second misses.
        lost: share of frames that their window of the largest size also misses.
        worst: for each size, the window that misses most of what it counts.
        delays: the delay of each size; None if no window closed before the end of the input.
    """

    lateness_s: int
    late: float
    lost: float
    worst: dict[Size, Error]
    delays: dict[Size, Delay | None]


class Lags:
    """Lags of the frames of one partition behind event time.

    Attributes:
        frames: number of frames.
        refused: number of lines that are not frames, or `future`.
    """

    def __init__(self) -> None:
        self.frames = self.refused = 0
        self._advances: list[int] = []  # event time, at each advance
        # By start: of windows that count frames, how many were how overdue on arrival; of those that count users, how
        # overdue the earliest arriving frame of each was; in seconds, -1 if their window had not ended.
        self._windows: dict[Size, dict[int, Counter[Any]]] = {size: defaultdict(Counter) for size in SIZES}
        self._overdue: list[int] = []  # of the frames that arrived after their largest window had ended

    def read(self, lines: Iterable[bytes], rules: Rules) -> None:
        """Read frames in order of arrival; the future guard judges them by the same rules throughout."""
        read = reader(rules.shape)
        received = (Received(offset, read(LineMessage(line, offset))) for offset, line in enumerate(lines))
        for judged in PartitionJudge(0, received, rules, Hints(ends=[(NO_OFFSET, -1)], all_ends_from=0)).judged():
            if judged.outcome in (Outcome.COUNTED, Outcome.LATE_IN_MINUTE, Outcome.LATE):
                self._add(judged.ts, judged.uid, judged.newest)
            else:
                self.refused += 1

    def _add(self, ts: int, uid: str, newest: int) -> None:
        self.frames += 1
        if not self._advances or newest > self._advances[-1]:
            self._advances.append(newest)
        for size, windows in self._windows.items():
            overdue_s = max(-1, newest - size.end_of(ts))
            window = windows[size.start_of(ts)]
            if size.counts is Counts.FRAMES:
                window[overdue_s] += 1
            else:
                window[uid] = min(window.get(uid, overdue_s), overdue_s)
        if overdue_s >= 0:  # of the largest size, the last one
            self._overdue.append(overdue_s)

    def tradeoff(self, lateness_s: int) -> Tradeoff:
        """Return the result of an allowed lateness for these frames."""
        errors = {size: self._errors(size, lateness_s) for size in SIZES}
        frames = max(self.frames, 1)
        return Tradeoff(
            lateness_s,
            sum(error.missed for error in errors[SECOND].values()) / frames,
            sum(overdue_s >= lateness_s for overdue_s in self._overdue) / frames,
            {size: _largest(of_size.values()) for size, of_size in errors.items()},
            {size: self._delay(size, lateness_s, of_size) for size, of_size in errors.items()},
        )

    def _errors(self, size: Size, lateness_s: int) -> dict[int, Error]:
        """Return how many frames or users each window misses."""
        by_overdue = {
            start: window if size.counts is Counts.FRAMES else Counter(window.values())
            for start, window in self._windows[size].items()
        }
        return {
            start: Error(sum(number for overdue_s, number in window.items() if overdue_s >= lateness_s), window.total())
            for start, window in by_overdue.items()
        }

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
    return max(errors, key=lambda error: (error.missed, error.missed / max(error.truth, 1)), default=Error(0, 0))
