"""Response models."""

import re
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from metrics.harvest.core.event import Event
from metrics.harvest.core.instants import amsterdam_text
from metrics.harvest.core.reports import CountryUsers, SuccessfulStreams, UserReport
from metrics.harvest.core.rows import cells
from metrics.harvest.core.run_report import RunFigures, RunHead
from metrics.harvest.listening.progress import Progress, StreamProgress

MAX_PAGE_BYTES = 4 << 20

HasMore = Annotated[bool, Meta(description="whether `limit`, or the size of an answer, about 4 MiB, left some out")]


class UnreadableRun(Struct):
    """A run whose report cannot be read."""

    run: str
    why: Annotated[str, Meta(description="what is wrong, and what to do")]


class HarvestRuns(Struct, kw_only=True):
    """Runs that have ended, the newest first."""

    runs: list[RunHead]
    has_more: HasMore
    unreadable: Annotated[list[UnreadableRun], Meta(description="all runs whose reports cannot be read, by name")]
    running: Annotated[str | None, Meta(description="the run that this server runs now; null if it runs none")]


class FinishedRun(RunHead, frozen=True, kw_only=True, tag_field="state", tag="finished"):
    """The report of a run without its users, which may be many."""

    users: Annotated[int, Meta(description="their number")]
    recent_shows: Annotated[int, Meta(description="distinct shows released in 2020 or later")]
    successful_streams: Annotated[
        list[SuccessfulStreams], Meta(description="by user id, without the users that have none")
    ]
    started_share: Annotated[
        float | None, Meta(description="percent of Sytflix's events that start a stream; null without any event")
    ]
    platforms_by_country: Annotated[
        list[CountryUsers], Meta(description="users that started streams on more than one platform")
    ]


class RunningRun(Struct, frozen=True, kw_only=True, tag_field="state", tag="running"):
    """The progress of a run."""

    run: str
    seconds: Annotated[float, Meta(description="the rule to stop it, as are `name` and `times`")]
    seconds_left: Annotated[float, Meta(description="until the time stops it; 0 once it has stopped")]
    name: str
    times: int
    name_seen: Annotated[int, Meta(description="number of events of users with that name")]
    streams: list[StreamProgress]
    report_share: Annotated[
        float | None,
        Meta(
            description="share of the raw files that the report has been made from, 0 to 1; null until it has stopped"
        ),
    ]


class StartedRun(Struct):
    """A run that was started."""

    run: str
    location: Annotated[str, Meta(description="path of its progress, and then of its report")]


class HarvestUserEvent(Struct, kw_only=True):
    """An event of a user; null is what the event has no value for."""

    event: Annotated[str, Meta(examples=["stream-started"])]
    platform: Annotated[str, Meta(examples=["Sytflix"])]
    show_id: str
    title: str | None
    first_actor: Annotated[str | None, Meta(description="the first name of the cast")]
    instant: Annotated[str, Meta(description="in UTC", examples=["2023-12-06T15:04:56.339Z"])]
    amsterdam: Annotated[str, Meta(description="the same in Amsterdam time", examples=["06-12-2023 16:04:56.339"])]


class HarvestUser(Struct, kw_only=True):
    """A user as in the newest of their events, and all their events in a run."""

    id: int
    name: Annotated[str, Meta(description="first and last name")]
    age: Annotated[
        int | None,
        Meta(description="in completed years on the Amsterdam day of the run's start; null without a date of birth"),
    ]
    events: Annotated[list[HarvestUserEvent], Meta(description="in their order")]


class HarvestUsers(Struct):
    """Users of a run with their events, by id."""

    users: list[HarvestUser]
    has_more: HasMore


class EventShow(Struct, kw_only=True):
    """The show of an event; null if the event has no value."""

    show_id: str
    title: str | None
    type: str | None
    release_year: Annotated[int | None, Meta(description="null if it is not a whole number")]
    cast: str | None
    country: str | None
    director: str | None
    date_added: str | None
    description: str | None
    duration: str | None
    listed_in: str | None
    rating: str | None


class EventUser(Struct, kw_only=True):
    """The user of an event; null if the event has no value."""

    id: int
    first_name: str
    last_name: str | None
    date_of_birth: str | None
    email: str | None
    gender: str | None
    ip_address: str | None
    country: str | None


