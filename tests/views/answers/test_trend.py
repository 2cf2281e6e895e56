"""Trends: drawn timelines, then against the plain recount."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.time.moments import ALL_TIME, Range
from metrics.views.answers.trend import TrendRow, read_trend, until_now
from metrics.views.core.event import MAX_TIMESTAMP
from metrics.views.core.recount import Recount
from metrics.views.core.trend import PERS, Per, buckets
from metrics.views.schema import Connection
from metrics.wording.errors import SettingsError
from tests.examples import examples
from tests.views.filled import NOON, Watched, fill, recounted

UTC_ZONE = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3_600


def rows(
    connection: Connection,
    media: int | None,
    per: Per,
    within: Range = ALL_TIME,
    *,
    limit: int = 100,
    zone: ZoneInfo = UTC_ZONE,
) -> list[TrendRow]:
    trend = read_trend(connection, media, per, zone, within, limit)
    assert trend is not None
    return trend.rows


# 12:00   12:15        12:59:59  13:00        15:10
# start   2 waypoints  waypoint  waypoint     end        item 7
#         waypoint                                       item 8
EVENTS = [
    Watched(1, 7, "streamstart", NOON),
    Watched(1, 7, time=NOON + 900, number=2),
    Watched(2, 8, time=NOON + 900),
    Watched(1, 7, time=NOON + HOUR - 1),
    Watched(1, 7, time=NOON + HOUR),
    Watched(1, 7, "streamend", NOON + 3 * HOUR + 600),
]


def test_hours_go_from_the_first_to_the_last_event_with_zero_rows_inside(connection: Connection) -> None:
    fill(connection, EVENTS)
    trend = read_trend(connection, 7, "hour", UTC_ZONE, ALL_TIME, 100)
    assert trend is not None
    assert trend.rows == [
        TrendRow("2025-11-28T12:00:00Z", 90, 1, 0, 0),
        TrendRow("2025-11-28T13:00:00Z", 30, 0, 0, 0),
        TrendRow("2025-11-28T14:00:00Z", 0, 0, 0, 0),
        TrendRow("2025-11-28T15:00:00Z", 0, 0, 0, 1),
    ]
    assert (trend.media_id, trend.per, trend.time_zone, trend.has_earlier) == ("7", "hour", "UTC", False)
    assert trend.minutes_since is None
    assert rows(connection, None, "hour")[0] == TrendRow("2025-11-28T12:00:00Z", 120, 1, 0, 0)
    assert rows(connection, None, "day", zone=BERLIN) == [TrendRow("2025-11-28T00:00:00+01:00", 150, 1, 0, 1)]


def test_minutes_begin_when_they_are_kept_and_rows_before_that_do_not_count(connection: Connection) -> None:
    fill(connection, EVENTS, since=NOON + 900)
    connection.execute("INSERT INTO minute VALUES (to_timestamp(%s), 9, 9, 9, 9)", (NOON,))
    connection.execute("INSERT INTO media_minute VALUES (7, to_timestamp(%s), 9, 9, 9, 9)", (NOON,))
    for media, view_time in ((7, 60), (None, 90)):
        trend = read_trend(connection, media, "minute", BERLIN, Range(NOON, NOON + HOUR), 10_000)
        assert trend is not None
        assert trend.minutes_since == "2025-11-28T13:15:00+01:00"
        assert trend.rows[0] == TrendRow("2025-11-28T13:15:00+01:00", view_time, 0, 0, 0)
        assert [row.view_time for row in trend.rows[1:]] == [0] * 43 + [30]
        assert trend.rows[-1].start == "2025-11-28T13:59:00+01:00"


@pytest.mark.parametrize("media", [7, None])
def test_the_limit_keeps_the_newest_rows_and_says_so(connection: Connection, media: int | None) -> None:
    fill(connection, EVENTS)
    cut = read_trend(connection, media, "hour", UTC_ZONE, ALL_TIME, 3)
    whole = read_trend(connection, media, "hour", UTC_ZONE, ALL_TIME, 4)
    assert cut is not None
    assert whole is not None
    assert (cut.rows, cut.has_earlier) == (whole.rows[1:], True)
    assert not whole.has_earlier


def test_rows_start_within_the_range_and_are_whole(connection: Connection) -> None:
    fill(connection, EVENTS)
    thirteen, fifteen = TrendRow("2025-11-28T13:00:00Z", 30, 0, 0, 0), TrendRow("2025-11-28T15:00:00Z", 0, 0, 0, 1)
    assert rows(connection, 7, "hour", Range(NOON + 1, NOON + 2 * HOUR)) == [thirteen]
    assert rows(connection, 7, "hour", Range(NOON + 2 * HOUR, NOON + 3 * HOUR + 1)) == [fifteen]
    assert rows(connection, 7, "hour", Range(NOON + HOUR + 1, NOON + 3 * HOUR)) == []
    assert rows(connection, 7, "day", Range(NOON, ALL_TIME.end)) == []
    # within a minute: it does not start there
    assert rows(connection, 7, "minute", Range(NOON + 901, NOON + HOUR - 60)) == []
    assert [row.start for row in rows(connection, 7, "minute", Range(NOON + 901, NOON + HOUR))] == [
        "2025-11-28T12:59:00Z"
    ]


# 12:00     13:10     now 13:20   14:00   2029-11-28 12:07
# waypoint  waypoint              |       waypoint
@pytest.mark.parametrize("media", [7, None])
def test_an_event_of_the_far_future_shows_no_other_row_and_is_said(connection: Connection, media: int | None) -> None:
    future, now = NOON + 4 * 365 * 86_400 + 86_400, NOON + HOUR + 1_200
    fill(connection, [Watched(1, 7), Watched(1, 7, time=NOON + HOUR + 600), Watched(1, 7, time=future + 420)])
    ends = {
        "minute": "2029-11-28T13:08:00+01:00",
        "hour": "2029-11-28T14:00:00+01:00",
        "day": "2029-11-29T00:00:00+01:00",
    }
    for per in PERS:
        within = until_now(ALL_TIME, per, BERLIN, now)
        trend = read_trend(connection, media, per, BERLIN, within, 100)
        assert trend is not None
        assert trend.later_until == ends[per]
        assert (trend.rows[0].view_time, len(trend.rows)) == {"minute": (30, 71), "hour": (30, 2), "day": (60, 1)}[per]
        assert trend.rows[-1].view_time > 0
        end = int(datetime.fromisoformat(trend.later_until).timestamp())
        later = read_trend(connection, media, per, BERLIN, Range(0, end), 100)
        assert later is not None
        assert (later.later_until, later.rows[-1].view_time) == (None, 30)
        ahead = read_trend(connection, media, per, BERLIN, until_now(Range(future - HOUR, 0), per, BERLIN, now), 100)
        assert ahead is not None
        assert (ahead.rows, ahead.later_until) == ([], ends[per])


def test_the_present_row_is_whole() -> None:
    assert until_now(Range(5, ALL_TIME.end), "hour", BERLIN, NOON) == Range(5, NOON + HOUR)
    assert until_now(ALL_TIME, "minute", BERLIN, NOON + 59.9) == Range(0, NOON + 60)
    assert until_now(ALL_TIME, "day", BERLIN, NOON) == Range(0, NOON + 11 * HOUR)


def test_an_item_without_events_has_no_trend_and_all_items_have_an_empty_one(connection: Connection) -> None:
    assert read_trend(connection, 7, "day", UTC_ZONE, ALL_TIME, 10) is None
    assert rows(connection, None, "day") == rows(connection, None, "minute") == []


def test_days_of_23_and_25_hours_in_a_zone(connection: Connection) -> None:
    spring = int(datetime(2025, 3, 29, 23, tzinfo=UTC).timestamp())  # 00:00 in Berlin; a day of 23 hours
    fill(connection, [Watched(1, 7, time=spring + 23 * HOUR - 1), Watched(1, 7, time=spring + 23 * HOUR)])
    assert [(row.start, row.view_time) for row in rows(connection, 7, "day", zone=BERLIN)] == [
        ("2025-03-30T00:00:00+01:00", 30),
        ("2025-03-31T00:00:00+02:00", 30),
    ]


def test_days_that_are_no_sums_of_quarter_hours_are_refused(connection: Connection) -> None:
    fill(connection, [Watched(1, 7, time=0)])
    with pytest.raises(SettingsError, match="Africa/Monrovia"):
        read_trend(connection, 7, "day", ZoneInfo("Africa/Monrovia"), ALL_TIME, 10)


@pytest.mark.parametrize("per", PERS)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/New_York"])
def test_the_first_and_the_last_second_of_all_have_trends(connection: Connection, per: Per, zone: str) -> None:
    for second in (0, MAX_TIMESTAMP):
        fill(connection, [Watched(1, 7, time=second)])
        for media in (7, None):
            [row] = rows(connection, media, per, zone=ZoneInfo(zone))
            assert row.view_time == 30


@pytest.mark.parametrize("per", PERS)
def test_a_range_at_the_end_of_time_is_one_as_others(connection: Connection, per: Per) -> None:
    fill(connection, [Watched(1, 7, time=MAX_TIMESTAMP)])
    zone = ZoneInfo("Pacific/Auckland")
    start = {"minute": 60, "hour": HOUR, "day": 25 * HOUR}[per]
    assert len(rows(connection, 7, per, Range(MAX_TIMESTAMP - start, MAX_TIMESTAMP + 1), zone=zone)) == 1
    assert len(rows(connection, 7, per, Range(MAX_TIMESTAMP - start, ALL_TIME.end - 1), zone=zone)) == 1
    for beyond in (MAX_TIMESTAMP + 1, ALL_TIME.end - 2):
        assert rows(connection, 7, per, Range(beyond, ALL_TIME.end - 1), zone=zone) == []


def expected(recount: Recount, media: int | None, per: Per, zone: ZoneInfo, within: Range) -> dict[str, list[int]]:
    """Return the rows with events, by the plain recount."""
    table = recount.media_minute if per == "minute" else recount.media_quarter
    found: dict[int, list[int]] = {}
    for (item, start), sums in table.items():
        begin = buckets(per, zone, start, start, 1)[0]
        if media in (None, item) and within.start <= begin < within.end:
            row = found.setdefault(begin, [0, 0, 0, 0])
            for column, number in enumerate(sums):
                row[column] += number
    return {
        datetime.fromtimestamp(begin, zone).isoformat().replace("+00:00", "Z"): [30 * row[0], *row[1:]]
        for begin, row in sorted(found.items())
    }


seconds = st.integers(NOON - 2 * 86_400, NOON + 86_400)
watched = st.builds(
    Watched,
    user=st.integers(1, 2),
    media=st.integers(7, 8),
    kind=st.sampled_from(["waypoint", "streamstart"]),
    time=seconds,
    number=st.integers(1, 2),
)


@pytest.mark.parametrize("per", PERS)
def test_any_trend_equals_the_plain_recount(connection: Connection, per: Per) -> None:
    @given(
        events=st.lists(watched, min_size=1, max_size=30),
        zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"]).map(ZoneInfo),
        since=st.sampled_from([0, NOON - 86_400]),
        within=st.one_of(
            st.just(ALL_TIME),
            st.tuples(seconds, seconds).filter(lambda ends: ends[0] < ends[1]).map(lambda ends: Range(*ends)),
        ),
        media=st.sampled_from([7, None]),
    )
    @settings(max_examples=examples(100), deadline=None)
    def check(events: list[Watched], zone: ZoneInfo, since: int, within: Range, media: int | None) -> None:
        fill(connection, events, since)
        trend = read_trend(connection, media, per, zone, within, 10_000)
        if trend is None:
            assert media is not None
            assert all(event.media != media for event in events)
            return
        wanted = expected(recounted(events, since), media, per, zone, within)
        found = {row.start: [row.view_time, row.starts, row.stops, row.ends] for row in trend.rows}
        assert {start: sums for start, sums in found.items() if any(sums)} == wanted
        assert len(found) == len(trend.rows)
        starts, times = [*found], [*wanted]
        assert not times or (starts[0], starts[-1]) == (times[0], times[-1])

    check()
