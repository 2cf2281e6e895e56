"""Messages as the streams send them, with what a test changes."""

import json
from typing import Any

from metrics.harvest.core.event import Event, Position
from metrics.harvest.core.frames import Frame
from metrics.harvest.core.reading import read_event

SHOW = {
    "show_id": "s3",
    "cast": "Grace Kelly, James Stewart",
    "country": "France, Spain",
    "director": "Ann Hui",
    "date_added": "May 26, 2021",
    "description": "A photographer watches his neighbours.",
    "duration": "1 Season",
    "listed_in": "Crime TV Shows",
    "rating": "TV-Y7",
    "release_year": 2021,
    "title": "Windows",
    "type": "TV Show",
    "platform": "Sytflix",
}
USER = {
    "id": 4,
    "date_of_birth": "27/02/1968",
    "email": "ardys@example.com",
    "first_name": "Ardys",
    "gender": "Female",
    "ip_address": "192.0.2.19",
    "country": "CZ",
    "last_name": "Hill",
}
MESSAGE = {"show": SHOW, "event_date": "19-05-2023 14:58:26.624", "user": USER}
POSITION = Position("sytflix", 1, 17)
RECEIVED_US = 1_684_501_107_000_001  # 2023-05-19T12:58:27.000001Z


def message(show: Any = (), user: Any = (), **members: Any) -> bytes:
    """Return a message as JSON; objects that are given change members of the usual ones, other values replace them."""
    objects = {"show": (SHOW, show), "user": (USER, user)}
    changed = {
        name: usual | dict(new) if isinstance(new, dict | tuple) else new for name, (usual, new) in objects.items()
    }
    return json.dumps(MESSAGE | changed | members).encode()


def without(member: str, part: str | None = None) -> bytes:
    """Return a message as JSON without a member, of one of its objects if that is named."""
    whole: dict[str, Any] = json.loads(message())
    del (whole[part] if part else whole)[member]
    return json.dumps(whole).encode()


def frame(
    data: bytes | None = None,
    event: bytes = b"stream-started",
    own_id: bytes | None = b"i1",
    *,
    is_too_long: bool = False,
) -> Frame:
    return Frame(event, message() if data is None else data, own_id, is_too_long, 0)


def event(data: bytes | None = None, position: Position = POSITION, received_us: int = RECEIVED_US) -> Event:
    return read_event(frame(data), position, received_us)
