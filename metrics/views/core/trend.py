"""Buckets of a trend: minutes, and hours and days of a time zone as sums of quarter hours."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Literal, get_args

Per = Literal["minute", "hour", "day"]
PERS: tuple[Per, ...] = get_args(Per)
MINUTE_S, QUARTER_S = 60, 900
_QUARTER = timedelta(seconds=QUARTER_S)


class UnalignedTimeZoneError(ValueError):
    """A time zone whose hours, at some time, did not begin at a quarter hour of UTC."""


def buckets(per: Per, zone: tzinfo, first_s: int, last_s: int, limit: int) -> list[int]:
    """Return the starts of the newest buckets, oldest first, and then the end of the last one; in epoch seconds.

    A quarter hour belongs to the hour and the day in which it begins. An hour ends when the clock is changed, so each
    of two hours with the same name has its own bucket; a day has 23 to 25 hours.

    Args:
        zone: of hours and days; minutes are those of UTC.
        first_s: a second in the first bucket; it is left out if there are more than `limit` from there.
        last_s: a second in the last bucket, not before `first_s`.
        limit: largest number of buckets, 1 or more.

    Raises:
        UnalignedTimeZoneError: an hour or a day does not begin at a quarter hour of UTC.
    """
    assert first_s <= last_s, "a trend ends after it begins"
    assert limit > 0, "a trend has a bucket"
    start_of = _START_OF[per]
    starts = [start_of(last_s, zone)]
    while len(starts) < limit and starts[-1] > first_s:
        starts.append(start_of(starts[-1] - 1, zone))
    starts.reverse()
    return [*starts, _end(starts[-1], zone, start_of)]


def end_of_bucket(per: Per, zone: tzinfo, second: int) -> int:
    """Return the end of the bucket of a second, in epoch seconds.

    Raises:
        UnalignedTimeZoneError: as `buckets`.
    """
    return buckets(per, zone, second, second, 1)[-1]


def _end(start_s: int, zone: tzinfo, start_of: Callable[[int, tzinfo], int]) -> int:
    end_s = start_s + MINUTE_S
    while start_of(end_s, zone) == start_s:
        end_s += MINUTE_S if end_s % QUARTER_S else QUARTER_S
    return end_s


def _start_of_minute(second: int, _zone: tzinfo) -> int:
    return second - second % MINUTE_S


def _start_of_hour(second: int, zone: tzinfo) -> int:
    """Return the first of the quarter hours before a second that have the same hour and offset from UTC."""
    quarter_s = second - second % QUARTER_S
    hour = _hour(quarter_s, zone)
    while _hour(quarter_s - QUARTER_S, zone) == hour:
        quarter_s -= QUARTER_S
    return quarter_s


def _hour(quarter_s: int, zone: tzinfo) -> tuple[date, int, timedelta | None]:
    local = _local(quarter_s, zone)
    return local.date(), local.hour, local.utcoffset()


def _start_of_day(second: int, zone: tzinfo) -> int:
    day = _local(second - second % QUARTER_S, zone).date()
    start_s = _midnight(day, zone)
    return start_s if start_s <= second else _midnight(day - timedelta(days=1), zone)


def _midnight(day: date, zone: tzinfo) -> int:
    """Return the second since which it is not an earlier day.

    Midnight occurs twice if clocks are set back over it, and not at all if they are set forward at it.
    """
    first_s, last_s = sorted(round(datetime.combine(day, time(fold=fold), zone).timestamp()) for fold in (0, 1))
    return last_s if _local(last_s - 1, zone).date() < day else first_s


def _local(second: int, zone: tzinfo) -> datetime:
    """Return the time in a zone.

    Raises:
        UnalignedTimeZoneError: its quarter hours are not those of UTC.
    """
    local = datetime.fromtimestamp(second, zone)
    offset = local.utcoffset()
    if offset is not None and offset % _QUARTER:
        raise UnalignedTimeZoneError(f"in {local:%Y}, the time zone {zone} differed from UTC by {abs(offset)}")
    return local


_START_OF: dict[Per, Callable[[int, tzinfo], int]] = {
    "minute": _start_of_minute,
    "hour": _start_of_hour,
    "day": _start_of_day,
}
