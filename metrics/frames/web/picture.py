"""What a chart shows: windows, joined into steps that can be read, the gaps between them, and what is open.

It is made from results and event time alone, without a browser or a server.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise, takewhile
from typing import NamedTuple

from metrics.frames.results.read import Result
from metrics.frames.sizes import Size

MAX_STEPS = 150  # more cannot be told apart in half the width of a page
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)
WHOLE_FROM_STEPS = 9  # of all that is kept: with fewer, a chart would lack too much of its beginning
MAX_AHEAD = 0.15  # of a chart's width, for open windows


class Gap(NamedTuple):
    """A range of time without windows, in seconds since the epoch.

    Attributes:
        gap_s: how long there were no frames, according to the record after it; 0 if that reports no gap: records were
            not read, or are gone.
    """

    start: int
    end: int
    gap_s: int

    @property
    def what(self) -> str:
        """What is missing."""
        return "no frames" if self.gap_s else "no results"

    @property
    def length_s(self) -> int:
        """Its length, in seconds."""
        return self.end - self.start


class Step(NamedTuple):
    """Windows that follow one another, drawn as one step.

    Attributes:
        start, end: in seconds since the epoch.
        mean, least, most: of the windows' numbers.
        average: the running average at its last window.
        frames: in all its windows.
    """

    start: int
    end: int
    windows: int
    mean: float
    least: int
    most: int
    average: float
    frames: int


class Picture(NamedTuple):
    """The windows of one size in a chart. Times are in seconds since the epoch.

    Attributes:
        results: the oldest first, all of them within the chart's range.
        step_s: the length of a step; each begins at a multiple of it, but for the first one after a gap.
        event_time: None if it is not known.
        closed_through: end of the newest window; event time if there is none.
        begin, end: the chart's range; at most MAX_AHEAD of it is after the closed windows.
        breaks: gaps that are longer than all else that is shown: they take next to no room.
    """

    size: Size
    results: Sequence[Result]
    steps: Sequence[Step]
    step_s: int
    event_time: int | None
    closed_through: int
    begin: int
    end: int
    gaps: Sequence[Gap]
    breaks: Sequence[Gap]

    @classmethod
    def of(
        cls, size: Size, results: Sequence[Result], event_time: int | None = None, length_s: int | None = None
    ) -> "Picture":
        """Return the picture of the newest of some windows.

        Args:
            event_time: None if it is not known, or if what is open is not to be shown.
            length_s: how much of them is shown, without breaks; None for all.
        """
        through = results[-1].window.end if results else event_time or 0
        oldest = results[0].window.start if results else through
        gaps = [*_gaps(results)]
        longest_s = (
            length_s if length_s is not None else max(size.size_s, through - oldest - sum(gap.length_s for gap in gaps))
        )
        begin = oldest if length_s is None else _begin(oldest, gaps, through, length_s)
        breaks = [gap for gap in gaps if gap.length_s > longest_s and gap.end > begin]
        shown_s = max(size.size_s, through - begin - sum(gap.length_s for gap in breaks))
        step_s = _step_s(size, shown_s)
        # A first step that lost a window at a time would change all rows each time, so it is whole.
        if length_s is not None:
            begin = max(begin - begin % step_s, oldest)
        elif shown_s > WHOLE_FROM_STEPS * step_s:
            begin += -begin % step_s
        within = [result for result in results if result.window.start >= begin]
        end = max(through, min(event_time or 0, through + int(shown_s * MAX_AHEAD)))
        shown = [gap for gap in gaps if gap.end > begin]
        return cls(size, within, [*_steps(within, step_s)], step_s, event_time, through, begin, end, shown, breaks)

    def new_since(self, before: "Picture | None") -> Sequence[Step]:
        """Return the steps that were not in the picture before, and the one before them, which may have ended there."""
        is_same = before is not None and (before.size, before.step_s) == (self.size, self.step_s)
        known = [step for step in before.steps if step.start >= self.begin] if before and is_same else []
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(known, self.steps, strict=False)))
        return self.steps[max(0, same - 1) :]


def _gaps(results: Sequence[Result]) -> Iterator[Gap]:
    for before, after in pairwise(results):
        if before.window.end < after.window.start:
            yield Gap(before.window.end, after.window.start, after.window.gap_s)


def _begin(oldest: int, gaps: Sequence[Gap], through: int, length_s: int) -> int:
    """Return where the newest `length_s` seconds begin; gaps that are longer than these do not count."""
    left, end = length_s, through
    for gap in reversed(gaps):
        if end - gap.end >= left:
            break
        left -= end - gap.end
        if gap.length_s <= length_s:
            if gap.length_s >= left:
                return gap.end - left
            left -= gap.length_s
        end = gap.start
    return max(oldest, end - left)


def _step_s(size: Size, shown_s: int) -> int:
    fitting = (step_s for step_s in STEPS_S if step_s % size.size_s == 0 and shown_s <= MAX_STEPS * step_s)
    return max(size.size_s, next(fitting, STEPS_S[-1]))


def _steps(results: Sequence[Result], step_s: int) -> Iterator[Step]:
    joined: list[Result] = []
    for result in results:
        start = result.window.start
        if joined and (joined[-1].window.end != start or start % step_s == 0):
            yield _step(joined)
            joined = []
        joined.append(result)
    if joined:
        yield _step(joined)


def _step(results: Sequence[Result]) -> Step:
    windows = [result.window for result in results]
    numbers = [window.number for window in windows]
    mean = sum(numbers) / len(numbers)
    frames = sum(window.frames for window in windows)
    first, last = windows[0], windows[-1]
    return Step(first.start, last.end, len(windows), mean, min(numbers), max(numbers), last.average, frames)
