"""View events: what is read from one line of JSON, or everything that is wrong with it.

Two readers: one msgspec Struct, and a careful one for the lines that it refuses. The careful reader is the rule: it
names every wrong field, and it accepts a few events that msgspec refuses (after a byte order mark; with half of a
surrogate pair, or a first member of a repeated name that is wrong).
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import accumulate
from json import JSONDecodeError, JSONDecoder, dumps
from typing import Annotated, Any, Literal, NamedTuple, NoReturn, get_args

import msgspec
from msgspec import Meta

from metrics.time.moments import DAY_S, LAST_SECOND
from metrics.wording.text import shortened

EventType = Literal["waypoint", "streamstart", "streamstop", "streamend"]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
COLUMNS: dict[EventType, int] = {event_type: column for column, event_type in enumerate(EVENT_TYPES)}
"""The position of each type among the columns that count events."""

WAYPOINT_S = 30
"""View time of one waypoint."""

MAX_ID = 2**63 - 1
MAX_EVENT_ID_CHARACTERS = 256
MAX_TIMESTAMP = LAST_SECOND - 2 * DAY_S
"""Two days before the year 10000, which the day of an event thus never touches, in any time zone."""
# Levels of arrays and objects, with the root. Parsers recurse, and callers leave them more or less of the stack:
# without this limit, the verdict on a line would differ from caller to caller.
MAX_DEPTH = 200

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
    timestamp: Annotated[int, Meta(ge=0, le=MAX_TIMESTAMP)]
    date_time: str
    event_type: EventType


NOT_JSON, NOT_AN_OBJECT, TOO_DEEP, TOO_LONG = "not JSON", "not an object", "too deep", "too long"
"""Kinds of reasons for a whole line; TOO_LONG is for those who read lines up to a limit."""


class Reason(NamedTuple):
    """One thing that is wrong with a line.

    Attributes:
        kind: short, for counting: NOT_JSON, NOT_AN_OBJECT, TOO_DEEP, TOO_LONG, `missing EventId`, `wrong EventId`, ….
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

    @property
    def is_json(self) -> bool:
        """Whether the line is JSON, however wrong its value; one that is too deep is not parsed, and passes."""
        return self.reasons[0].kind not in (NOT_JSON, TOO_LONG)


_decode = msgspec.json.Decoder(Event).decode
_parse_time = datetime.fromisoformat


def read_event(line: bytes) -> Event:
    """Return the view event of a line, or of the value of a Kafka record.

    A repeated EventId is not noticed. Of members with the same name, the last one counts; others than those of an
    Event are ignored, if they are JSON.

    Raises:
        InvalidEventError: it is not one.
    """
    try:
        event = _decode(line)
        _require_iso_8601(event.date_time)
        # msgspec does not decode the members that it ignores.
        if (line.isascii() or line.decode()) and _is_flat(line):
            return event
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        pass
    return _read_carefully(line)


def _is_flat(line: bytes) -> bool:
    """Return whether a line of JSON is so short, or has so few brackets, that it cannot be too deep."""
    return len(line) <= 2 * MAX_DEPTH or line.count(b"[") + line.count(b"{") <= MAX_DEPTH


def _require_iso_8601(text: str) -> None:
    """Check a time; Python would accept any character between a date and a time of day.

    Raises:
        ValueError: it is not one in ISO 8601.
    """
    _parse_time(text)
    if len(text) > len("2026-11-28") and "T" not in text and " " not in text and "t" not in text:
        raise ValueError("there is no T between the date and the time of day")


def _read_carefully(line: bytes) -> Event:
    """Return the event of a line, as `read_event`."""
    members = _members(line)
    reasons = tuple(_reasons(members))
    if reasons:
        raise InvalidEventError(reasons)
    return Event(*(members[name] for name in _FIELDS))


def _members(line: bytes) -> dict[str, Any]:
    """Return the members of a line's object.

    Raises:
        InvalidEventError: it has none.
    """
    try:
        value = _FROM_JSON(_text(line))
    except UnicodeDecodeError as error:
        raise _not_json(f"byte {error.start + 1}, 0x{error.object[error.start]:02x}, is not UTF-8") from None
    except JSONDecodeError as error:
        what = error.msg.removesuffix(" at")  # "Unterminated string starting at"
        raise _not_json(f"{what[:1].lower()}{what[1:]} at character {error.pos + 1}") from None
    except _NotANumberError as error:
        raise _not_json(str(error)) from None
    if not isinstance(value, dict):
        raise InvalidEventError((Reason(NOT_AN_OBJECT, f"The event must be an object, not {_shown_value(value)}"),))
    return value


