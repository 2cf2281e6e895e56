"""The windows of one size that a topic holds; of one that was published more than once, the last record."""

from array import array
from bisect import bisect_left
from itertools import islice
from typing import NamedTuple

from metrics.frames.core.windows import Series
from metrics.frames.records import Deleted, OfWindow

DAY_S = 86_400
ABSENT = -1


class Sum(NamedTuple):
    """Windows added up.

    Attributes:
        windows: how many.
        total: sum of their counts.
        last: start of the last one; -1 where there is none.
    """

    windows: int
    total: int
    last: int


class First(NamedTuple):
    """A window, with how many seconds without windows its record tells of before it."""

    start: int
    gap_s: int


class WindowsThere:
    """The windows that a topic holds, in any order, whatever led to them.

    It takes 8 bytes for each window of the days that hold one.

    Attributes:
        size_s: the size of the windows.
    """

    def __init__(self, size_s: int) -> None:
        self.size_s = size_s
        self._days: dict[int, _Day] = {}
        self._gaps: dict[int, int] = {}

    def add(self, record: OfWindow) -> None:
        """Take the next record of the topic."""
        day, within_s = divmod(record.start, DAY_S)
        if day not in self._days:
            self._days[day] = _Day(DAY_S // self.size_s)
        self._gaps.pop(record.start, None)
        if isinstance(record, Deleted):
            self._days[day].set(within_s // self.size_s, ABSENT)
            return
        self._days[day].set(within_s // self.size_s, record.number)
        if record.gap_s:
            self._gaps[record.start] = record.gap_s

    def holds(self, start: int) -> bool:
        """Tell whether the window that starts at a second is there."""
        day, within_s = divmod(start, DAY_S)
        return day in self._days and self._days[day].numbers[within_s // self.size_s] != ABSENT

    def before(self, start: int) -> Sum:
        """Return the sum of the windows that start before a second."""
        day, within_s = divmod(start, DAY_S)
        windows = total = 0
        last = -1
        for number in sorted(self._days):
            if number > day:
                break
            slots = -(-within_s // self.size_s) if number == day else DAY_S // self.size_s
            at = self._days[number].before(slots)
            windows, total = windows + at.windows, total + at.total
            last = number * DAY_S + at.last * self.size_s if at.windows else last
        return Sum(windows, total, last)

    def all(self) -> Sum:
        """Return the sum of all windows."""
        return self.before((max(self._days, default=0) + 1) * DAY_S)

    def first_from(self, start: int) -> "First | None":
        """Return the first window that starts at or after a second; None where there is none."""
        days = sorted(self._days)
        for number in islice(days, bisect_left(days, start // DAY_S), None):
            first = -(-max(0, start - number * DAY_S) // self.size_s)
            numbers = self._days[number].numbers
            found = next((slot for slot in range(first, len(numbers)) if numbers[slot] != ABSENT), None)
            if found is not None:
                at = number * DAY_S + found * self.size_s
                return First(at, self._gaps.get(at, 0))
        return None


class _Day:
    """The windows of one day, by their number in it."""

    def __init__(self, slots: int) -> None:
        self.numbers = array("q", [ABSENT]) * slots
        self.windows = self.total = 0

    def set(self, slot: int, number: int) -> None:
        before = self.numbers[slot]
        if before != ABSENT:
            self.windows, self.total = self.windows - 1, self.total - before
        if number != ABSENT:
            self.windows, self.total = self.windows + 1, self.total + number
        self.numbers[slot] = number

    def before(self, slot: int) -> Sum:
        last = next((at for at in reversed(range(slot)) if self.numbers[at] != ABSENT), -1)
        if slot == len(self.numbers):
            return Sum(self.windows, self.total, last)
        there = [number for number in self.numbers[:slot] if number != ABSENT]
        return Sum(len(there), sum(there), last)


def going_on(
    there: WindowsThere, series: Series, before: Series, through: int, *, is_whole: bool, is_ahead: bool = False
) -> Series | None:
    """Return what is there of the windows that end at or before a second, to go on from; None where some lack.

    Args:
        series: the same windows by the frames.
        before: what was published of all windows.
        is_whole: whether these frames are all there; else, what lies behind the last window is not known.
        is_ahead: whether frames up to that second are being skipped: nothing before it is published any more.
    """
    size_s = there.size_s
    start = through - through % size_s
    stays, following = there.before(start), there.first_from(start)
    if there.before(before.last + 1).windows < before.windows:
        return None
    follows = before.last if following is None else following.start - following.gap_s - size_s
    last = stays.last
    if is_ahead or follows > last:
        # Windows of which neither a record nor its gap_s tells were skipped. They stay so, and are no rows of 0 either.
        knows_last = not stays.windows or (is_whole and not is_ahead)
        last = max(last, series.last if knows_last else start - size_s)
    return Series(last, stays.windows, stays.total, through)
