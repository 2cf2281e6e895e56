"""Buckets of a trend, against literal hours and days, and against clocks read each quarter hour."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.views.core.event import MAX_TIMESTAMP
from metrics.views.core.trend import QUARTER_S, UnalignedTimeZoneError, buckets
from tests.examples import examples

DAY_S = 86_400
BERLIN = ZoneInfo("Europe/Berlin")


def second(text: str) -> int:
    """Return a time in epoch seconds."""
    return round(datetime.fromisoformat(text).timestamp())


def shown(starts: list[int], zone: tzinfo) -> list[str]:
    """Return times in a zone."""
    return [datetime.fromtimestamp(start, zone).isoformat(timespec="minutes") for start in starts]


def test_minutes_are_those_from_the_first_to_the_last_event_and_the_end_comes_last() -> None:
    first, last = second("2026-11-28T10:15:59Z"), second("2026-11-28T10:17:00Z")
    assert shown(buckets("minute", UTC, first, last, 10), UTC) == [
        "2026-11-28T10:15+00:00",
        "2026-11-28T10:16+00:00",
        "2026-11-28T10:17+00:00",
        "2026-11-28T10:18+00:00",
    ]


def test_one_event_has_one_bucket() -> None:
    noon = second("2026-11-28T12:00:00Z")
    assert buckets("hour", UTC, noon, noon, 10) == [noon, noon + 3_600]
    assert buckets("day", UTC, noon, noon, 10) == [noon - DAY_S // 2, noon + DAY_S // 2]


def test_the_newest_buckets_stay() -> None:
    noon = second("2026-11-28T12:00:00Z")
    assert buckets("hour", UTC, 0, noon, 2) == [noon - 3_600, noon, noon + 3_600]


def test_two_hours_of_one_name_are_two_buckets() -> None:
    #  summer time  02:00 .. 03:00 = 02:00 .. 03:00  standard time
    first, last = second("2026-10-25T00:30:00Z"), second("2026-10-25T02:30:00Z")
    assert shown(buckets("hour", BERLIN, first, last, 10), BERLIN) == [
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
        "2026-10-25T03:00+01:00",
        "2026-10-25T04:00+01:00",
    ]


def test_days_have_23_to_25_hours_when_clocks_change() -> None:
    spring = buckets("day", BERLIN, second("2026-03-28T12:00:00Z"), second("2026-03-30T12:00:00Z"), 10)
    autumn = buckets("day", BERLIN, second("2026-10-24T12:00:00Z"), second("2026-10-26T12:00:00Z"), 10)
    assert [(end - start) / 3_600 for start, end in pairwise(spring)] == [24, 23, 24]
    assert [(end - start) / 3_600 for start, end in pairwise(autumn)] == [24, 25, 24]


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("Asia/Kathmandu", ["2026-11-28T15:00+05:45", "2026-11-28T16:00+05:45", "2026-11-28T17:00+05:45"]),
        ("Asia/Kolkata", ["2026-11-28T15:00+05:30", "2026-11-28T16:00+05:30"]),
        ("Australia/Eucla", ["2026-11-28T18:00+08:45", "2026-11-28T19:00+08:45", "2026-11-28T20:00+08:45"]),
    ],
)
def test_hours_are_those_of_zones_that_differ_by_quarter_hours(name: str, hours: list[str]) -> None:
    zone = ZoneInfo(name)
    found = buckets("hour", zone, second("2026-11-28T10:10:00Z"), second("2026-11-28T10:20:00Z"), 10)
    assert shown(found, zone) == hours


def test_an_hour_ends_where_a_clock_is_changed_by_half_of_one() -> None:
    #  01:00 .. 02:00 (+11:00) = 01:30 .. 02:00 (+10:30)
    zone = ZoneInfo("Australia/Lord_Howe")
    found = buckets("hour", zone, second("2026-04-04T14:10:00Z"), second("2026-04-04T15:40:00Z"), 10)
    assert shown(found, zone) == [
        "2026-04-05T01:00+11:00",
        "2026-04-05T01:30+10:30",
        "2026-04-05T02:00+10:30",
        "2026-04-05T03:00+10:30",
    ]


def test_a_day_that_was_left_out_has_no_bucket() -> None:
    zone = ZoneInfo("Pacific/Apia")  # crossed the date line
    found = buckets("day", zone, second("2011-12-29T12:00:00Z"), second("2011-12-31T01:00:00Z"), 10)
    assert shown(found, zone) == ["2011-12-29T00:00-10:00", "2011-12-31T00:00+14:00", "2012-01-01T00:00+14:00"]


def test_a_day_begins_once_though_midnight_came_twice() -> None:
    #  29 October, 00:01 (-2:30) = 28 October, 23:01 (-3:30)
    zone = ZoneInfo("America/St_Johns")
    found = buckets("day", zone, second("2006-10-28T12:00:00Z"), second("2006-10-29T12:00:00Z"), 10)
    assert shown(found, zone) == ["2006-10-28T00:00-02:30", "2006-10-29T00:00-03:30", "2006-10-30T00:00-03:30"]


def test_a_day_begins_at_the_first_midnight_if_the_second_one_is_of_the_same_day() -> None:
    zone = ZoneInfo("America/Havana")  # 1 November 2026: 01:00 becomes 00:00
    found = buckets("day", zone, second("2026-10-31T12:00:00Z"), second("2026-11-01T12:00:00Z"), 10)
    assert shown(found, zone) == ["2026-10-31T00:00-04:00", "2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00"]


def test_a_zone_that_differed_by_seconds_is_refused_for_that_time_alone() -> None:
    zone = ZoneInfo("Africa/Monrovia")
    with pytest.raises(UnalignedTimeZoneError, match="in 1971, the time zone Africa/Monrovia differed from UTC by 0:4"):
        buckets("day", zone, second("1971-05-05T00:00:00Z"), second("1971-05-05T00:00:00Z"), 10)
    assert len(buckets("hour", zone, second("2026-05-05T00:00:00Z"), second("2026-05-05T00:00:00Z"), 10)) == 2


@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
def test_the_first_and_the_last_second_of_events_have_buckets(name: str) -> None:
    zone = ZoneInfo(name)
    assert len(buckets("day", zone, MAX_TIMESTAMP, MAX_TIMESTAMP, 10)) == 2
    if name != "Pacific/Kiritimati":
        assert len(buckets("hour", zone, 0, 0, 10)) == 2


def days_by_clock(zone: ZoneInfo, first: int, last: int) -> list[int]:
    """Return the starts of days, and the end of the last, by reading the clock each quarter hour."""
    starts: list[int] = []
    newest = date.min
    margin = 3 * DAY_S
    previous = None
    for quarter in range((first - margin) // QUARTER_S * QUARTER_S, last + margin, QUARTER_S):
        day = datetime.fromtimestamp(quarter, zone).date()
        if previous is not None and day > previous:
            if day == newest:
                starts.pop()  # it was this day before, for less than it
            starts.append(quarter)
            newest = day
        previous = day
    begun = max(start for start in starts if start <= first)
    return [start for start in starts if begun <= start <= last] + [min(start for start in starts if start > last)]


def hours_by_clock(zone: ZoneInfo, first: int, last: int) -> list[int]:
    """Return the starts of hours, and the end of the last, by reading the clock each quarter hour."""
    quarters = range((first - DAY_S) // QUARTER_S * QUARTER_S, last + DAY_S, QUARTER_S)
    clocks = [datetime.fromtimestamp(quarter, zone) for quarter in quarters]
    hours = [(clock.date(), clock.hour, clock.utcoffset()) for clock in clocks]
    starts = [quarter for quarter, now, before in zip(quarters[1:], hours[1:], hours, strict=False) if now != before]
    begun = max(start for start in starts if start <= first)
    return [start for start in starts if begun <= start <= last] + [min(start for start in starts if start > last)]


def changes(name: str) -> list[int]:
    """Return times near those when a zone's clocks were changed, 1980 to 2037."""
    zone, step = ZoneInfo(name), 7 * DAY_S
    times = range(second("1980-01-01T00:00:00Z"), second("2037-12-01T00:00:00Z"), step)
    offsets = [datetime.fromtimestamp(at, zone).utcoffset() for at in times]
    return [at for at, now, before in zip(times[1:], offsets[1:], offsets, strict=False) if now != before]


ODD = [
    "Europe/Berlin",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Havana",
    "America/Nuuk",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "America/Sao_Paulo",
    "Asia/Gaza",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Pacific/Kwajalein",
    "Asia/Pyongyang",
]


@given(st.sampled_from(ODD).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(changes(name) or [0]))))
@settings(max_examples=examples(150), deadline=timedelta(seconds=20))
def test_hours_and_days_are_those_that_a_clock_shows(drawn: tuple[str, int]) -> None:
    name, change = drawn
    zone = ZoneInfo(name)
    first, last = change - 8 * DAY_S - 17 * 60, change + DAY_S + 41
    assert buckets("day", zone, first, last, 1_000) == days_by_clock(zone, first, last)
    assert buckets("hour", zone, first, last, 1_000) == hours_by_clock(zone, first, last)
