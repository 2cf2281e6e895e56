"""Sums between tables: what one table says follows from another, whatever the topic still has."""

from typing import LiteralString, NamedTuple

from psycopg.sql import SQL, Composed, Identifier, Literal

from metrics.views.core.trend import QUARTER_S
from metrics.views.schema import SUMS
from metrics.views.verify.tables import ComparedTable

_PARTS = {
    "sums": SQL(", ").join(map(Identifier, SUMS)),
    "added_up": SQL(", ").join(SQL("sum({})::bigint").format(Identifier(name)) for name in SUMS),
    "quarter_s": Literal(QUARTER_S),
    "start": SQL("extract(epoch FROM start_at)::bigint"),
    "kept": SQL("WHERE start_at >= to_timestamp(%(since)s)"),
}


def _sql(query: LiteralString) -> Composed:
    return SQL(query).format(**_PARTS)


class Law(NamedTuple):
    """Rows of a table that follow from another table.

    Attributes:
        table: named by the two tables: the first one's columns follow from the second one.
        stored, derived: queries for the rows, in the order of the keys: as stored, and added up from the other table.
    """

    table: ComparedTable
    stored: Composed
    derived: Composed


USERS = Law(
    ComparedTable("counts = viewer", ("schema",), ("users",)),
    _sql("SELECT current_schema()::text, coalesce(sum(users), 0)::bigint FROM counts"),
    _sql("SELECT current_schema()::text, count(*) FROM viewer"),
)

LAWS = (
    USERS,
    Law(
        ComparedTable("counts = outcomes", ("partition",), ("read",)),
        _sql("SELECT partition, read FROM counts ORDER BY partition"),
        _sql("SELECT partition, counted + duplicates + invalid FROM counts ORDER BY partition"),
    ),
    Law(
        ComparedTable("counts = seen", ("partition",), ("counted",)),
        _sql("SELECT partition, counted FROM counts WHERE counted <> 0 ORDER BY partition"),
        _sql("SELECT partition::int, count(*) FROM seen GROUP BY partition ORDER BY partition"),
    ),
    Law(
        ComparedTable("counts = invalid", ("partition",), ("invalid",)),
        _sql("SELECT partition, invalid FROM counts WHERE invalid <> 0 ORDER BY partition"),
        _sql("SELECT partition, count(*) FROM invalid GROUP BY partition ORDER BY partition"),
    ),
    Law(
        ComparedTable("counts = quarter", ("schema",), ("counted",)),
        _sql("SELECT current_schema()::text, coalesce(sum(counted), 0)::bigint FROM counts"),
        _sql("SELECT current_schema()::text, coalesce(sum(waypoints + starts + stops + ends), 0)::bigint FROM quarter"),
    ),
    Law(
        ComparedTable("viewer = user_media", ("user_id",)),
        _sql("SELECT user_id FROM viewer WHERE user_id IN (SELECT user_id FROM user_media) ORDER BY user_id"),
        _sql("SELECT DISTINCT user_id FROM user_media ORDER BY user_id"),
    ),
    Law(
        ComparedTable("media = user_media", ("media_id",), ("waypoints", "viewers", "sum_sq")),
        _sql(
            "SELECT media_id, waypoints, viewers, sum_sq FROM media WHERE (waypoints, viewers, sum_sq) <> (0, 0, 0) "
            "ORDER BY media_id"
        ),
        _sql(
            "SELECT media_id, sum(waypoints)::bigint, count(*), sum(waypoints::numeric * waypoints) FROM user_media "
            "GROUP BY media_id ORDER BY media_id"
        ),
    ),
    Law(
        ComparedTable("media = media_quarter", ("media_id",), SUMS),
        _sql("SELECT media_id, {sums} FROM media ORDER BY media_id"),
        _sql("SELECT media_id, {added_up} FROM media_quarter GROUP BY media_id ORDER BY media_id"),
    ),
    Law(
        ComparedTable("quarter = media_quarter", ("start_at",), SUMS),
        _sql("SELECT {start}, {sums} FROM quarter ORDER BY start_at"),
        _sql("SELECT {start}, {added_up} FROM media_quarter GROUP BY start_at ORDER BY start_at"),
    ),
    Law(
        ComparedTable("media_quarter = media_minute", ("start_at", "media_id"), SUMS),
        _sql("SELECT {start}, media_id, {sums} FROM media_quarter {kept} ORDER BY start_at, media_id"),
        _sql(
            "SELECT {start} / {quarter_s} * {quarter_s} AS quarter, media_id, {added_up} FROM media_minute {kept} "
            "GROUP BY quarter, media_id ORDER BY quarter, media_id"
        ),
    ),
    Law(
        ComparedTable("minute = media_minute", ("start_at",), SUMS),
        _sql("SELECT {start}, {sums} FROM minute {kept} ORDER BY start_at"),
        _sql("SELECT {start}, {added_up} FROM media_minute {kept} GROUP BY start_at ORDER BY start_at"),
    ),
)
