"""Moments and ranges of event time, in whole seconds since the epoch: formatted by RFC 3339, parsed from options."""

import re
from datetime import UTC, datetime, tzinfo
from math import ceil
from typing import NamedTuple

import msgspec

from metrics.wording.errors import SettingsError

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
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


_UNITS_S = {"s": 1, "m": MINUTE_S, "h": HOUR_S, "d": DAY_S}
_DURATION = re.compile(r"([0-9]{1,9}[smhd])+")


def range_of(start: str | None, end: str | None, last: str | None = None, zone: tzinfo = UTC, *, now_s: float) -> Range:
    """Return the range given by --from and --to, or by --last.

    Args:
        last: a duration; the range ends now.
        zone: of times without an offset.
        now_s: wall time, in seconds since the epoch, that relative times are counted from.

    Raises:
        SettingsError: one is not a time or a duration, the range is empty, or --last is not alone.
    """
    if last is not None:
        return _last(last, {"--from": start, "--to": end}, int(now_s))
    first = ALL_TIME.start if start is None else second_of("--from", start, zone, now_s=now_s)
    until = ALL_TIME.end if end is None else second_of("--to", end, zone, now_s=now_s)
    if first >= until:
        raise SettingsError(f"--from {start} is not before --to {end}", hint="give an earlier --from, or a later --to")
    return Range(first, until)


def _last(text: str, others: dict[str, str | None], now: int) -> Range:
    for option, given in others.items():
        if given is not None:
            raise SettingsError(
                f"--last and {option} contradict each other",
                why=f"--last {text} is a range by itself: it ends now",
                hint=f"use one of them: --last {text}, or --from -{text} --to now",
            )
    length_s = duration_of(text)
    if not length_s:
        raise SettingsError(f"invalid --last duration {text!r}", hint="write it as 90s, 10m, 1h30m or 2d")
    return Range(max(ALL_TIME.start, now - length_s), now)


def duration_of(text: str) -> int | None:
    """Return the seconds of a duration such as `90s`, `10m`, `1h30m` or `2d`; None if the text is none."""
    if not _DURATION.fullmatch(text):
        return None
    return sum(int(part[:-1]) * _UNITS_S[part[-1]] for part in re.findall("[0-9]+[smhd]", text))


def second_of(option: str, text: str, zone: tzinfo = UTC, *, now_s: float) -> int:
    """Return whole seconds since the epoch, from a number, a date and time, `now`, or a duration ago such as `-1h`.

    A part of a second becomes a whole one: of events and rows in whole seconds, the same are before the time.

    Args:
        zone: of times without an offset.
        now_s: wall time, in seconds since the epoch, of which the whole seconds count.

    Raises:
        SettingsError: the text is not a time, or not one of the years 1970 to 9999.
    """
    try:
        second = undated_second(text, now_s)
        if second is None:
            time = datetime.fromisoformat(text)
            second = ceil((time if time.tzinfo else time.replace(tzinfo=zone)).timestamp())
    except (ValueError, OverflowError) as error:
        raise _no_time(option, text) from error
    if not 0 <= second < ALL_TIME.end:
        raise _no_time(option, text)
    return second


def undated_second(text: str, now_s: float) -> int | None:
    """Return the second that a number, `now` or a duration ago is; None for other text, such as a date."""
    if text.isdecimal() and text.isascii():
        return int(text)
    if text == "now":
        return int(now_s)
    ago_s = duration_of(text[1:]) if text.startswith("-") else None
    return None if ago_s is None else int(now_s) - ago_s


def _no_time(option: str, text: str) -> SettingsError:
    return SettingsError(
        f"invalid {option} time {text!r}",
        hint="write it as 2016-07-11T13:39:00Z, 2016-07-11T13:39, 2016-07-11, seconds since the epoch, now, or a "
        "duration ago: -90s, -1h30m, -2d; in the years 1970 to 9999",
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
