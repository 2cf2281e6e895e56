"""Validation: a frame is an event, or malformed for a reason.

A frame is valid if its data, name and id are UTF-8, its data is one JSON object, and it has

- a name;
- `user.id`: an integer of 64 bits, or such a number in ASCII digits, of which `"007"` is 7;
- `user.first_name`: a text, which may be empty;
- `show.show_id`: a text that is not empty, or an integer;
- `event_date`: as `instant_ms` reads it.

All else may be null, missing, or of another type.
"""

from hashlib import blake2b
from typing import Literal, get_args

from metrics.harvest.core.event import PLATFORMS, Event, Position
from metrics.harvest.core.frames import Frame
from metrics.harvest.core.instants import instant_ms
from metrics.harvest.core.message import (
    NotAnObjectError,
    NotJsonError,
    ReceivedMessage,
    ReceivedShow,
    ReceivedUser,
    read_message,
)

Reason = Literal["too-long", "encoding", "json", "object", "event", "user-id", "first-name", "show-id", "event-date"]
"""Why a frame is malformed; of several reasons, the first in this order."""

REASONS: tuple[Reason, ...] = get_args(Reason)

_FIRST_ID, _LAST_ID = -(1 << 63), (1 << 63) - 1


class MalformedError(Exception):
    """A frame without a valid event, and the reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def read_event(frame: Frame, position: Position, received_us: int) -> Event:
    """Return the event of a frame.

    Args:
        position: of the frame.
        received_us: when the frame was received, in microseconds since the epoch.

    Raises:
        MalformedError: it is not valid.
    """
    name, own_id, message = _read_frame(frame)
    show, user = message.show or ReceivedShow(), message.user or ReceivedUser()
    user_id = _user_id(user.id)
    if user.first_name is None:
        raise MalformedError("first-name")
    if not show.show_id:
        raise MalformedError("show-id")
    event_date, country = message.event_date or "", user.country or ""
    return Event(
        id=own_id,
        event=name,
        event_date=event_date,
        show_id=show.show_id,
        cast=show.cast or "",
        show_country=show.country or "",
        director=show.director or "",
        date_added=show.date_added or "",
        description=show.description or "",
        duration=show.duration or "",
        listed_in=show.listed_in or "",
        rating=show.rating or "",
        title=show.title or "",
        type=show.type or "",
        release_year=str(show.release_year or ""),
        platform=show.platform or PLATFORMS[position.stream],
        user_id=user_id,
        date_of_birth=user.date_of_birth or "",
        email=user.email or "",
        first_name=user.first_name,
        gender=user.gender or "",
        ip_address=user.ip_address or "",
        user_country=country,
        last_name=user.last_name or "",
        instant_ms=_instant_ms(event_date, country, received_us),
        received_us=received_us,
        position=position,
    )


def repeat_key(event: Event) -> int | None:
    """Return a number that an event shares with its repeats only, None if its frame had no id.

    It is a digest of 128 bits of the platform and the id. In a set it takes 95 bytes; a tuple of both takes 207.
    """
    if not event.id:
        return None
    both = f"{len(event.platform)} {event.platform}{event.id}".encode()
    return int.from_bytes(blake2b(both, digest_size=16).digest(), "big")


def _read_frame(frame: Frame) -> tuple[str, str, ReceivedMessage]:
    """Return the name, the id, and the message of a frame.

    Raises:
        MalformedError: it has no name or no message, or is not UTF-8.
    """
    if frame.is_too_long:
        raise MalformedError("too-long")
    try:
        name, own_id = frame.event.decode(), (frame.id or b"").decode()
        message = read_message(frame.data)
    except UnicodeDecodeError:
        raise MalformedError("encoding") from None
    except NotJsonError:
        raise MalformedError("json") from None
    except NotAnObjectError:
        raise MalformedError("object") from None
    if not name:
        raise MalformedError("event")
    return name, own_id, message


def _user_id(value: int | str | None) -> str:
    """Return the id of a user in its shortest form.

    Raises:
        MalformedError: it is neither an integer nor in digits, or has more than 64 bits.
    """
    if isinstance(value, str):
        digits = value.lstrip("0") or value[:1]
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= len(str(_LAST_ID)) else None
    if value is None or not _FIRST_ID <= value <= _LAST_ID:
        raise MalformedError("user-id")
    return str(value)


def _instant_ms(event_date: str, country: str, received_us: int) -> int:
    try:
        return instant_ms(event_date, country, received_us)
    except ValueError:
        raise MalformedError("event-date") from None