def _text(line: bytes) -> str:
    """Return the text of a line without a byte order mark; it has one, and can be parsed by recursion."""
    text = line.decode().removeprefix("\ufeff")
    if not text.strip(" \t\r\n"):
        raise _not_json("it is empty")
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(_STRING.sub("", text)))
    if max(accumulate(steps), default=0) > MAX_DEPTH:
        raise InvalidEventError((Reason(TOO_DEEP, f"The event is nested deeper than {MAX_DEPTH} levels"),))
    return text


def _not_json(why: str) -> InvalidEventError:
    return InvalidEventError((Reason(NOT_JSON, f"Not JSON: {why}"),))


_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")


class _Number(NamedTuple):
    """A number that is not whole, or too long to be worth converting.

    Attributes:
        written: as in the line.
    """

    written: str


class _NotANumberError(Exception):
    """NaN or Infinity, which Python would accept."""


def _integer(written: str) -> int | _Number:
    return int(written) if len(written) <= len(str(MAX_ID)) else _Number(written)


def _refuse_constant(written: str) -> NoReturn:
    raise _NotANumberError(f"{written} is not a number")


_FROM_JSON = JSONDecoder(parse_float=_Number, parse_int=_integer, parse_constant=_refuse_constant).decode


def _reasons(members: dict[str, Any]) -> Iterator[Reason]:
    for name, wrong in _FIELDS.items():
        if name not in members:
            yield Reason(f"missing {name}", f"Missing {name}")
        elif text := wrong(members[name]):
            yield Reason(f"wrong {name}", f"{name} must be {text}")


def _wrong_event_id(value: Any) -> str:
    words = f"a text of 1 to {MAX_EVENT_ID_CHARACTERS} characters"
    if not isinstance(value, str):
        return f"{words}, not {_shown_value(value)}"
    if len(value) > MAX_EVENT_ID_CHARACTERS:
        return f"{words}, not of {len(value)}"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return f"{words}, not {_quoted(value)} with half of a surrogate pair"
    return "" if value else f'{words}, not ""'


def _wrong_whole(value: Any, words: str, most: int) -> str:
    if type(value) is int and 0 <= value <= most:
        return ""
    is_too_large = value > most if type(value) is int else isinstance(value, _Number) and value.written.isdecimal()
    shown = f"the text {_quoted(value)}" if isinstance(value, str) else _shown_value(value)
    return f"{words}, {f'0 to {most}' if is_too_large else '0 or more'}, not {shown}"


def _wrong_id(value: Any) -> str:
    return _wrong_whole(value, "a whole number", MAX_ID)


def _wrong_timestamp(value: Any) -> str:
    return _wrong_whole(value, "a whole number of seconds since 1970", MAX_TIMESTAMP)


def _wrong_date_time(value: Any) -> str:
    try:
        _require_iso_8601(value)
    except (TypeError, ValueError):
        return f"a time in ISO 8601, such as 2026-11-28T10:15:00Z, not {_shown_value(value)}"
    return ""


def _wrong_event_type(value: Any) -> str:
    return "" if value in EVENT_TYPES else f"one of {', '.join(EVENT_TYPES)}, not {_shown_value(value)}"


_FIELDS: dict[str, Callable[[Any], str]] = {
    "EventId": _wrong_event_id,
    "MediaId": _wrong_id,
    "UserId": _wrong_id,
    "Timestamp": _wrong_timestamp,
    "DateTime": _wrong_date_time,
    "EventType": _wrong_event_type,
}
SHOWN_CHARACTERS = 60
"""Characters of a wrong value in its sentence."""


def _shown_value(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, _Number):
        return shortened(value.written, SHOWN_CHARACTERS)
    if isinstance(value, dict):
        return "an object"
    return "an array" if isinstance(value, list) else dumps(value)


def _quoted(text: str) -> str:
    """Return a text as JSON, cut if it is long; halves of surrogate pairs are escaped."""
    quoted = dumps(shortened(text, SHOWN_CHARACTERS), ensure_ascii=False)
    return quoted.encode(errors="backslashreplace").decode()
