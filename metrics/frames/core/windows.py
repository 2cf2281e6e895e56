"""Tumbling windows: closing them, rows for gaps, running averages."""

from collections.abc import Collection, Iterator, Mapping
from copy import copy
from heapq import heappop, heappush

import msgspec

from metrics.frames.core.frame_log import FrameLog
from metrics.frames.records import Record
from metrics.frames.sizes import SECOND, SIZES, Counts, Size


class Series(msgspec.Struct, array_like=True):
    """The windows of one size published so far.

    Attributes:
        last: start of the last window published, -1 before the first.
        windows: how many were published, including zero rows.
        total: sum of their counts.
        closed_through: windows that end at or before it are closed for good.
        since: start of the first window that `windows` and `total` cover, after a reset or since the size was added; 0
            if they cover all.
    """

    last: int = -1
    windows: int = 0
    total: int = 0
    closed_through: int = 0
    since: int = 0

    def append(self, start: int, count: int) -> float:
        """Add a window, and return the average over all since `since`, to three decimals."""
        self.last = start
        self.windows += 1
        self.total += count
        return round(self.total / self.windows, 3)

    def gap_s(self, start: int, size_s: int) -> int:
        """Return the seconds between the end of the last window and the start of the next one."""
        return start - self.last - size_s if self.last >= 0 else 0


class _OpenWindow:
    """An open window larger than a second: its users, and the number of their frames."""

    __slots__ = ("frames", "users")

    def __init__(self) -> None:
        self.users: set[str] = set()
        self.frames = 0


class _Larger:
    """The windows of one size larger than a second.

    Attributes:
        series: the windows published.
        open: the windows that already have frames, by their start.
        has_users: whether users are kept: this size or a larger one counts them.
    """

    __slots__ = ("has_users", "open", "series", "size", "size_s")

    def __init__(self, size: Size, series: Series, *, has_users: bool) -> None:
        self.size, self.size_s = size, size.size_s
        self.series = series
        self.open: dict[int, _OpenWindow] = {}
        self.has_users = has_users


class _LogsBySecond:
    """The logs of several partitions, ordered by the earliest second of each.

    Attributes:
        second: the earliest second with frames that ends at or before the watermark; None if there is none left.
    """

    def __init__(self, logs: Collection[FrameLog], watermark: int) -> None:
        self._watermark = watermark
        self._due: list[tuple[int, int, FrameLog]] = []
        for number, log in enumerate(logs):
            self._push(number, log)
        self.second = self._first()

    def take(self) -> list[str]:
        """Remove the earliest second from all logs and return the users of its frames."""
        uids: list[str] = []
        while self._due and self._due[0][0] == self.second:
            _, number, log = heappop(self._due)
            uids += log.take(self.second)
            self._push(number, log)
        self.second = self._first()
        return uids

    def _push(self, number: int, log: FrameLog) -> None:
        second = log.first_second()
        if second is not None and second < self._watermark:
            heappush(self._due, (second, number, log))

    def _first(self) -> int | None:
        return self._due[0][0] if self._due else None


