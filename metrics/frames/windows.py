"""Tumbling windows: closing them, rows for gaps, running averages, output records."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import orjson

from metrics.frames.event_clock import MINUTE_S, minute_of
from metrics.frames.frame_log import FrameLog

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


class Series(msgspec.Struct):
    """What was published so far for one size of window.

    Attributes:
        last: start of the last window published, -1 before the first.
        windows: how many were published, rows for gaps included.
        total: sum of their counts.
    """

    last: int = -1
    windows: int = 0
    total: int = 0

    def append(self, start: int, count: int) -> float:
        """Publish one more window and return the average over all so far, to three decimals."""
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


class Windows:
    """The windows over all partitions.

    Seconds are closed from the partitions' logs, each folding its users into its minute; a minute is closed after the
    last of its seconds.

    Attributes:
        closed_through: windows that end at or before it are closed, and stay so.
        seconds: what was published of seconds.
        minutes: what was published of minutes.
        open_minutes: the minutes that have users already, by their start.
    """

    def __init__(self, gap_limit_s: int) -> None:
        self.gap_limit_s = gap_limit_s
        self.closed_through = 0
        self.seconds = Series()
        self.minutes = Series()
        self.open_minutes: dict[int, OpenMinute] = {}

    def join_minute(self, second: int, uids: Collection[str]) -> None:
        """Count frames, one uid each, for the minute that a second lies in."""
        minute = self.open_minutes.setdefault(minute_of(second), OpenMinute())
        minute.users.update(uids)
        minute.frames += len(uids)

    def close(self, watermark: int, logs: Collection[FrameLog]) -> Iterator[Record]:
        """Close every window that ends at or before the watermark, oldest first.

        The records come one by one, since a long gap can make many. All of them must be taken.
        """
        self.closed_through = watermark
        for second in sorted(set[int]().union(*(log.seconds_before(watermark) for log in logs))):
            frames = 0
            for log in logs:
                uids = log.take(second)
                self.join_minute(second, uids)
                frames += len(uids)
            yield from self._publish_second(second, frames)
        for minute in sorted(minute for minute in self.open_minutes if minute + MINUTE_S <= watermark):
            yield from self._publish_minute(minute, self.open_minutes.pop(minute))
        for log in logs:
            log.forget_minutes(watermark)

    def _publish_second(self, second: int, frames: int) -> Iterator[SecondRecord]:
        gap_s = self.seconds.gap_s(second, SECOND_S)
        if gap_s <= self.gap_limit_s:
            for empty in range(second - gap_s, second, SECOND_S):
                yield SecondRecord(empty, 0, self.seconds.append(empty, 0), 0)
            gap_s = 0
        yield SecondRecord(second, frames, self.seconds.append(second, frames), gap_s)

    def _publish_minute(self, minute: int, closed: OpenMinute) -> Iterator[MinuteRecord]:
        gap_s = self.minutes.gap_s(minute, MINUTE_S)
        if gap_s <= self.gap_limit_s:
            for empty in range(minute - gap_s, minute, MINUTE_S):
                yield MinuteRecord(empty, 0, self.minutes.append(empty, 0), 0, 0)
            gap_s = 0
        users = len(closed.users)
        yield MinuteRecord(minute, users, self.minutes.append(minute, users), closed.frames, gap_s)


def rfc3339(second: int) -> str:
    """Return a second since the epoch as `2016-07-11T13:39:44Z`."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(fields: dict[str, int | float | str], gap_s: int) -> bytes:
    """Encode a record; a stretch before it that got no rows is told by its length."""
    return orjson.dumps(fields | {"gap_s": gap_s} if gap_s else fields)
