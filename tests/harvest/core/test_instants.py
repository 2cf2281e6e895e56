"""Local times of users as instants, and instants as Amsterdam shows them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.harvest.core.instants import amsterdam_day, amsterdam_text, instant_ms, run_name, utc_text, zone_of_country

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = map(datetime.fromisoformat, ("0001-01-01", "9999-12-31T23:59:59.999999"))


def ms(utc: str) -> int:
    return (datetime.fromisoformat(utc) - EPOCH) // timedelta(milliseconds=1)


def instant(event_date: str, country: str = "NL", received: str = "2023-12-06T00:00:00Z") -> str:
    """Return an instant by RFC 3339."""
    time = EPOCH + timedelta(milliseconds=instant_ms(event_date, country, ms(received) * 1_000))
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("country", "utc"),
    [
        ("PT", "2023-12-06T16:04:56.339Z"),
        ("CA", "2023-12-06T21:04:56.339Z"),
        ("US", "2023-12-07T00:04:56.339Z"),
        ("RU", "2023-12-06T13:04:56.339Z"),
        ("ID", "2023-12-06T09:04:56.339Z"),
        ("CN", "2023-12-06T08:04:56.339Z"),
        ("NL", "2023-12-06T15:04:56.339Z"),
        ("CZ", "2023-12-06T15:04:56.339Z"),
        ("NA", "2023-12-06T15:04:56.339Z"),
        ("", "2023-12-06T15:04:56.339Z"),
        ("us", "2023-12-06T15:04:56.339Z"),
        ("US ", "2023-12-06T15:04:56.339Z"),
        ('["US"]', "2023-12-06T15:04:56.339Z"),
    ],
)
def test_a_time_is_in_the_zone_of_its_user_s_country_else_in_amsterdam_s(country: str, utc: str) -> None:
    assert instant("06-12-2023 16:04:56.339", country) == utc


def test_portugal_is_utc_in_summer_too() -> None:
    assert instant("06-07-2023 16:04:56.339", "PT") == "2023-07-06T16:04:56.339Z"


@pytest.mark.parametrize(
    ("event_date", "country", "utc", "amsterdam"),
    [
        # America sets its clocks forward on 12 March 2023, Europe on 26 March: 8 hours apart instead of 9.
        ("11-03-2023 12:00:00.000", "US", "2023-03-11T20:00:00.000Z", "11-03-2023 21:00:00.000"),
        ("20-03-2023 12:00:00.000", "US", "2023-03-20T19:00:00.000Z", "20-03-2023 20:00:00.000"),
        ("20-03-2023 12:00:00.000", "CA", "2023-03-20T16:00:00.000Z", "20-03-2023 17:00:00.000"),
        ("27-03-2023 12:00:00.000", "US", "2023-03-27T19:00:00.000Z", "27-03-2023 21:00:00.000"),
        # Europe sets them back on 29 October, America on 5 November.
        ("30-10-2023 12:00:00.000", "US", "2023-10-30T19:00:00.000Z", "30-10-2023 20:00:00.000"),
        ("30-10-2023 12:00:00.000", "CA", "2023-10-30T16:00:00.000Z", "30-10-2023 17:00:00.000"),
        ("06-11-2023 12:00:00.000", "US", "2023-11-06T20:00:00.000Z", "06-11-2023 21:00:00.000"),
    ],
)
def test_in_weeks_in_which_america_and_europe_differ_each_has_its_own_daylight_saving(
    event_date: str, country: str, utc: str, amsterdam: str
) -> None:
    assert instant(event_date, country) == utc
    assert amsterdam_text(ms(utc)) == amsterdam


@pytest.mark.parametrize(
    ("received", "utc"),
    [
        ("2023-10-29T00:30:01Z", "2023-10-29T00:30:00.000Z"),
        ("2023-10-29T00:59:59.999999Z", "2023-10-29T00:30:00.000Z"),
        ("2023-10-29T01:00:00Z", "2023-10-29T00:30:00.000Z"),  # both are half an hour away: the earlier
        ("2023-10-29T01:00:00.000001Z", "2023-10-29T01:30:00.000Z"),
        ("2023-10-29T01:30:01Z", "2023-10-29T01:30:00.000Z"),
        ("2023-12-24T00:00:00Z", "2023-10-29T01:30:00.000Z"),
        ("2020-01-01T00:00:00Z", "2023-10-29T00:30:00.000Z"),
    ],
)
def test_of_an_hour_that_comes_twice_it_is_the_instant_nearest_to_receipt(received: str, utc: str) -> None:
    time = (datetime.fromisoformat(received) - EPOCH) // timedelta(microseconds=1)
    assert instant_ms("29-10-2023 02:30:00.000", "NL", time) == ms(utc)


def test_an_hour_comes_twice_in_america_on_another_day() -> None:
    assert instant("05-11-2023 01:30:00.000", "US", "2023-11-05T08:31:00Z") == "2023-11-05T08:30:00.000Z"
    assert instant("05-11-2023 01:30:00.000", "US", "2023-11-05T09:31:00Z") == "2023-11-05T09:30:00.000Z"


@pytest.mark.parametrize("received", ["2023-03-26T00:00:00Z", "2023-03-26T04:00:00Z"])
def test_an_hour_that_clocks_skip_is_read_by_the_offset_before(received: str) -> None:
    assert instant("26-03-2023 01:59:59.999", "NL", received) == "2023-03-26T00:59:59.999Z"
    assert instant("26-03-2023 02:00:00.000", "NL", received) == "2023-03-26T01:00:00.000Z"
    assert instant("26-03-2023 02:30:00.000", "NL", received) == "2023-03-26T01:30:00.000Z"
    assert instant("26-03-2023 03:30:00.000", "NL", received) == "2023-03-26T01:30:00.000Z"
    assert instant("12-03-2023 02:30:00.000", "US", received) == "2023-03-12T10:30:00.000Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "06-12-2023",
        "06-12-2023 16:04:56",
        "06-12-2023 16:04:56.3",
        "06-12-2023 16:04:56.33",
        "06-12-2023 16:04:56.3391",
        "06-12-2023 16:04:56,339",
        "06-12-2023T16:04:56.339",
        "06-12-2023  16:04:56.339",
        "06/12/2023 16:04:56.339",
        "2023-12-06 16:04:56.339",
        "6-12-2023 16:04:56.339",
        " 06-12-2023 16:04:56.339",
        "06-12-2023 16:04:56.339 ",
        "06-12-2023 16:04:56.339\n",
        "06-12-2023 16:04:56.339Z",
        "06-12-2023 160456+01:00",
        "\u0660\u0666-12-2023 16:04:56.339",
        "06-12-2023 16:04:56.33\u0669",
        "06-12-20\u06623 16:04:56.339",
        "00-12-2023 16:04:56.339",
        "06-00-2023 16:04:56.339",
        "06-13-2023 16:04:56.339",
        "31-11-2023 16:04:56.339",
        "29-02-2023 16:04:56.339",
        "06-12-0000 16:04:56.339",
        "06-12-2023 24:00:00.000",
        "06-12-2023 16:60:56.339",
        "06-12-2023 16:04:60.339",
        "-6-12-2023 16:04:56.339",
        "06-12-+023 16:04:56.339",
    ],
)
def test_any_other_form_and_any_day_or_hour_that_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        instant_ms(text, "NL", 0)


def test_the_29th_of_february_is_a_day_of_leap_years() -> None:
    assert instant("29-02-2024 12:00:00.000") == "2024-02-29T11:00:00.000Z"


def test_the_first_and_last_times_are_those_that_utc_and_amsterdam_can_both_show() -> None:
    assert instant("01-01-0001 00:00:00.000", "PT") == "0001-01-01T00:00:00.000Z"
    # By local mean time, on which databases differ: Amsterdam's is 19 min 32 s ahead, that of Brussels 17 min 30 s.
    assert amsterdam_text(ms("0001-01-01T00:00:00Z")) in ("01-01-0001 00:19:32.000", "01-01-0001 00:17:30.000")
    assert instant("31-12-9999 23:59:59.999") == "9999-12-31T22:59:59.999Z"
    assert amsterdam_text(ms("9999-12-31T22:59:59.999Z")) == "31-12-9999 23:59:59.999"
    for event_date, country in [
        ("01-01-0001 00:17:29.000", "NL"),  # in UTC it would be the year 0
        ("01-01-0001 07:00:00.000", "CN"),
        ("31-12-9999 23:00:00.000", "PT"),  # in Amsterdam it would be the year 10000
        ("31-12-9999 23:59:59.999", "US"),
    ]:
        with pytest.raises(ValueError, match="years 1 to 9999"):
            instant_ms(event_date, country, 0)


def test_amsterdam_s_times_have_three_digits_always() -> None:
    assert amsterdam_text(ms("2023-12-06T15:04:56.339Z")) == "06-12-2023 16:04:56.339"
    assert amsterdam_text(ms("2023-12-06T15:04:56Z")) == "06-12-2023 16:04:56.000"
    assert amsterdam_text(ms("2023-06-06T15:04:05.007Z")) == "06-06-2023 17:04:05.007"
    assert amsterdam_text(-1) == "01-01-1970 00:59:59.999"


def test_utc_s_times_have_three_digits_always() -> None:
    assert utc_text(ms("2023-05-19T12:58:26.624Z")) == "2023-05-19T12:58:26.624Z"
    assert utc_text(ms("2023-05-19T12:58:26Z")) == "2023-05-19T12:58:26.000Z"
    assert utc_text(ms("0001-01-01T00:00:00Z")) == "0001-01-01T00:00:00.000Z"


def test_a_run_s_name_and_day_are_amsterdam_s() -> None:
    start = ms("2023-12-07T16:01:21Z") * 1_000
    assert run_name(start) == run_name(start + 999_999) == "20231207_170121"
    assert amsterdam_day(start) == date(2023, 12, 7)
    midnight = ms("2023-07-06T22:00:00Z") * 1_000
    assert (run_name(midnight - 1), amsterdam_day(midnight - 1)) == ("20230706_235959", date(2023, 7, 6))
    assert (run_name(midnight), amsterdam_day(midnight)) == ("20230707_000000", date(2023, 7, 7))


def test_the_zones_are_those_of_the_database() -> None:
    assert zone_of_country("CA") == ZoneInfo("America/Toronto")
    assert zone_of_country("US") == ZoneInfo("America/Los_Angeles")
    assert zone_of_country("NA") == ZoneInfo("Europe/Amsterdam")


@settings(deadline=None)
@given(
    local=st.datetimes(FIRST + timedelta(days=1), LAST - timedelta(days=1)),
    country=st.sampled_from(["PT", "CA", "US", "RU", "ID", "CN", "NL", "NA", ""]),
    received_us=st.integers(0, 1 << 50),
)
def test_an_instant_is_the_nearest_of_those_that_a_clock_of_the_zone_shows_so(
    local: datetime, country: str, received_us: int
) -> None:
    local = local.replace(microsecond=local.microsecond // 1_000 * 1_000)
    got = instant_ms(
        f"{local:%d-%m}-{local.year:04}{local: %H:%M:%S}.{local.microsecond // 1000:03}", country, received_us
    )
    zone = zone_of_country(country)
    both = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    shown = [time for time in both if time.astimezone(zone).replace(tzinfo=None) == local]
    expected = {(time - EPOCH) // timedelta(milliseconds=1) for time in shown or [local.replace(tzinfo=zone)]}
    assert got == min(expected, key=lambda each: (abs(each * 1_000 - received_us), each))


@settings(deadline=None)
@given(st.datetimes(FIRST, LAST - timedelta(hours=1), timezones=st.just(UTC)))
def test_amsterdam_s_text_is_that_of_strftime(time: datetime) -> None:
    local = time.astimezone(ZoneInfo("Europe/Amsterdam"))
    expected = f"{local:%d-%m}-{local.year:04}{local: %H:%M:%S.%f}"[:-3]
    assert amsterdam_text((time - EPOCH) // timedelta(milliseconds=1)) == expected
