"""Events as rows of the processed file."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from metrics.harvest.core.event import Event, Position
from metrics.harvest.core.instants import us_of, utc_text, utc_text_us

COLUMNS = (
    "id",
    "event",
    "event_date",
    "show.show_id",
    "show.cast",
    "show.country",
    "show.director",
    "show.date_added",
    "show.description",
    "show.duration",
    "show.listed_in",
    "show.rating",
    "show.title",
    "show.type",
    "show.release_year",
    "show.platform",
    "user.id",
    "user.date_of_birth",
    "user.email",
    "user.first_name",
    "user.gender",
    "user.ip_address",
    "user.country",
    "user.last_name",
    "instant",
    "received_at",
    "position",
)
"""The columns of the processed file, in the order of the fields of an event."""

_FIELDS = Event.__struct_fields__
_TEXTS = len(COLUMNS) - 3

# A text is never longer than the longest frame. The limit applies to the whole process, so it is only ever raised.
csv.field_size_limit(max(csv.field_size_limit(), 1 << 30))


class _Returned:
    """A file whose `write` returns the text, as the writer then does."""

    def write(self, text: str) -> str:
        return text


_writer: Any = csv.writer(_Returned())


def cells(event: Event) -> list[str]:
    """Return an event as cells: its texts, its times in UTC (RFC 3339), and its position, `sytflix-1:17`."""
    *texts, ms, us, position = msgspec.structs.astuple(event)
    return [*texts, utc_text(ms), utc_text_us(us), str(position)]


def event_of(row: list[str]) -> Event:
    """Return the event with these cells.

    Raises:
        ValueError: no event has them.
    """
    *texts, instant, received_at, position = row
    if len(texts) != _TEXTS:
        raise ValueError(f"{len(row)} cells instead of {len(COLUMNS)}")
    return Event(
        **dict(zip(_FIELDS, texts, strict=False)),
        instant_ms=us_of(instant) // 1000,
        received_us=us_of(received_at),
        position=_position(position),
    )


def row_text(row: Iterable[str]) -> str:
    """Return cells as a row of CSV, ending in CRLF: the writer quotes only the characters of its own line end."""
    text: str = _writer.writerow(row)
    return text


def read_rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the cells of each row of CSV, the header's first.

    Args:
        lines: with their ends, as from a file opened with `newline=""`.

    Raises:
        csv.Error: it is not CSV.
    """
    return csv.reader(lines, strict=True)


def _position(text: str) -> Position:
    stream, _, place = text.rpartition("-")
    connection, _, frame = place.partition(":")
    return Position(stream, int(connection), int(frame))
