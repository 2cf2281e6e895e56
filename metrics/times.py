"""Moments and ranges of event time, in whole seconds since the epoch: formatted by RFC 3339, parsed from options."""

from datetime import UTC, datetime, tzinfo
from math import ceil
from typing import NamedTuple

import msgspec

from metrics.errors import SettingsError

MINUTE_S, DAY_S = 60, 86_400
LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the last one in RFC 3339


def rfc3339(second: int) -> str:
    """Return a second since the epoch as `2016-07-11T13:39:44Z`."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Moment(msgspec.Struct, frozen=True):
    """A time in seconds since the epoch, and by RFC 3339."""

    timestamp: int
    datetime: str

    @classmethod
    def of(cls, second: int) -> "Moment":
        """Return the moment at a second since the epoch, or the nearest one that RFC 3339 can represent."""
        return cls(second, rfc3339(max(0, min(second, LAST_SECOND))))


class Range(NamedTuple):
    """A range of time `[start, end)`, in seconds since the epoch."""

    start: int
    end: int

    def holds(self, start: int, size_s: int) -> bool:
        """Return whether a window is within the range."""
        return self.start <= start and start + size_s <= self.end


ALL_TIME = Range(0, LAST_SECOND + 1 + MINUTE_S)


def range_of(start: str | None, end: str | None, zone: tzinfo = UTC) -> Range:
    """Return the range given by --from and --to.

    Args:
        zone: of times without an offset.

    Raises:
        SettingsError: one is not a time, or the range is empty.
    """
    first = ALL_TIME.start if start is None else second_of("--from", start, zone)
    last = ALL_TIME.end if end is None else second_of("--to", end, zone)
    if first >= last:
        raise SettingsError(f"--from {start} is not before --to {end}", hint="give an earlier --from, or a later --to")
    return Range(first, last)


def second_of(option: str, text: str, zone: tzinfo = UTC) -> int:
    """Return whole seconds since the epoch, from a number, or from a date and time with an offset or in a zone.

    A part of a second becomes a whole one: of events and rows in whole seconds, the same are before the time.
    """
    try:
        if text.isdecimal() and text.isascii():
            second = int(text)
        else:
            time = datetime.fromisoformat(text)
            second = ceil((time if time.tzinfo else time.replace(tzinfo=zone)).timestamp())
    except (ValueError, OverflowError) as error:
        raise _no_time(option, text) from error
    if not 0 <= second < ALL_TIME.end:
        raise _no_time(option, text)
    return second


def _no_time(option: str, text: str) -> SettingsError:
    return SettingsError(
        f"invalid {option} time {text!r}",
        hint="write it as 2016-07-11T13:39:00Z, 2016-07-11T13:39, 2016-07-11 or seconds since the epoch, "
        "in the years 1970 to 9999",
    )


def time_of_day(second: int) -> str:
    """Return the time of day of a second since the epoch: `13:39:44`."""
    return rfc3339(second)[-9:-1]


def day(second: int) -> str:
    """Return the date of a second since the epoch: `2016-07-11`."""
    return rfc3339(second)[:-10]


def clock(second: int, today: int) -> str:
    """Return the time of day of a second since the epoch, with the date unless that is the one of `today`."""
    time = time_of_day(second)
    return time if second // DAY_S == today // DAY_S else f"{day(second)} {time}"
