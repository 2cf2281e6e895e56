"""Answers about users, shows and successful streams, from the events of one run or of several.

Figures are made in one pass over the events, in memory for a few numbers per user and show. Reports of users need all
events of a user together, so they are made from events that were sorted by user.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Annotated, Generic, NamedTuple, TypeVar, cast

from msgspec import Meta, Struct, structs

from metrics.harvest.core.event import PLATFORMS, Event
from metrics.harvest.core.instants import amsterdam_day, amsterdam_text, utc_text

STARTED = "stream-started"
ENDED = frozenset({"stream-finished", "stream-ended"})

Users = TypeVar("Users")

_RECENT_YEAR = 2020
_DAY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


class RunEvents(NamedTuple):
    """Start of a run in microseconds since the epoch, and its events in their order, read once."""

    started_us: int
    events: Iterable[Event]


class ReportedEvent(Struct, frozen=True, kw_only=True, gc=False):
    """An event in the report of its user."""

    event: str
    platform: str
    show_id: str
    title: str | None
    first_actor: Annotated[str | None, Meta(description="the first name of the cast")]
    event_date: Annotated[str, Meta(description="in Amsterdam time, `06-12-2023 16:04:56.339`")]
    instant: Annotated[str, Meta(description="the same time in UTC, `2023-12-06T15:04:56.339Z`")]


class UserReport(Struct, frozen=True, kw_only=True):
    """A user as in the newest of their events, and all their events."""

    id: int
    name: Annotated[str, Meta(description="first and last name")]
    age: Annotated[
        int | None,
        Meta(
            description="in completed years on the Amsterdam day on which the newest run with an event of the user "
            "started; null without a valid date of birth"
        ),
    ]
    events: Annotated[list[ReportedEvent], Meta(description="run by run, in the order of events")]


class SuccessfulStreams(Struct, frozen=True):
    """Number of a user's streams that the user started and, as the very next event in that run, ended."""

    user_id: int
    count: int


class CountryUsers(Struct, frozen=True):
    """Number of a country's users who started streams on more than one platform."""

    country: Annotated[str | None, Meta(description="null for no known country")]
    users: int


class Answers(Struct, Generic[Users], frozen=True, kw_only=True):
    """Answers from the events of one run or of several.

    Attributes:
        users: their reports, by id; or their number.
        recent_shows: number of shows released in 2020 or later; the same show_id on two platforms is two shows.
        successful_streams: by user id, without the users that have none.
        started_share: percent of Sytflix's events that start a stream; None without events of Sytflix.
        platforms_by_country: most users first, then by name, no known country last.
    """

    users: Users
    recent_shows: int
    successful_streams: list[SuccessfulStreams]
    started_share: float | None
    platforms_by_country: list[CountryUsers]


Reports = Answers[Sequence[UserReport]]
Figures = Answers[int]


def figures_of(reports: Reports) -> Figures:
    """Return answers with the number of users in place of their reports."""
    return cast("Figures", structs.replace(reports, users=len(reports.users)))


class UserEvent(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """An event as the report of its user needs it.

    Attributes:
        name: of the user, as are `date_of_birth` and `user_id`; the report has them as in the newest event.
        run_started_us: start of its run in microseconds since the epoch.
    """

    user_id: int
    name: str
    date_of_birth: str
    run_started_us: int
    event: str
    platform: str
    show_id: str
    title: str | None
    first_actor: str | None
    instant_ms: int

    @classmethod
    def of(cls, event: Event, run_started_us: int) -> "UserEvent":
        """Return what a report needs of an event."""
        return cls(
            user_id=int(event.user_id),
            name=" ".join(part for part in (event.first_name, event.last_name) if part),
            date_of_birth=event.date_of_birth,
            run_started_us=run_started_us,
            event=event.event,
            platform=event.platform,
            show_id=event.show_id,
            title=event.title or None,
            first_actor=first_of(event.cast),
            instant_ms=event.instant_ms,
        )


def report_users(events: Iterable[UserEvent]) -> Iterator[UserReport]:
    """Yield the reports of users, with the events of one user in memory at a time.

    Args:
        events: by user id, and those of a user run by run, in their order.
    """
    for user_id, of_user in groupby(events, attrgetter("user_id")):
        *_, newest = taken = [*of_user]
        yield UserReport(
            id=user_id,
            name=newest.name,
            age=completed_years(newest.date_of_birth, amsterdam_day(newest.run_started_us)),
            events=[_reported(event) for event in taken],
        )


class FigureCounts:
    """Counts of the events taken so far, from which figures are made. Keys are ids of users."""

    def __init__(self) -> None:
        self._countries: dict[int, str] = {}  # as in the newest event of the user
        self._successful: Counter[int] = Counter()
        self._platforms: defaultdict[int, set[str]] = defaultdict(set)  # of streams that the user started
        self._recent_shows: set[tuple[str, str]] = set()
        self._of_sytflix: Counter[bool] = Counter()  # events by whether they start a stream

    def take(self, runs: Iterable[RunEvents]) -> Iterator[UserEvent]:
        """Count the events of runs, and yield each one, in the order in which the runs started.

        Args:
            runs: in any order.
        """
        for run in sorted(runs, key=attrgetter("started_us")):
            started: dict[int, tuple[str, str]] = {}  # the show that the user's previous event started, if any
            for event in run.events:
                found = UserEvent.of(event, run.started_us)
                self._count(event, found.user_id, started)
                yield found

    def _count(self, event: Event, user: int, started: dict[int, tuple[str, str]]) -> None:
        show, is_start = (event.platform, event.show_id), event.event == STARTED
        self._countries[user] = event.user_country
        if started.pop(user, None) == show and event.event in ENDED:
            self._successful[user] += 1
        if is_start:
            started[user] = show
            self._platforms[user].add(event.platform)
        if is_recent(event.release_year):
            self._recent_shows.add(show)
        if event.platform == PLATFORMS["sytflix"]:
            self._of_sytflix[is_start] += 1

    def figures(self) -> Figures:
        """Return the figures of the events taken so far."""
        return Figures(
            users=len(self._countries),
            recent_shows=len(self._recent_shows),
            successful_streams=[SuccessfulStreams(user, count) for user, count in sorted(self._successful.items())],
            started_share=self._started_share(),
            platforms_by_country=self._platforms_by_country(),
        )

    def _started_share(self) -> float | None:
        events = self._of_sytflix.total()
        return 100 * self._of_sytflix[True] / events if events else None

    def _platforms_by_country(self) -> list[CountryUsers]:
        several = (user for user, platforms in self._platforms.items() if len(platforms) > 1)
        users = Counter(self._countries[user] for user in several)
        order = sorted(users.items(), key=lambda item: (-item[1], item[0] == "", item[0]))
        return [CountryUsers(country or None, count) for country, count in order]


def _reported(event: UserEvent) -> ReportedEvent:
    return ReportedEvent(
        event=event.event,
        platform=event.platform,
        show_id=event.show_id,
        title=event.title,
        first_actor=event.first_actor,
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
