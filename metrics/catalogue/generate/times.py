"""Times: all records of the files are of December 2021, at an offset of one hour."""

from datetime import UTC, datetime, timedelta, timezone

from metrics.catalogue.generate.reference import Period

ZONE = timezone(timedelta(hours=1))
START = datetime(2021, 12, 1, tzinfo=ZONE)
SPAN_MS = 30 * 86_400_000  # sessions start, and reviews are created, within it
OUTAGE = Period(datetime(2021, 12, 25, 7, tzinfo=ZONE), datetime(2021, 12, 25, 12, tzinfo=ZONE))
DECEMBER = Period(datetime(2021, 12, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC))
LAST_WEEK = Period(datetime(2021, 12, 25, tzinfo=ZONE), datetime(2022, 1, 1, tzinfo=ZONE))


def format_time(time: datetime) -> str:
    """Return a time as the real files have it: 2021-12-06T19:30:19.099+0100."""
    text = time.isoformat(timespec="milliseconds")
    return text[:-3] + text[-2:]