class AllWindows:
    """The windows over all partitions.

    Seconds are closed from the partitions' logs. A window that closes adds its users to the next larger one, so that no
    user is kept twice. A larger window closes after the last of the smaller ones in it.

    Attributes:
        closing_to: the watermark to close up to; at the end, all windows that end at or before it are closed.
        series: the windows published so far, by their size in seconds.
    """

    def __init__(self, gap_limit_s: int, series: Mapping[int, Series], closing_to: int) -> None:
        self.gap_limit_s = gap_limit_s
        self.closing_to = closing_to
        self.series = {size.size_s: copy(series[size.size_s]) for size in SIZES}
        self._larger = [
            _Larger(size, self.series[size.size_s], has_users=Counts.USERS in {each.counts for each in SIZES[at:]})
            for at, size in enumerate(SIZES[1:], 1)
        ]
        self._window_ends: list[tuple[int, int]] = []  # ends of open windows, with the index of their size, as a heap

    @property
    def open(self) -> dict[int, dict[int, _OpenWindow]]:
        """The windows larger than a second that already have frames, by size in seconds and start."""
        return {larger.size_s: larger.open for larger in self._larger}

    @property
    def closed_through(self) -> int:
        """The time up to which windows of every size are closed."""
        return min(series.closed_through for series in self.series.values())

    def join(self, second: int, users: Collection[str], watermark: int = 0) -> Size | None:
        """Count frames, given by their users, in the open windows larger than a second that contain a second.

        Args:
            watermark: windows that end at or before it are closed for these frames.

        Returns:
            The size of the smallest such window; None if there is none.
        """
        return self._add(0, second, users, len(users), watermark)

    def close(self, watermark: int, logs: Collection[FrameLog]) -> Iterator[Record]:
        """Close every window that ends at or before the watermark, in the order of event time.

        The records come one by one, since a long gap can produce millions. The state may be saved between any two of
        them; all of them must be consumed in the end.
        """
        self.closing_to = watermark
        due = _LogsBySecond(logs, watermark)
        while due.second is not None:
            yield from self._close_larger(due.second, logs)
            yield from self._fill_gap(SECOND, due.second)
            yield self._close_second(due.second, due.take())
        yield from self._close_larger(watermark, logs)
        for series in self.series.values():
            series.closed_through = max(series.closed_through, watermark)
        for larger in self._larger:  # also pointers to windows from before their size was added, which never open
            _forget(logs, larger.size, watermark)

    def _add(self, place: int, second: int, users: Collection[str], frames: int, watermark: int) -> Size | None:
        """Add frames to the smallest open window from size number `place` on; closing it adds them to the next."""
        for at, larger in enumerate(self._larger):
            start = second - second % larger.size_s
            end = start + larger.size_s
            if at >= place and end > watermark and end > larger.series.closed_through:
                window = larger.open.get(start)
                if window is None:
                    window = larger.open[start] = _OpenWindow()
                    heappush(self._window_ends, (end, at))
                if larger.has_users:
                    window.users.update(users)
                window.frames += frames
                return larger.size
        return None

    def _fill_gap(self, size: Size, start: int) -> Iterator[Record]:
        """Publish a zero row for each window between the last one and this, unless the gap exceeds the limit."""
        series = self.series[size.size_s]
        gap_s = series.gap_s(start, size.size_s)
        for empty in range(start - gap_s, start, size.size_s) if gap_s <= self.gap_limit_s else ():
            yield Record(size, empty, 0, 0, series.append(empty, 0))

    def _close_second(self, second: int, users: Collection[str]) -> Record:
        self.join(second, users)
        return self._closed(SECOND, second, len(users), len(users))

    def _close_larger(self, watermark: int, logs: Collection[FrameLog]) -> Iterator[Record]:
        """Close the windows larger than a second that end at or before a watermark; their seconds are closed."""
        while self._window_ends and self._window_ends[0][0] <= watermark:
            end, place = self._window_ends[0]
            larger = self._larger[place]
            size, start = larger.size, end - larger.size_s
            yield from self._fill_gap(size, start)
            heappop(self._window_ends)
            window = larger.open.pop(start)
            self._add(place + 1, start, window.users, window.frames, 0)
            _forget(logs, size, end)
            number = window.frames if size.counts is Counts.FRAMES else len(window.users)
            yield self._closed(size, start, number, window.frames)

    def _closed(self, size: Size, start: int, number: int, frames: int) -> Record:
        series = self.series[size.size_s]
        gap_s = series.gap_s(start, size.size_s)
        series.closed_through = start + size.size_s
        return Record(size, start, number, frames, series.append(start, number), gap_s)


def _forget(logs: Collection[FrameLog], size: Size, watermark: int) -> None:
    for log in logs:
        log.forget(size, watermark)
