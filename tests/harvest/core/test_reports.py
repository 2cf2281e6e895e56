"""Answers about users, shows and successful streams."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.harvest.core.event import Event
from metrics.harvest.core.reports import (
    CountryUsers,
    ReportedEvent,
    Reports,
    RunEvents,
    SuccessfulStreams,
    UserReport,
    completed_years,
)
from tests.harvest.core.timeline import START_MS, drawn, event, reports


def answers(*events: Event) -> Reports:
    return reports([RunEvents(START_MS * 1000, events)])


def test_no_run_and_a_run_without_events_have_no_answers() -> None:
    nothing = Reports(users=[], recent_shows=0, successful_streams=[], started_share=None, platforms_by_country=[])
    assert reports([]) == answers() == nothing


def test_a_user_is_reported_with_name_age_and_all_events() -> None:
    of_ann = {"first_name": "Ann", "last_name": "Lee", "date_of_birth": "07/12/1984"}
    movie = {"show_id": "s1", "title": "Alien", "cast": " Sigourney Weaver , Tom Skerritt", "release_year": "1979"}
    found = answers(
        event(event="stream-started", **of_ann, **movie),
        event(event="show-seen-again", platform="Sytazon", instant_ms=START_MS + 661, **of_ann),
    )
    assert found.users == [
        UserReport(
            id=1,
            name="Ann Lee",
            age=38,  # 39 tomorrow
            events=[
                ReportedEvent(
                    event="stream-started",
                    platform="Sytflix",
                    show_id="s1",
                    title="Alien",
                    first_actor="Sigourney Weaver",
                    event_date="06-12-2023 16:04:56.339",
                    instant="2023-12-06T15:04:56.339Z",
                ),
                ReportedEvent(
                    event="show-seen-again",
                    platform="Sytazon",
                    show_id="s1",
                    title=None,
                    first_actor=None,
                    event_date="06-12-2023 16:04:57.000",
                    instant="2023-12-06T15:04:57.000Z",
                ),
            ],
        )
    ]


def test_users_are_in_the_order_of_their_numbers_and_007_is_7() -> None:
    found = answers(*[event(user_id=text) for text in ("10", "9", "007", "-1", "7")])
    assert [(user.id, len(user.events)) for user in found.users] == [(-1, 1), (7, 2), (9, 1), (10, 1)]


@pytest.mark.parametrize(
    ("first", "last", "name"), [("Ann", "Lee", "Ann Lee"), ("Ann", "", "Ann"), ("", "Lee", "Lee"), ("", "", "")]
)
def test_a_missing_part_of_a_name_leaves_no_blank(first: str, last: str, name: str) -> None:
    assert answers(event(first_name=first, last_name=last)).users[0].name == name


@pytest.mark.parametrize(
    ("cast", "first"),
    [("Ann Lee, Bob Ray", "Ann Lee"), ("Ann", "Ann"), (" , Bob Ray", None), ("", None), (",", None), ("A,,B", "A")],
)
def test_the_first_actor_comes_before_the_first_comma(cast: str, first: str | None) -> None:
    assert answers(event(cast=cast)).users[0].events[0].first_actor == first


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        ("06/12/1984", date(2023, 12, 6), 39),  # the birthday itself
        ("07/12/1984", date(2023, 12, 6), 38),
        ("29/02/2000", date(2023, 2, 28), 22),  # a common year: from 1 March
        ("29/02/2000", date(2023, 3, 1), 23),
        ("29/02/2000", date(2024, 2, 28), 23),  # a leap year: from the day
        ("29/02/2000", date(2024, 2, 29), 24),
        ("06/12/2023", date(2023, 12, 6), 0),
        ("07/12/2023", date(2023, 12, 6), None),  # tomorrow
        ("07/01/2024", date(2023, 12, 6), None),
        ("29/02/1900", date(2023, 12, 6), None),  # 1900 was a common year
        ("01/01/0001", date(2023, 12, 6), 2022),
        ("01/01/0000", date(2023, 12, 6), None),
        ("12/31/1984", date(2023, 12, 6), None),
        ("6/12/1984", date(2023, 12, 6), None),
        ("06-12-1984", date(2023, 12, 6), None),
        ("06/12/84", date(2023, 12, 6), None),
        ("06/12/1984\n", date(2023, 12, 6), None),
        (" 06/12/1984", date(2023, 12, 6), None),
        ("٠٦/١٢/١٩٨٤", date(2023, 12, 6), None),
        ("", date(2023, 12, 6), None),
    ],
)
def test_an_age_is_in_completed_years(born: str, day: date, age: int | None) -> None:
    assert completed_years(born, day) == age


@pytest.mark.parametrize(("start", "age"), [((22, 59), 22), ((23, 0), 23)])
def test_an_age_is_that_of_the_amsterdam_day_on_which_the_run_started(start: tuple[int, int], age: int) -> None:
    # UTC        28 February 2023, 22:59    23:00
    # Amsterdam  28 February, 23:59         1 March, 0:00
    start_us = int(datetime(2023, 2, 28, *start, tzinfo=UTC).timestamp()) * 1_000_000
    found = reports([RunEvents(start_us, [event(date_of_birth="29/02/2000", instant_ms=0)])])
    assert found.users[0].age == age


def test_the_newest_event_of_a_user_says_who_they_are() -> None:
    # started        6 December 2023        6 December 2024      6 December 2025
    # run            Ann Ray, NL            Ann Lee, null        another user
    year_us = 366 * 86_400_000_000
    older = RunEvents(START_MS * 1000, [event(last_name="Ray", user_country="NL", date_of_birth="01/01/1980")])
    newer = RunEvents(START_MS * 1000 + year_us, [event(last_name="Lee", date_of_birth="01/01/1990", event="newest")])
    other = RunEvents(START_MS * 1000 + 2 * year_us, [event(user_id="2")])
    user = reports([other, newer, older]).users[0]
    assert (user.name, user.age) == ("Ann Lee", 34)
    assert [one.event for one in user.events] == ["show-liked", "newest"]


@pytest.mark.parametrize(
    ("timeline", "count"),
    [
        ("[a a]", 1),
        ("[a a)", 1),
        ("[a *b a]", 0),
        ("[a !a a]", 0),
        ("[a [a a]", 1),
        ("[a a] a]", 1),
        ("[a a] [a a)", 2),
        ("a] [a", 0),
        ("[a b]", 0),
        ("[a [b b] a]", 1),
        ("[a [b a] b]", 0),
        ("[a A]", 0),  # the same show_id on another platform
        ("[a [A a] A]", 0),
        ("[a 2*a a]", 1),  # another user breaks nothing
        ("[a 2a]", 0),
        ("[a | a]", 0),  # never across runs
        ("[a a] | [a a)", 2),
        ("*a [a | a] [a a] *a", 1),
    ],
)
def test_a_stream_is_successful_if_the_next_event_of_its_user_ends_it(timeline: str, count: int) -> None:
    assert reports(drawn(timeline)).successful_streams == ([SuccessfulStreams(1, count)] if count else [])


def test_users_with_successful_streams_are_in_the_order_of_their_numbers() -> None:
    found = reports(drawn("10[a 9[a 8[a 10a] 9[A 9A) 8*a 8a] 9[a 9a]"))
    assert found.successful_streams == [SuccessfulStreams(9, 2), SuccessfulStreams(10, 1)]


@pytest.mark.parametrize(
    ("year", "count"),
    [
        ("2020", 1),
        ("2019", 0),
        ("2021", 1),
        ("10000", 1),
        ("02020", 1),
        ("0999", 0),
        ("9" * 5000, 1),
        ("2020.0", 0),
        ("-2020", 0),
        (" 2020", 0),
        ("two", 0),
        ("٢٠٢٠", 0),
        ("", 0),
    ],
)
def test_a_show_is_recent_from_2020_on(year: str, count: int) -> None:
    assert answers(event(release_year=year)).recent_shows == count


def test_a_recent_show_counts_once_per_platform_in_all_runs() -> None:
    of_2020 = {"release_year": "2020"}
    one = [event(**of_2020), event(**of_2020, user_id="2"), event(**of_2020, platform="Sysney"), event(show_id="s2")]
    two = [event(**of_2020), event(**of_2020, show_id="s2")]
    assert reports([RunEvents(1, one), RunEvents(2, two)]).recent_shows == 3  # s1, s1 of Sysney, s2


@pytest.mark.parametrize(
    ("timeline", "share"),
    [("", None), ("[A A]", None), ("*a", 0.0), ("[a", 100.0), ("[a [A a] *b", 100 / 3), ("[a *b | a] [b", 50.0)],
)
def test_the_started_share_is_of_the_events_of_sytflix(timeline: str, share: float | None) -> None:
    assert reports(drawn(timeline)).started_share == share


def test_users_that_start_streams_on_several_platforms_are_counted_by_country() -> None:
    def viewer(user: int, platforms: str, country: str, name: str = "stream-started") -> list[Event]:
        return [
            event(user_id=str(user), platform=platform, user_country=country, event=name)
            for platform in platforms.split()
        ]

    first = [
        *viewer(1, "Sytflix Sytazon Sysney", "US"),
        *viewer(2, "Sytflix Sysney", "CA"),
        *viewer(3, "Sytflix Sysney", ""),
        *viewer(4, "Sytflix Sytflix", "PT"),
        *viewer(5, "Sytflix", "PT"),
        *viewer(5, "Sysney", "PT", "stream-finished"),
        *viewer(6, "Sytazon", "NL"),
        *viewer(7, "Sytazon Sytflix", "NA"),
    ]
    second = [*viewer(6, "Sysney", "US"), *viewer(7, "Sysney", "RU", "show-liked")]  # 6 and 7 have moved
    assert reports([RunEvents(1, first), RunEvents(2, second)]).platforms_by_country == [
        CountryUsers("US", 2),
        CountryUsers("CA", 1),
        CountryUsers("RU", 1),
        CountryUsers(None, 1),
    ]


# The same, plain and slow, from all the events in a row.


def plain_age(born: str, today: date) -> int | None:
    """Return the number of birthdays after the first day of life, by looking for each."""
    try:
        birth = datetime.strptime(born, "%d/%m/%Y").replace(tzinfo=UTC).date()
    except ValueError:
        return None
    if birth > today:
        return None
    birthdays = []
    for year in range(birth.year + 1, today.year + 1):
        try:
            birthdays.append(birth.replace(year=year))
        except ValueError:
            birthdays.append(date(year, 3, 1))
    return len([birthday for birthday in birthdays if birthday <= today])


def plain_reports(runs: list[RunEvents]) -> dict[str, Any]:
    rows = [(run.started_us, one) for run in sorted(runs, key=lambda run: run.started_us) for one in run.events]
    amsterdam = ZoneInfo("Europe/Amsterdam")
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    users, successful = [], []
    countries: dict[str | None, int] = {}
    for user in sorted({int(one.user_id) for _, one in rows}):
        mine = [(started, one) for started, one in rows if int(one.user_id) == user]
        last_started, last = mine[-1]
        today = (epoch + timedelta(microseconds=last_started)).astimezone(amsterdam).date()
        lines = []
        for _, one in mine:
            moment = (epoch + timedelta(milliseconds=one.instant_ms)).astimezone(amsterdam)
            actor = one.cast.split(",")[0].strip()
            text = moment.strftime("%d-%m-%Y %H:%M:%S.%f")[:-3]
            lines.append((one.event, one.platform, one.show_id, one.title or None, actor or None, text))
        name = f"{last.first_name} {last.last_name}".strip()
        users.append((user, name, plain_age(last.date_of_birth, today), lines))
        pairs = 0
        for (run_1, one), (run_2, two) in pairwise(mine):
            if run_1 == run_2 and one.event == "stream-started" and two.event in ("stream-finished", "stream-ended"):
                pairs += one.show_id == two.show_id and one.platform == two.platform
        if pairs:
            successful.append((user, pairs))
        if len({one.platform for _, one in mine if one.event == "stream-started"}) > 1:
            countries[last.user_country or None] = countries.get(last.user_country or None, 0) + 1
    sytflix = [one.event == "stream-started" for _, one in rows if one.platform == "Sytflix"]
    return {
        "users": users,
        "recent": len({(one.platform, one.show_id) for _, one in rows if one.release_year in ("2020", "2021")}),
        "successful": successful,
        "share": sum(sytflix) / len(sytflix) if sytflix else None,
        "countries": countries,
    }


names = st.sampled_from(
    ["stream-started", "stream-started", "stream-finished", "stream-ended", "show-liked", "stream-interrupted", "new"]
)
any_event = st.builds(
    event,
    event=names,
    user_id=st.sampled_from(["1", "2", "2", "10", "02"]),
    show_id=st.sampled_from(["s1", "s1", "s2"]),
    platform=st.sampled_from(["Sytflix", "Sytazon", "Sysney", "Other"]),
    first_name=st.sampled_from(["Ann", "Sytac"]),
    last_name=st.sampled_from(["", "Lee"]),
    title=st.sampled_from(["", "Alien"]),
    cast=st.sampled_from(["", "Ann Lee", "Ann Lee, Bob", " Bob ,Ann", ","]),
    release_year=st.sampled_from(["", "2019", "2020", "2021"]),
    user_country=st.sampled_from(["", "NL", "NA"]),
    date_of_birth=st.sampled_from(["", "29/02/2000", "01/03/2000", "31/12/1999", "30/02/2000", "01/01/2090"]),
    instant_ms=st.integers(1_600_000_000_000, 1_800_000_000_000),
)
a_day = st.dates(date(2000, 2, 1), date(2030, 1, 1)).map(lambda day: (day - date(1970, 1, 1)).days)
hours_us = st.sampled_from([0, 12, 22, 23]).map(lambda hour: hour * 3_600_000_000)
any_start = st.builds(lambda day, us: day * 86_400_000_000 + us, a_day, hours_us)
any_runs = st.lists(
    st.builds(RunEvents, any_start, st.lists(any_event, max_size=14)),
    max_size=4,
    unique_by=lambda run: run.started_us,
)


@given(any_runs)
def test_answers_are_those_of_a_plain_reference(runs: list[RunEvents]) -> None:
    found, plain = reports(runs), plain_reports(runs)
    assert [
        (
            user.id,
            user.name,
            user.age,
            [(one.event, one.platform, one.show_id, one.title, one.first_actor, one.event_date) for one in user.events],
        )
        for user in found.users
    ] == plain["users"]
    assert found.recent_shows == plain["recent"]
    assert [(one.user_id, one.count) for one in found.successful_streams] == plain["successful"]
    assert found.started_share == (None if plain["share"] is None else pytest.approx(100 * plain["share"]))
    assert {one.country: one.users for one in found.platforms_by_country} == plain["countries"]
    counts = [one.users for one in found.platforms_by_country]
    assert counts == sorted(counts, reverse=True)


@given(any_runs, st.randoms(use_true_random=False))
def test_answers_about_several_runs_add_up_in_whatever_order_the_runs_come(runs: list[RunEvents], random: Any) -> None:
    one_by_one = [reports([run]) for run in sorted(runs, key=lambda run: run.started_us)]
    together = reports(random.sample(runs, len(runs)))
    for user in together.users:
        alone = [one for answer in one_by_one for one in answer.users if one.id == user.id]
        assert user.events == [one for part in alone for one in part.events]
        assert (user.name, user.age) == (alone[-1].name, alone[-1].age)
    counts = {one.user_id: one.count for one in together.successful_streams}
    for answer in one_by_one:
        for one in answer.successful_streams:
            counts[one.user_id] -= one.count
    assert not any(counts.values())
    recent = [answer.recent_shows for answer in one_by_one]
    assert max(recent, default=0) <= together.recent_shows <= sum(recent)
