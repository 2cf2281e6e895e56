"""The tables of views, filled with what some events add up to."""

from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from typing import NamedTuple

from metrics.views import schema
from metrics.views.core.recount import Recount
from metrics.views.schema import Connection
from metrics.views.settings import ViewsSettings
from tests.views.core.test_recount import line

NOON = 1_764_331_200  # 2025-11-28T12:00:00Z


class Watched(NamedTuple):
    """Events of a user about an item."""

    user: int
    media: int
    kind: str = "waypoint"
    time: int = NOON
    number: int = 1


def open_tables(url: str) -> Connection:
    """Return a connection to empty tables."""
    settings = ViewsSettings(database_url=url)
    with closing(schema.connect_to_schema(url, settings)) as connection:
        schema.init(connection, settings)
    return schema.open_views(url, settings)


def recounted(events: Iterable[Watched], since: int = 0) -> Recount:
    recount = Recount(since=since)
    offset = 0
    for user, media, kind, time, number in events:
        for _ in range(number):
            recount.take(0, offset, line(str(offset), user, media, kind, time))
            offset += 1
    return recount


def fill(connection: Connection, events: Iterable[Watched], since: int = 0) -> None:
    """Replace the rows of the tables."""
    recount = recounted(events, since)
    tables = "counts, viewer, media, user_media, media_quarter, media_minute, quarter, minute"
    with connection.transaction():
        connection.execute(f"TRUNCATE {tables}".encode())
        connection.execute("UPDATE minutes_kept SET since = to_timestamp(%s)", (since,))
        counts = recount.counts[0]
        added = (
            "INSERT INTO counts (partition, read, counted, duplicates, invalid, users) VALUES (0, %s, %s, %s, %s, %s)"
        )
        connection.execute(
            added, (counts.read, counts.counted, counts.duplicates, counts.invalid, len(recount.viewers))
        )
        _copy(connection, "viewer (user_id)", ((user,) for user in recount.viewers))
        columns = "media (media_id, waypoints, starts, stops, ends, viewers, sum_sq)"
        _copy(connection, columns, ((media, *sums) for media, sums in recount.media().items()))
        watched = recount.user_media.items()
        _copy(
            connection, "user_media (media_id, user_id, waypoints)", ((*key, waypoints) for key, waypoints in watched)
        )
        sums = "start_at, waypoints, starts, stops, ends)"
        by_item = {"media_quarter": recount.media_quarter, "media_minute": recount.media_minute}
        for table, rows in by_item.items():
            found = ((media, _time(start), *row) for (media, start), row in rows.items())
            _copy(connection, f"{table} (media_id, {sums}", found)
        for table, totals in {"quarter": recount.quarter(), "minute": recount.minute()}.items():
            _copy(connection, f"{table} ({sums}", ((_time(start), *row) for start, row in totals.items()))


def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()


def _copy(connection: Connection, into: str, rows: Iterable[tuple[object, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)
