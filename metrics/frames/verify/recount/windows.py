"""Recount of several partitions by dicts and sets; a window is dropped once nothing can change it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush, merge
from operator import attrgetter
from typing import NamedTuple

from metrics.frames.sizes import SIZES, Counts, Size
from metrics.frames.verify.recount.judge import Judged, Outcome


class Window(NamedTuple):
    """Window that has frames.

    Attributes:
        number: the count of the size's unit: frames of a second, users of a minute.
        frames: number of frames.
    """

    size: Size
    start: int
    number: int
    frames: int

    @property
    def end(self) -> int:
        """The first second after it."""
        return self.start + self.size.size_s


class Recount:
    """Recount of the frames of several partitions.

    Attributes:
        outcomes: number of frames by outcome.
        newest: event time so far.
    """

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.newest = -1
        self._frames: dict[tuple[int, int], int] = {}  # by the end of a window, and the place of its size
        self._users: dict[tuple[int, int], set[str]] = {}
        self._ends: list[tuple[int, int]] = []

    def windows(self, partitions: Iterable[Iterator[Judged]], lateness_s: int) -> Iterator[Window]:
        """Yield the windows that have frames, ordered by their ends, a minute after its last second.

        Event time of a partition never decreases, so frames are merged by it. Every later frame is judged by an event
        time at least as high: it counts in no window that ends at or before that less the allowed lateness.
        """
        for judged in merge(*partitions, key=attrgetter("newest")):
            if judged.newest > self.newest:
                self.newest = judged.newest
                yield from self._decided(judged.newest - lateness_s)
            self._add(judged)
        yield from self._decided(None)

    def _add(self, judged: Judged) -> None:
        outcome = judged.outcome
        self.outcomes[outcome] += 1
        if outcome in (Outcome.COUNTED, Outcome.LATE_IN_MINUTE):
            for place, size in enumerate(SIZES):
                if (end := size.end_of(judged.ts)) > judged.closed_to:
                    self._count((end, place), judged.uid)

    def _count(self, window: tuple[int, int], uid: str) -> None:
        if window not in self._frames:
            self._frames[window] = 0
            heappush(self._ends, window)
        self._frames[window] += 1
        if SIZES[window[1]].counts is Counts.USERS:
            self._users.setdefault(window, set()).add(uid)

    def _decided(self, watermark: int | None) -> Iterator[Window]:
        while self._ends and (watermark is None or self._ends[0][0] <= watermark):
            window = end, place = heappop(self._ends)
            size, frames = SIZES[place], self._frames.pop(window)
            number = len(self._users.pop(window)) if size.counts is Counts.USERS else frames
            yield Window(size, end - size.size_s, number, frames)
