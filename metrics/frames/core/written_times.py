"""The time of a frame, as written in each format: its whole second since the epoch."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import floor, inf
from typing import Any

from metrics.frames.core.frame import Reason, Rejection
from metrics.frames.core.shape import UNITS, TsFormat
from metrics.frames.core.written import shown
from metrics.messages.interface import Recorded
from metrics.time.moments import LAST_SECOND

_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)
_FRACTION = re.compile(r"[0-9]{1,18}\.[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
# As `fromisoformat` has it, but for other separators, weeks, days of the year, and dates without a time.
_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ]((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)(?:(?<=:\d\d:\d\d)[.,]\d+)?"
    r"(?:([Zz])|([+-](?:[01]\d|2[0-3]))(?::?([0-5]\d))?)?",
    re.ASCII,
)
_EPOCH, _SECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)
_EXPECTED = {
    TsFormat.SECONDS: "seconds since the epoch",
    TsFormat.MILLISECONDS: "milliseconds since the epoch",
    TsFormat.MICROSECONDS: "microseconds since the epoch",
    TsFormat.ISO8601: "a date and time of ISO 8601",
}
# What a number of this many digits looks like that is out of range.
_LOOKS_LIKE = {13: "milliseconds", 16: "microseconds", 19: "nanoseconds"}
_OUTSIDE = "outside the years 1970 to 9999"


def fast(ts_format: TsFormat) -> Callable[[Any], int]:
    """Return a function that takes a parsed value for a time; it raises for what has to be read carefully."""
    if ts_format is TsFormat.ISO8601:
        return iso_second
    unit = UNITS.get(ts_format, 1)
    longest = len(str(LAST_SECOND * unit))

    def whole_second(value: Any) -> int:
        if type(value) is int or type(value) is float:  # isinstance would accept a bool
            return floor(value) // unit
        if value.isascii() and value.isdecimal() and len(value) <= longest:
            return int(value) // unit
        if _FRACTION.fullmatch(value):
            return floor(float(value)) // unit
        raise ValueError

    return whole_second


def recorded(message: Recorded) -> int:
    """Return the Kafka timestamp of a record in whole seconds; -1 without one."""
    kind, timestamp_ms = message.timestamp()
    return timestamp_ms // 1000 if kind else -1


def careful_recorded(message: Recorded) -> int | Rejection:
    """Return the Kafka timestamp of a record in whole seconds, or the reason why there is none."""
    kind, timestamp_ms = message.timestamp()
    if not kind:
        return Rejection(Reason.NO_TS, "the record has no Kafka timestamp")
    if 0 <= timestamp_ms // 1000 <= LAST_SECOND:
        return timestamp_ms // 1000
    return Rejection(Reason.TS_OUT_OF_RANGE, f"the Kafka timestamp is {timestamp_ms} ms, {_OUTSIDE}")


def careful(ts_format: TsFormat, field: str, written: bytes) -> int | Rejection:
    """Return the second of a time, or the reason why it has none.

    A number with a fraction or an exponent is a double, as for most readers of JSON; its second is the whole one.

    Args:
        written: the JSON of the value.
    """
    text: str = json.loads(written) if written.startswith(b'"') else written.decode()
    second: float | None = None
    if ts_format in UNITS:
        second = _number_or_none(text, UNITS[ts_format])
    elif written.startswith(b'"'):
        second = _iso_or_none(text)
    if second is None:
        return Rejection(Reason.WRONG_TS, f"{field} is {shown(written)}, expected {_EXPECTED[ts_format]}")
    if not 0 <= second <= LAST_SECOND:
        hint = _hint(text, ts_format)
        return Rejection(Reason.TS_OUT_OF_RANGE, f"{field} is {shown(written)}, {_OUTSIDE}{hint}")
    return int(second)


def _number_or_none(text: str, unit: int) -> float | None:
    """Return the second of a number; an infinite one if its digits alone put it out of range."""
    if _INTEGER.fullmatch(text):
        minus, digits = text.startswith("-"), text.removeprefix("-").lstrip("0")
        if len(digits) > len(str(LAST_SECOND * unit)):
            return -inf if minus else inf
        return int(f"-{digits or 0}" if minus else digits or "0") // unit
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if abs(number) == inf else floor(number) // unit


def _hint(text: str, ts_format: TsFormat) -> str:
    digits = len(text.lstrip("0")) if text.isascii() and text.isdecimal() else 0
    if ts_format not in UNITS or digits not in _LOOKS_LIKE:
        return ""
    looks_like = _LOOKS_LIKE[digits]
    setting = f": TS_FORMAT={looks_like}" if looks_like in list(TsFormat) else ""
    return f": it looks like {looks_like}, expected {ts_format}{setting}"


def _iso_or_none(text: str) -> int | None:
    try:
        return iso_second(text)
    except ValueError:
        return None


def iso_second(text: str) -> int:
    """Return the second of a date and time; one without an offset is UTC.

    Raises:
        ValueError: it is none of the calendar.
        TypeError: it is not text.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(text)
    day, time, _, hours, minutes = found.groups()
    return _second_of(day, time, f"{hours}:{minutes or '00'}" if hours else "+00:00")


@lru_cache(maxsize=1024)  # those of frames one after the other are mostly the same, but for the fraction
def _second_of(day: str, time: str, offset: str) -> int:
    return (datetime.fromisoformat(f"{day}T{time}{offset}") - _EPOCH) // _SECOND
