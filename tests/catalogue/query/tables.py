"""Rows of the reference, put into the tables; and the answers of shipped queries."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from metrics.catalogue.generate.reference import AuthorRow, BookRow, MovieRow, ReviewRow, StreamRow, UserRow
from metrics.catalogue.query.run import answering
from metrics.catalogue.query.shipped import find_query
from metrics.catalogue.query.statement import statement_of
from metrics.catalogue.query.values import json_writer

Connection = psycopg.Connection[TupleRow]

TABLES: dict[type, str] = {
    MovieRow: "movie",
    UserRow: "user",
    AuthorRow: "author",
    BookRow: "book",
    StreamRow: "stream",
    ReviewRow: "review",
}


def fill(connection: Connection, rows: Mapping[type, list[Any]], gone_at: str | None = None) -> None:
    """Replace the rows of all tables; those that are not given are empty."""
    with connection.transaction():
        for kind, table in TABLES.items():
            columns = [*kind._fields, "first_load", "last_load", "gone_at"]  # type: ignore[attr-defined]
            place = sql.Identifier(table)
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            connection.execute(sql.SQL("DELETE FROM {}").format(place))
            into = sql.SQL("COPY {} ({}) FROM STDIN").format(place, names)
            with connection.cursor() as cursor, cursor.copy(into) as copy:
                for row in rows.get(kind, []):
                    copy.write_row((*row, 1, 1, gone_at))


class Options(NamedTuple):
    """How a query is run."""

    time_zone: str = "UTC"
    timeout_s: float = 60


DEFAULTS = Options()


def ask(connection: Connection, text: str, options: Options = DEFAULTS, **values: str) -> list[dict[str, Any]]:
    """Return the rows of a query, as its JSON has them."""
    statement = statement_of(text)
    with answering(connection, statement, values, time_zone=options.time_zone, timeout_s=options.timeout_s) as answer:
        writers = [(column.name, json_writer(column)) for column in answer.columns]
        decode = msgspec.json.Decoder(float_hook=Decimal).decode
        return [
            {name: decode(write(value)) for (name, write), value in zip(writers, row, strict=True)}
            for batch in answer.batches()
            for row in batch
        ]


def ask_shipped(connection: Connection, name: str, time_zone: str = "UTC", **values: str) -> dict[str, Any]:
    """Return the one row of a shipped query."""
    query = find_query(name)
    [row] = ask(connection, query.sql, Options(time_zone), **query.values(values, 0))
    return row
