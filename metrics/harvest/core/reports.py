"""Answers about users, shows and successful streams, from the events of one run or of several."""

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from datetime import date
from typing import NamedTuple

from msgspec import Struct

from metrics.harvest.core.event import PLATFORMS, Event
from metrics.harvest.core.instants import amsterdam_day, amsterdam_text, utc_text

STARTED = "stream-started"
ENDED = frozenset({"stream-finished", "stream-ended"})

_RECENT_YEAR = 2020
_DAY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


class RunEvents(NamedTuple):
    """Start of a run in microseconds since the epoch, and its events in their order, read once."""

    started_us: int
    events: Iterable[Event]


class ReportedEvent(Struct, frozen=True, kw_only=True, gc=False):
    """An event in the report of its user.

    Attributes:
        first_actor: the first name of the cast.
        event_date: in Amsterdam time, `06-12-2023 16:04:56.339`.
        instant: the same time in UTC, `2023-12-06T15:04:56.339Z`.
    """

    event: str
    platform: str
    show_id: str
    title: str | None
    first_actor: str | None
    event_date: str
    instant: str


class UserReport(Struct, frozen=True, kw_only=True):
    """A user as in the newest of their events, and all their events.

    Attributes:
        name: first and last name.
        age: in completed years on the Amsterdam day on which the newest run with an event of the user started; None
            without a valid date of birth.
        events: run by run, in the order of events.
    """

    id: int
    name: str
    age: int | None
    events: list[ReportedEvent]


class SuccessfulStreams(Struct, frozen=True):
    """Number of a user's streams that the user started and, as the very next event in that run, ended."""

    user_id: int
    count: int


class CountryUsers(Struct, frozen=True):
    """Number of a country's users who started streams on more than one platform; None for no known country."""

    country: str | None
    users: int


class Reports(Struct, frozen=True, kw_only=True):
    """Answers from the events of one run or of several.

    Attributes:
        users: by id.
        recent_shows: number of shows released in 2020 or later; the same show_id on two platforms is two shows.
        successful_streams: by user id, without the users that have none.
        started_share: percent of Sytflix's events that start a stream; None without events of Sytflix.
        platforms_by_country: most users first, then by name, no known country last.
    """

    users: list[UserReport]
    recent_shows: int
    successful_streams: list[SuccessfulStreams]
    started_share: float | None
    platforms_by_country: list[CountryUsers]


class _Person(NamedTuple):
    """A user as in an event, with the day on which its run started."""

    name: str
    date_of_birth: str
    country: str
    run_day: date

    @classmethod
    def of(cls, event: Event, run_day: date) -> "_Person":
        name = " ".join(part for part in (event.first_name, event.last_name) if part)
        return cls(name, event.date_of_birth, event.user_country, run_day)


class _Seen:
    """Facts from the runs taken so far, for the answers. Keys are ids of users."""

    def __init__(self, of_users: Container[int] | None) -> None:
        self._of_users = of_users
        self._newest: dict[int, _Person] = {}
        self._events: defaultdict[int, list[ReportedEvent]] = defaultdict(list)
        self._successful: Counter[int] = Counter()
        self._platforms: defaultdict[int, set[str]] = defaultdict(set)  # of streams that the user started
        self._recent_shows: set[tuple[str, str]] = set()
        self._of_sytflix: Counter[bool] = Counter()  # events by whether they start a stream

    def take(self, run: RunEvents) -> None:
        day = amsterdam_day(run.started_us)
        started: dict[int, tuple[str, str]] = {}  # the show that the user's previous event in this run started, if any
        for event in run.events:
            user, show, is_start = int(event.user_id), (event.platform, event.show_id), event.event == STARTED
            self._newest[user] = _Person.of(event, day)
            if self._of_users is None or user in self._of_users:
                self._events[user].append(_reported(event))
            if started.pop(user, None) == show and event.event in ENDED:
                self._successful[user] += 1
            if is_start:
                started[user] = show
                self._platforms[user].add(event.platform)
            if is_recent(event.release_year):
                self._recent_shows.add(show)
            if event.platform == PLATFORMS["sytflix"]:
                self._of_sytflix[is_start] += 1

    def reports(self) -> Reports:
        return Reports(
            users=[self._user(user, events) for user, events in sorted(self._events.items())],
            recent_shows=len(self._recent_shows),
            successful_streams=[SuccessfulStreams(user, count) for user, count in sorted(self._successful.items())],
            started_share=self._started_share(),
            platforms_by_country=self._platforms_by_country(),
        )

    def _user(self, user: int, events: list[ReportedEvent]) -> UserReport:
        person = self._newest[user]
        age = completed_years(person.date_of_birth, person.run_day)
        return UserReport(id=user, name=person.name, age=age, events=events)

    def _started_share(self) -> float | None:
        events = self._of_sytflix.total()
        return 100 * self._of_sytflix[True] / events if events else None

    def _platforms_by_country(self) -> list[CountryUsers]:
        several = (user for user, platforms in self._platforms.items() if len(platforms) > 1)
        users = Counter(self._newest[user].country for user in several)
        order = sorted(users.items(), key=lambda item: (-item[1], item[0] == "", item[0]))
        return [CountryUsers(country or None, count) for country, count in order]


def reports(runs: Iterable[RunEvents], of_users: Container[int] | None = None) -> Reports:
    """Return the answers from the events of runs, which are taken in the order in which the runs started.

    Args:
        runs: in any order.
        of_users: the ids of the users that are reported with their events; None: all users. All other answers are
            about all users.
    """
    seen = _Seen(of_users)
    for run in sorted(runs, key=lambda run: run.started_us):
        seen.take(run)
    return seen.reports()


def _reported(event: Event) -> ReportedEvent:
    return ReportedEvent(
        event=event.event,
        platform=event.platform,
        show_id=event.show_id,
        title=event.title or None,
        first_actor=first_of(event.cast),
        event_date=amsterdam_text(event.instant_ms),
        instant=utc_text(event.instant_ms),
    )


def first_of(cast: str) -> str | None:
    """Return the first name of a cast, `Ann Lee, Bob Ray`; None without one."""
    return cast.partition(",")[0].strip() or None


def is_recent(release_year: str) -> bool:
    """Return whether a text is a year, as an integer, of 2020 or later."""
    if not (release_year.isascii() and release_year.isdecimal()):
        return False
    digits = release_year.lstrip("0")
    return len(digits) > 4 or (len(digits) == 4 and int(digits) >= _RECENT_YEAR)


def completed_years(date_of_birth: str, day: date) -> int | None:
    """Return the age on a day from a date of birth, `dd/MM/yyyy`; None if that is not a date, or is after the day.

    Those born on 29 February turn a year older on 1 March in common years.
    """
    parts = _DAY.fullmatch(date_of_birth)
    if not parts:
        return None
    try:
        born = date(*map(int, reversed(parts.groups())))
    except ValueError:
        return None
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return age if born <= day else None
