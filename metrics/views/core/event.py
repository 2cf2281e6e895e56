"""View events: what is read from one line of JSON, or why it is wrong."""

from typing import Annotated, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta

EventType = Literal["waypoint", "streamstart", "streamstop", "streamend"]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
WAYPOINT_S = 30
"""View time of one waypoint."""

MAX_ID = 2**63 - 1
MAX_EVENT_ID_CHARACTERS = 256
LAST_SECOND = 253_402_300_799  # of the year 9999

Id = Annotated[int, Meta(ge=0, le=MAX_ID)]


class Event(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "event_id": "EventId",
        "media_id": "MediaId",
        "user_id": "UserId",
        "timestamp": "Timestamp",
        "date_time": "DateTime",
        "event_type": "EventType",
    },
):
    """A valid view event.

    Attributes:
        timestamp: event time, in whole seconds since the epoch.
        date_time: ISO 8601; checked, not used.
    """

    event_id: Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_ID_CHARACTERS)]
    media_id: Id
    user_id: Id
    timestamp: Annotated[int, Meta(ge=0, le=LAST_SECOND)]
    date_time: str
    event_type: EventType


class Reason(NamedTuple):
    """One thing that is wrong with a line.

    Attributes:
        kind: short, for counting: `not JSON`, `not an object`, `too long`, `missing EventId`, `wrong EventId`, ….
        text: a sentence for the sender.
    """

    kind: str
    text: str


class InvalidEventError(Exception):
    """A line that cannot be counted as a view event.

    Attributes:
        reasons: everything that is wrong with it, in the order of the fields.
    """

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        super().__init__("; ".join(reason.text for reason in reasons))
        self.reasons = reasons


_decode = msgspec.json.Decoder(Event).decode


def read_event(line: bytes) -> Event:
    """Return the view event of a line.

    Raises:
        InvalidEventError: it is not one.
    """
    try:
        return _decode(line)
    except msgspec.MsgspecError as error:
        raise InvalidEventError((Reason("not JSON", str(error)),)) from None
