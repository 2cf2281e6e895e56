"""Times and dates as they come in, and as PostgreSQL stores them."""

import re
from datetime import UTC, date, datetime, tzinfo
from typing import Annotated

from msgspec import Meta

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001  # of times whose offset is read apart
FIRST_YEAR, LAST_YEAR = 1000, 9998  # PostgreSQL and Python can both hold these, in every zone
_FIRST_DAY = (datetime(FIRST_YEAR, 1, 1) - _LOCAL_EPOCH).days  # noqa: DTZ001
_LAST_DAY = (datetime(LAST_YEAR, 12, 31) - _LOCAL_EPOCH).days  # noqa: DTZ001
# The offsets of time zones in microseconds, by how they are written: Z, +0100, +01:00.
_OFFSETS_US = {"Z": 0} | {
    f"{sign}{hours:02}{colon}{minutes:02}": int(f"{sign}1") * (hours * 60 + minutes) * 60_000_000
    for sign in "+-"
    for hours in range(15)
    for minutes in (0, 15, 30, 45)
    for colon in ("", ":")
}


class WrongTimeError(ValueError):
    """A time that is refused although it is well-formed; the message says what it must be instead."""


# `fromisoformat` drops digits after the sixth, and reads 19:30.5 as 19:30:00.5.
_EXACT = re.compile(r"[^.,]*(?:\d\d:\d\d:|\D\d{4})\d\d[.,]\d{0,6}0*(?:\D[^.,]*)?")
_HOUR_24 = re.compile(r"\d[^\d:.,+-]24(?::?00|[Z+-])")
_YEARS = f"a time in the years {FIRST_YEAR} to {LAST_YEAR}"


def to_time(text: str, zone: tzinfo | None) -> int:
    """Return a time in microseconds since 2000 in UTC, as PostgreSQL stores it; without an offset it is in `zone`.

    Comparing and copying numbers takes a third of the time: 0.55 µs less for a session.

    Raises:
        WrongTimeError: it is not one moment, not a whole number of microseconds, of another year, or at 24:00.
        ValueError: it is not a time by ISO 8601, or has no offset and there is no zone.
    """
    # As times usually are, with milliseconds and an offset: 0.63 µs instead of 0.96.
    offset_us = _OFFSETS_US.get(text[23:])
    if offset_us is None or text[19] != ".":
        return _to_time_of_any_form(text, zone)
    try:
        since = datetime.fromisoformat(text[:23]) - _LOCAL_EPOCH
    except (TypeError, ValueError):  # TypeError: it has another offset within its milliseconds
        raise _no_time(text) from None
    days = since.days
    if not _FIRST_DAY <= days <= _LAST_DAY:
        raise WrongTimeError(_YEARS)
    return (days * 86_400 + since.seconds) * 1_000_000 + since.microseconds - offset_us


def _to_time_of_any_form(text: str, zone: tzinfo | None) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise _no_time(text) from None
    if ("." in text or "," in text) and not _EXACT.fullmatch(text):
        raise WrongTimeError("a time whose seconds have at most six decimals")
    if time.tzinfo is None:
        if zone is None:
            raise ValueError(text)
        time = _in_zone(time, zone)
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise WrongTimeError(_YEARS)
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _no_time(text: str) -> ValueError:
    """Return the error for a text that is not a time to `fromisoformat`, which does not know 24:00."""
    return WrongTimeError("a time whose hours are 00 to 23") if _HOUR_24.search(text) else ValueError(text)


def _in_zone(time: datetime, zone: tzinfo) -> datetime:
    """Return a local time of a zone.

    Raises:
        WrongTimeError: clocks skipped it, or showed it twice (PEP 495).
    """
    time = time.replace(tzinfo=zone)
    until_second_s = time.replace(fold=1).timestamp() - time.timestamp()
    if until_second_s:
        change = "showed this one twice" if until_second_s > 0 else "skipped this one"
        raise WrongTimeError(f"a time with an offset, since clocks in {zone} {change}")
    return time


def to_date(text: str, zone: tzinfo | None = None) -> date:  # noqa: ARG001  # as `to_time`
    """Return the date in a date or time, as written: its offset does not move it.

    Raises:
        ValueError: it is neither.
    """
    return datetime.fromisoformat(text).date()


_TIME = "a time with an offset, such as 2021-12-06T19:30:19.099+0100"
Time = Annotated[str, Meta(description=_TIME, extra={"convert": to_time})]
Date = Annotated[
    str | None, Meta(description="a date, such as 1956-05-07T00:00:00.000+0000, or null", extra={"convert": to_date})
]
