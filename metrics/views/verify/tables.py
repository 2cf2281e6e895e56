"""The tables that are compared, row by row, in the order of their keys."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import NamedTuple

import psycopg
from psycopg.sql import SQL, Composable, Composed, Identifier

from metrics.postgres.connect import database_errors
from metrics.views.schema import SUMS, Connection
from metrics.views.verify.matching import Row
from metrics.wording.errors import DatabaseError

FETCHED_ROWS = 5_000


class ComparedTable(NamedTuple):
    """A table, and the columns that are compared.

    Attributes:
        keys: columns that identify a row, in the order in which rows are compared.
    """

    name: str
    keys: tuple[str, ...]
    columns: tuple[str, ...] = ()

    @property
    def has_minutes(self) -> bool:
        """Whether rows before `minutes_kept.since` do not count."""
        return self.name in {"minute", "media_minute"}


COUNTS = ComparedTable("counts", ("partition",), ("read", "counted", "duplicates", "invalid"))
SEEN = ComparedTable("seen", ("id",), ("partition",))
INVALID = ComparedTable("invalid", ("partition", "record_offset"), ("reasons",))
VIEWER = ComparedTable("viewer", ("user_id",))
USER_MEDIA = ComparedTable("user_media", ("media_id", "user_id"), ("waypoints",))
MEDIA = ComparedTable("media", ("media_id",), (*SUMS, "viewers", "sum_sq"))
MEDIA_QUARTER = ComparedTable("media_quarter", ("start_at", "media_id"), SUMS)
QUARTER = ComparedTable("quarter", ("start_at",), SUMS)
MEDIA_MINUTE = ComparedTable("media_minute", ("start_at", "media_id"), SUMS)
MINUTE = ComparedTable("minute", ("start_at",), SUMS)


def stored_rows(connection: Connection, table: ComparedTable, since: int) -> Iterator[Row]:
    """Yield the rows of a table in the order of its keys, FETCHED_ROWS of them in memory; times in seconds.

    Args:
        since: the second before which rows of minutes do not count.

    Raises:
        DatabaseError: the database does not answer.
    """
    columns = SQL(", ").join(map(_seconds, (*table.keys, *table.columns)))
    where = SQL("WHERE start_at >= to_timestamp(%(since)s)" if table.has_minutes else "")
    query = SQL("SELECT {} FROM {} {} ORDER BY {}").format(
        columns, Identifier(table.name), where, SQL(", ").join(map(Identifier, table.keys))
    )
    return fetched(connection, table.name, query, {"since": since})


def invalid_rows(connection: Connection) -> Iterator[Row]:
    """Yield the rows of `invalid`: topic id, partition, offset and reasons, in the order of the first three.

    Raises:
        DatabaseError: the database does not answer.
    """
    query = SQL(
        "SELECT topic_id, partition, record_offset, reasons FROM invalid "
        'ORDER BY topic_id COLLATE "C", partition, record_offset'
    )
    return ((*place, tuple(reasons)) for *place, reasons in fetched(connection, INVALID.name, query))


def seen_rows(connection: Connection) -> Iterator[Row]:
    """Yield the rows of `seen` in the order of ids: the digest, as bytes, and the partition.

    Raises:
        DatabaseError: the database does not answer.
    """
    return fetched(connection, SEEN.name, SQL("SELECT uuid_send(id), partition FROM seen ORDER BY id"))


def _seconds(column: str) -> Composable:
    if column == "start_at":
        return SQL("extract(epoch FROM start_at)::bigint")
    return Identifier(column)


def fetched(
    connection: Connection, name: str, query: SQL | Composed, values: Mapping[str, object] | None = None
) -> Iterator[Row]:
    """Yield the rows of a query, FETCHED_ROWS of them in memory.

    Args:
        name: what is read.

    Raises:
        DatabaseError: the database does not answer.
    """
    what = f"the rows of {name} cannot be read"
    try:
        with database_errors(what), closing(connection.cursor(name)) as cursor:
            cursor.itersize = FETCHED_ROWS
            cursor.execute(query, values, binary=True)
            yield from cursor
    except DatabaseError as error:
        if isinstance(error.__cause__, psycopg.errors.InsufficientPrivilege):
            error.hint = "grant this user SELECT on all tables of the schema"
        raise
