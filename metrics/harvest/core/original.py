"""The bodies of the original API, with its keys in alphabetical order, its texts and floats."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from metrics.harvest.core.reports import Figures, ReportedEvent, UserReport

PART_BYTES = 64 << 10


def user_report(users: Iterable[UserReport]) -> Iterator[bytes]:
    """Yield users and their events: `[{"event_list":[…],"user":{"age":"39","user_id":"9","user_name":"Ann Lee"}}]`.

    Parts have some PART_BYTES, or one user if that is more.
    """
    part = bytearray(b"[")
    for number, user in enumerate(users):
        part += b"," * bool(number) + msgspec.json.encode(_user(user))
        if len(part) >= PART_BYTES:
            yield bytes(part)
            part.clear()
    yield bytes(part + b"]")


def recent_shows(figures: Figures) -> bytes:
    """Return the number of shows released in 2020 or later: `{"recent_shows":"96"}`."""
    return msgspec.json.encode({"recent_shows": str(figures.recent_shows)})


def successful_streams(figures: Figures) -> bytes:
    """Return the users with successful streams: `[{"successful_streams":1.0,"user":4.0}]`."""
    return msgspec.json.encode(
        [{"successful_streams": float(of.count), "user": float(of.user_id)} for of in figures.successful_streams]
    )


def start_events(figures: Figures) -> bytes:
    """Return the percentage of Sytflix events that start a stream: `{"start_event_rate(%)":"38.40155945419103"}`."""
    share = figures.started_share
    return msgspec.json.encode({"start_event_rate(%)": None if share is None else str(share)})


def _user(user: UserReport) -> dict[str, Any]:
    return {
        "event_list": [_event(event) for event in user.events],
        "user": {
            "age": None if user.age is None else str(user.age),
            "user_id": str(user.id),
            "user_name": user.name,
        },
    }


def _event(event: ReportedEvent) -> dict[str, str | None]:
    return {
        "event": event.event,
        "event_date": event.event_date,
        "first_actor": event.first_actor,
        "show_id": event.show_id,
        "show_platform": event.platform,
        "show_title": event.title,
    }
