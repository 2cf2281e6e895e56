"""Answers about users, shows and successful streams, from the events of one run or of several."""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from metrics.harvest.core.event import Event


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
    """Number of a user's streams that were started and, as the very next event of the user in that run, ended."""

    user_id: int
    count: int


class CountryUsers(Struct, frozen=True):
    """Number of the users of a country that started streams on more than one platform; None: no known country."""

    country: str | None
    users: int


class Reports(Struct, frozen=True, kw_only=True):
    """Answers from the events of one run or of several.

    Attributes:
        users: by id.
        recent_shows: number of shows of 2020 or later; a show_id names one show per platform.
        successful_streams: by user id, without the users that have none.
        started_share: percent of Sytflix's events that start a stream; None without events of Sytflix.
        platforms_by_country: most users first, then by name, no known country last.
    """

    users: list[UserReport]
    recent_shows: int
    successful_streams: list[SuccessfulStreams]
    started_share: float | None
    platforms_by_country: list[CountryUsers]