class RunEvent(Struct, kw_only=True):
    """An event of a run."""

    number: Annotated[int, Meta(description="place in the order of the run's events, from 1")]
    id: Annotated[str | None, Meta(description="of its frame; null without one")]
    event: Annotated[str, Meta(examples=["stream-started"])]
    platform: Annotated[str, Meta(examples=["Sytflix"])]
    instant: Annotated[str, Meta(description="in UTC", examples=["2023-12-06T15:04:56.339Z"])]
    amsterdam: Annotated[str, Meta(description="the same in Amsterdam time", examples=["06-12-2023 16:04:56.339"])]
    event_date: Annotated[str, Meta(description="as received, in the local time of the user")]
    received_at: Annotated[str, Meta(description="in UTC", examples=["2023-12-06T15:04:57.120394Z"])]
    position: Annotated[str, Meta(description="stream, connection and frame", examples=["sytflix-1:17"])]
    show: EventShow
    user: EventUser


class HarvestEvents(Struct):
    """Events of a run, in their order: by instant, then platform, then position."""

    events: list[RunEvent]
    has_more: HasMore


ANSWERS = (HarvestRuns, FinishedRun, RunningRun, StartedRun, HarvestUsers, HarvestEvents)


def page(name: str, items: Iterable[Struct], limit: int, **more: Any) -> bytes:
    """Return the first items as a JSON object with `has_more`: as the limit and MAX_PAGE_BYTES allow, but at least one.

    Args:
        name: of the items in the object.
        items: no more than one beyond those returned is taken.
        more: other members of the object.
    """
    shown: list[msgspec.Raw] = []
    size, has_more = 0, False
    for item in items:
        encoded = msgspec.json.encode(item)
        size += len(encoded)
        if shown and (len(shown) == limit or size > MAX_PAGE_BYTES):
            has_more = True
            break
        shown.append(msgspec.Raw(encoded))
    return msgspec.json.encode({name: shown, "has_more": has_more, **more})


def finished(report: RunFigures) -> FinishedRun:
    """Return a report as the answer of a route."""
    answers = report.reports
    return FinishedRun(
        **{name: getattr(report, name) for name in RunHead.__struct_fields__},
        users=answers.users,
        recent_shows=answers.recent_shows,
        successful_streams=answers.successful_streams,
        started_share=answers.started_share,
        platforms_by_country=answers.platforms_by_country,
    )


def running(seconds: float, progress: Progress) -> RunningRun:
    """Return the progress of a run.

    Args:
        seconds: after which its rule stops it.
    """
    return RunningRun(seconds=seconds, **msgspec.structs.asdict(progress))


def user(report: UserReport) -> HarvestUser:
    """Return a user; `event_date`, which is Amsterdam time in reports and local time in events, is `amsterdam`."""
    events = [
        HarvestUserEvent(
            event=event.event,
            platform=event.platform,
            show_id=event.show_id,
            title=event.title,
            first_actor=event.first_actor,
            instant=event.instant,
            amsterdam=event.event_date,
        )
        for event in report.events
    ]
    return HarvestUser(id=report.id, name=report.name, age=report.age, events=events)


def run_event(number: int, event: Event) -> RunEvent:
    """Return an event with numbers as numbers, and null in place of empty texts."""
    *_, instant, received_at, position = cells(event)
    return RunEvent(
        number=number,
        id=event.id or None,
        event=event.event,
        platform=event.platform,
        instant=instant,
        amsterdam=amsterdam_text(event.instant_ms),
        event_date=event.event_date,
        received_at=received_at,
        position=position,
        show=EventShow(
            show_id=event.show_id,
            title=event.title or None,
            type=event.type or None,
            release_year=_whole_number(event.release_year),
            cast=event.cast or None,
            country=event.show_country or None,
            director=event.director or None,
            date_added=event.date_added or None,
            description=event.description or None,
            duration=event.duration or None,
            listed_in=event.listed_in or None,
            rating=event.rating or None,
        ),
        user=EventUser(
            id=int(event.user_id),
            first_name=event.first_name,
            last_name=event.last_name or None,
            date_of_birth=event.date_of_birth or None,
            email=event.email or None,
            gender=event.gender or None,
            ip_address=event.ip_address or None,
            country=event.user_country or None,
        ),
    )


def _whole_number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else None
