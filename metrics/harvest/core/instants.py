"""Instants of events, whose times are local to their users, and their form in Amsterdam, for reports.

The zones are loaded on import: reading their files takes milliseconds, which a run would miss at its start.
"""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ZONES = {
    "PT": ZoneInfo("UTC"),
    "CA": ZoneInfo("America/Toronto"),
    "US": ZoneInfo("America/Los_Angeles"),
    "RU": ZoneInfo("Europe/Moscow"),
    "ID": ZoneInfo("Asia/Jakarta"),
    "CN": ZoneInfo("Asia/Shanghai"),
}
"""The zones of countries; all others have that of Amsterdam. Codes are texts: `NA` is Namibia, not a missing value."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # for times with a separate offset
_US, _MS = timedelta(microseconds=1), timedelta(milliseconds=1)
# The first and the last instant that are in the years 1 to 9999 both in UTC and in Amsterdam, which is ahead of it.
_FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MS
_LAST_MS = (datetime.max.replace(tzinfo=AMSTERDAM) - _EPOCH) // _MS
# `fromisoformat` alone would accept other forms, and 24:00 in newer versions of Python.
_EVENT_DATE = re.compile(r"\d\d-\d\d-\d{4} (?:[01]\d|2[0-3]):\d\d:\d\d\.\d{3}", re.ASCII)


def zone_of_country(country: str) -> ZoneInfo:
    """Return the zone of a country's users, by its exact code."""
    return ZONES.get(country, AMSTERDAM)


def instant_ms(event_date: str, country: str, received_us: int) -> int:
    """Return a local time as milliseconds since the epoch.

    When clocks go back, an ambiguous time is the instant nearer to its receipt, or the earlier one if both are equally
    near. When they go forward, a skipped time is read with the offset before the change: 02:30 as 03:30.

    Args:
        event_date: as `06-12-2023 16:04:56.339`.
        country: of the user.

    Raises:
        ValueError: it is not such a time, or is outside the years 1 to 9999 in UTC or in Amsterdam.
    """
    if not _EVENT_DATE.fullmatch(event_date):
        raise ValueError("not a time as dd-MM-yyyy HH:mm:ss.SSS")
    iso = f"{event_date[6:10]}-{event_date[3:5]}-{event_date[:2]}T{event_date[11:]}"
    local = datetime.fromisoformat(iso)
    zone = zone_of_country(country)
    instant = _instant_ms(local, zone)
    if instant < (second := _instant_ms(local.replace(fold=1), zone)):
        instant = min(instant, second, key=lambda ms: abs(received_us - ms * 1_000))
    if not _FIRST_MS <= instant <= _LAST_MS:
        raise ValueError("outside the years 1 to 9999")
    return instant


def _instant_ms(local: datetime, zone: ZoneInfo) -> int:
    offset = zone.utcoffset(local)
    assert offset is not None, "a zone has an offset at each time"
    return (local - _NAIVE_EPOCH - offset) // _MS


def utc_text(ms: int) -> str:
    """Return milliseconds since the epoch as `2023-12-06T15:04:56.339Z`."""
    return (_NAIVE_EPOCH + ms * _MS).isoformat(timespec="milliseconds") + "Z"


def utc_text_us(us: int) -> str:
    """Return microseconds since the epoch as `2023-12-06T15:04:56.339128Z`."""
    return (_NAIVE_EPOCH + us * _US).isoformat(timespec="microseconds") + "Z"


def us_of(text: str) -> int:
    """Return the microseconds since the epoch of a time as `utc_text` or `utc_text_us` returns it.

    Raises:
        ValueError: it is not a time.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return (time - _EPOCH) // _US


def amsterdam_text(ms: int) -> str:
    """Return milliseconds since the epoch as `06-12-2023 16:04:56.339`, in Amsterdam."""
    iso = (_EPOCH + ms * _MS).astimezone(AMSTERDAM).isoformat(" ", "milliseconds")
    return f"{iso[8:10]}-{iso[5:7]}-{iso[:4]}{iso[10:23]}"


def amsterdam_day(us: int) -> date:
    """Return the day in Amsterdam of microseconds since the epoch."""
    return _in_amsterdam(us).date()


def run_name(us: int) -> str:
    """Return the name of a run that starts at microseconds since the epoch: `20231207_170121`, in Amsterdam."""
    return f"{_in_amsterdam(us):%Y%m%d_%H%M%S}"


def _in_amsterdam(us: int) -> datetime:
    return (_EPOCH + us * _US).astimezone(AMSTERDAM)
