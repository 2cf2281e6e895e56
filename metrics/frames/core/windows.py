"""Tumbling windows: closing them, rows for gaps, running averages, output records."""

from collections.abc import Collection, Iterator
from heapq import heappop, heappush
from typing import NamedTuple

import msgspec
import orjson

from metrics.frames.core.frame_log import FrameLog
from metrics.times import MINUTE_S, minute_of, rfc3339

SECOND_S = 1


class SecondRecord(NamedTuple):
    """Frames of one second: `[start, start + 1)`, in seconds since the epoch."""

    start: int
    frames: int
    average: float
    gap_s: int

    @property
    def key(self) -> str:
        """The window's start, as RFC 3339 writes it."""
        return rfc3339(self.start)

    def value(self) -> bytes:
        """Return the record as JSON."""
        return _json(
            {
                "timestamp": self.start,
                "datetime": self.key,
                "end": self.start + SECOND_S,
                "num_of_frames": self.frames,
                "avg_num_of_frames": self.average,
            },
            self.gap_s,
        )


class MinuteRecord(NamedTuple):
    """Unique users of one minute: `[start, start + 60)`, in seconds since the epoch."""

    start: int
    users: int
    average: float
    frames: int
    gap_s: int

    @property
    def key(self) -> str:
        """The window's start, as RFC 3339 writes it."""
        return rfc3339(self.start)

    def value(self) -> bytes:
        """Return the record as JSON."""
        return _json(
            {
                "timestamp": self.start,
                "datetime": self.key,
                "end": self.start + MINUTE_S,
                "unique_users": self.users,
                "avg_users_per_minute": self.average,
                "num_of_frames": self.frames,
            },
            self.gap_s,
        )


Record = SecondRecord | MinuteRecord


class Series(msgspec.Struct, array_like=True):
    """What was published so far for one size of window.

    Attributes:
        last: start of the last window published, -1 before the first.
        windows: how many were published, rows for gaps included.
        total: sum of their counts.
        closed_through: windows that end at or before it are closed, and stay so.
        since: start of the first window that `windows` and `total` are over, after a reset; 0 if over all of them.
    """

    last: int = -1
    windows: int = 0
    total: int = 0
    closed_through: int = 0
    since: int = 0

    def append(self, start: int, count: int) -> float:
        """Publish one more window and return the average over all since `since`, to three decimals."""
        self.last = start
        self.windows += 1
        self.total += count
        return round(self.total / self.windows, 3)

    def gap_s(self, start: int, size_s: int) -> int:
        """Return how many seconds without windows lie between the last one and the one that starts now."""
        return start - self.last - size_s if self.last >= 0 else 0


class OpenMinute:
    """A minute that can still change: its users, and how many frames they sent."""

    __slots__ = ("frames", "users")

    def __init__(self) -> None:
        self.users: set[str] = set()
        self.frames = 0


class _LogsBySecond:
    """The logs of several partitions, by the earliest second that each has frames of.

    Attributes:
        second: the earliest second with frames that ends at or before the watermark; None when there is no more.
    """

    def __init__(self, logs: Collection[FrameLog], watermark: int) -> None:
        self._watermark = watermark
        self._due: list[tuple[int, int, FrameLog]] = []
        for number, log in enumerate(logs):
            self._push(number, log)
        self.second = self._first()

    def take(self) -> list[str]:
        """Remove the earliest second from all logs, and return the users of its frames."""
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


class Windows:
    """The windows over all partitions.

    Seconds are closed from the partitions' logs, each folding its users into its minute; a minute is closed after the
    last of its seconds.

    Attributes:
        closing_to: the watermark that closing follows; once done, all windows that end at or before it are closed.
        seconds: what was published of seconds.
        minutes: what was published of minutes.
        open_minutes: the minutes that have users already, by their start.
    """

    def __init__(self, gap_limit_s: int) -> None:
        self.gap_limit_s = gap_limit_s
        self.closing_to = 0
        self.seconds = Series()
        self.minutes = Series()
        self.open_minutes: dict[int, OpenMinute] = {}

    def join_minute(self, second: int, uids: Collection[str]) -> None:
        """Count frames, one uid each, for the minute that a second lies in."""
        minute = self.open_minutes.setdefault(minute_of(second), OpenMinute())
        minute.users.update(uids)
        minute.frames += len(uids)

    def close(self, watermark: int, logs: Collection[FrameLog]) -> Iterator[Record]:
        """Close every window that ends at or before the watermark, in the order of event time.

        The records come one by one, since a long gap can make millions. Between any two of them the state is what
        those taken so far led to, so it may be saved there; all of them must be taken in the end.
        """
        self.closing_to = watermark
        due = _LogsBySecond(logs, watermark)
        while due.second is not None:
            yield from self._close_minutes(due.second, logs)
            yield from self._fill_gap_of_seconds(due.second)
            yield self._close_second(due.second, due.take())
        yield from self._close_minutes(watermark, logs)
        self.seconds.closed_through = self.minutes.closed_through = watermark

    def _fill_gap_of_seconds(self, second: int) -> Iterator[SecondRecord]:
        """Publish a row of 0 for each second that lies between the last one published and this, if they are few."""
        gap_s = self.seconds.gap_s(second, SECOND_S)
        for empty in range(second - gap_s, second, SECOND_S) if gap_s <= self.gap_limit_s else ():
            yield SecondRecord(empty, 0, self.seconds.append(empty, 0), 0)

    def _close_second(self, second: int, uids: Collection[str]) -> SecondRecord:
        gap_s = self.seconds.gap_s(second, SECOND_S)
        self.join_minute(second, uids)
        self.seconds.closed_through = second + SECOND_S
        return SecondRecord(second, len(uids), self.seconds.append(second, len(uids)), gap_s)

    def _close_minutes(self, watermark: int, logs: Collection[FrameLog]) -> Iterator[MinuteRecord]:
        """Close the minutes that end at or before a watermark, all of whose seconds are closed."""
        for start in sorted(minute for minute in self.open_minutes if minute + MINUTE_S <= watermark):
            gap_s = self.minutes.gap_s(start, MINUTE_S)
            for empty in range(start - gap_s, start, MINUTE_S) if gap_s <= self.gap_limit_s else ():
                yield MinuteRecord(empty, 0, self.minutes.append(empty, 0), 0, 0)
            gap_s = self.minutes.gap_s(start, MINUTE_S)
            minute = self.open_minutes.pop(start)
            self.minutes.closed_through = start + MINUTE_S
            for log in logs:
                log.forget_minutes(self.minutes.closed_through)
            users = len(minute.users)
            yield MinuteRecord(start, users, self.minutes.append(start, users), minute.frames, gap_s)


def _json(fields: dict[str, int | float | str], gap_s: int) -> bytes:
    """Encode a record; a stretch before it that got no rows is told by its length."""
    return orjson.dumps(fields | {"gap_s": gap_s} if gap_s else fields)
