"""Trends: view time, starts, stops and ends by minute, hour or day of a time zone."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from typing import Annotated, Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct
from psycopg.sql import SQL, Composable, Composed, Identifier

from metrics.time.moments import ALL_TIME, Range, rfc3339
from metrics.views.answers.items import Number, Seconds, TextId, read_item
from metrics.views.answers.snapshot import snapshot
from metrics.views.core.event import MAX_TIMESTAMP, WAYPOINT_S
from metrics.views.core.trend import Per, UnalignedTimeZoneError, buckets, end_of_bucket
from metrics.views.schema import Connection
from metrics.wording.errors import SettingsError

Time = Annotated[str, Meta(description="by RFC 3339, in the time zone", examples=["2026-11-28T00:00:00+01:00"])]


class TrendRow(Struct):
    """The events of one minute, hour or day."""

    start: Time
    view_time: Seconds
    starts: Number
    stops: Number
    ends: Number


class Trend(Struct):
    """The trend of a media item, or of all of them.

    Attributes:
        rows: from the first to the last one with an event in the range, the oldest first; those between may be zero.
    """

    media_id: Annotated[TextId | None, Meta(description="null: all media items together")]
    per: Per
    time_zone: str
    rows: list[TrendRow]
    has_earlier: Annotated[bool, Meta(description="whether `limit` left out rows at the beginning of the range")]
    later_until: Annotated[
        Time | None,
        Meta(description="if events are later than these rows: the end of the last row, to ask for as `to`"),
    ]
    minutes_since: Annotated[
        Time | None, Meta(description="per minute: events before this time, if any, are in trends by hour and day only")
    ]


def read_trend(
    connection: Connection, media_id: int | None, per: Per, zone: ZoneInfo, within: Range, limit: int
) -> Trend | None:
    """Return the newest rows of a trend.

    Args:
        media_id: None for all media items together.
        within: the rows start in this range; `until_now` gives the usual one.

    Returns:
        None if no event about the item was counted.

    Raises:
        DatabaseError: the database does not answer.
        SettingsError: hours or days of the zone were not sums of quarter hours then.
    """
    with snapshot(connection), _aligned(per, zone):
        if media_id is not None and read_item(connection, media_id) is None:
            return None
        since = _since(connection) if per == "minute" else 0
        events, whole = _Events(connection, media_id, per), _whole(per, zone, within, since)
        rows, has_earlier = _rows(events, zone, whole, limit)
        last = events.outermost("max", Range(max(whole.end, since), ALL_TIME.end))
        later_until = None if last is None else in_zone(end_of_bucket(per, zone, last), zone)
    shown_id = None if media_id is None else str(media_id)
    return Trend(shown_id, per, zone.key, rows, has_earlier, later_until, in_zone(since, zone) if since else None)


def until_now(within: Range, per: Per, zone: ZoneInfo, now_s: float) -> Range:
    """Return a range up to the end of the present row: one event with a time in the far future shows no other row.

    Raises:
        SettingsError: as `read_trend`.
    """
    with _aligned(per, zone):
        return Range(within.start, end_of_bucket(per, zone, int(now_s)))


@contextmanager
def _aligned(per: Per, zone: ZoneInfo) -> Iterator[None]:
    try:
        yield
    except UnalignedTimeZoneError as error:
        raise SettingsError(
            f"there is no trend per {per} in the time zone {zone.key}",
            why=f"{error}, but trends are stored by quarter hour",
            hint="use the time zone UTC, or ask for a later time",
        ) from error


def _since(connection: Connection) -> int:
    """Return the second since which events are in trends by minute; 0 if all are."""
    [(since,)] = connection.execute("SELECT extract(epoch FROM since)::bigint FROM minutes_kept").fetchall()
    return int(since)


def _whole(per: Per, zone: tzinfo, within: Range, since: int) -> Range:
    """Return the range of all rows that start in a range: from the first one's start to the last one's end."""
    start, end = within
    if start > MAX_TIMESTAMP:
        return Range(end, end)
    if start != ALL_TIME.start:
        begun, ended = buckets(per, zone, start, start, 1)
        start = begun if begun == start else ended
    if end <= MAX_TIMESTAMP:
        end = end_of_bucket(per, zone, end - 1)
    return Range(max(start, since), end)


def _rows(events: "_Events", zone: tzinfo, within: Range, limit: int) -> tuple[list[TrendRow], bool]:
    first, last = events.outermost("min", within), events.outermost("max", within)
    if first is None or last is None:
        return [], False
    bounds = buckets(events.per, zone, first, last, limit)
    sums = events.sums(bounds)
    none = (0, 0, 0, 0)
    rows = [TrendRow(in_zone(start, zone), *sums.get(number, none)) for number, start in enumerate(bounds[:-1], 1)]
    return rows, first < bounds[0]


# Parts of two queries. By hour, from 00:00 to 02:00, the sums of item 42 are
#     SELECT width_bucket(
#         extract(epoch FROM start_at)::float8, (SELECT '{1764288000,1764291600,1764295200}'::float8[])),
#         sum(waypoints)::bigint, sum(starts)::bigint, sum(stops)::bigint, sum(ends)::bigint
#     FROM media_quarter
#     WHERE start_at >= to_timestamp(1764288000) AND start_at < to_timestamp(1764295200) AND media_id = 42
#     GROUP BY 1
# where 1 is the first hour and 2 the second. For all items, the table is quarter; by minute, media_minute or minute.
_WITHIN = SQL("start_at >= to_timestamp(%(start)s) AND start_at < to_timestamp(%(end)s)")
_OF_ITEM = SQL(" AND media_id = %(media)s")
# The time is first in the key of media_minute, so it is searched for single minutes, never through a range: for those
# of the two outermost quarter hours with events of the item (the range may begin or end within the outermost one).
_NEAR = SQL(
    " AND start_at = ANY(ARRAY(SELECT minute FROM ("
    "SELECT start_at FROM media_quarter WHERE media_id = %(media)s "
    "AND start_at > to_timestamp(%(start)s) - interval '15 min' AND start_at < to_timestamp(%(end)s) "
    "ORDER BY start_at {} LIMIT 2) AS near, "
    "generate_series(near.start_at, near.start_at + interval '14 min', interval '1 min') AS minute))"
)
_EACH = SQL(" AND start_at = ANY(ARRAY(SELECT to_timestamp(bound) FROM unnest(%(bounds)s::float8[]) AS bound))")
_OUTERMOST = SQL("SELECT extract(epoch FROM {}(start_at))::bigint FROM {} WHERE ")
# The array is converted once, in a query of its own: a prepared statement would do that for each row.
_SUMS = SQL(
    "SELECT width_bucket(extract(epoch FROM start_at)::float8, (SELECT %(bounds)s::float8[])), "
    "sum(waypoints)::bigint, sum(starts)::bigint, sum(stops)::bigint, sum(ends)::bigint FROM {} WHERE "
)


class _Events(NamedTuple):
    """Events of an item, or of all items, by minute or by quarter hour."""

    connection: Connection
    media_id: int | None
    per: Per

    def outermost(self, pick: Literal["min", "max"], within: Range) -> int | None:
        """Return the start of the first or last minute or quarter hour with an event; None if there is none."""
        order = {"min": SQL("ASC"), "max": SQL("DESC")}[pick]
        query = _OUTERMOST.format(Identifier(pick), self._table()) + _WITHIN + self._only(_NEAR.format(order))
        [found] = self.connection.execute(query, self._values(within)).fetchone() or (None,)
        return None if found is None else int(found)

    def sums(self, bounds: list[int]) -> dict[int, tuple[int, ...]]:
        """Return view time, starts, stops and ends by the number of a row, from 1."""
        query = _SUMS.format(self._table()) + _WITHIN + self._only(_EACH) + SQL(" GROUP BY 1")
        values = self._values(Range(bounds[0], bounds[-1])) | {"bounds": bounds}
        found = self.connection.execute(query, values)
        return {number: (waypoints * WAYPOINT_S, *others) for number, waypoints, *others in found}

    def _table(self) -> Identifier:
        size = "minute" if self.per == "minute" else "quarter"
        return Identifier(size if self.media_id is None else f"media_{size}")

    def _only(self, minutes: Composable) -> Composed:
        if self.media_id is None:
            return Composed([])
        return _OF_ITEM + minutes if self.per == "minute" else Composed([_OF_ITEM])

    def _values(self, within: Range) -> dict[str, Any]:
        return {"media": self.media_id, "start": within.start, "end": within.end}


def in_zone(second: int, zone: tzinfo) -> str:
    """Return a second since the epoch by RFC 3339 in a time zone; in UTC as `…Z`."""
    try:
        time = datetime.fromtimestamp(second, zone)
    except (OverflowError, ValueError):  # the zone is in the year 10000 then
        return rfc3339(second)
    return time.isoformat().replace("+00:00", "Z") if not time.utcoffset() else time.isoformat()
