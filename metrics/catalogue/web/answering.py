"""The shipped queries, answered for requests and for the page."""

from collections.abc import Mapping, Sequence
from itertools import chain, islice
from time import time
from typing import NamedTuple

import msgspec
import psycopg
from psycopg import errors
from starlette.exceptions import HTTPException

from metrics.catalogue.load.loads import Connection
from metrics.catalogue.query.run import answering
from metrics.catalogue.query.shipped import ShippedQuery
from metrics.catalogue.query.values import AnswerColumn, Value, json_writer, rows_as_text
from metrics.catalogue.web import forms
from metrics.catalogue.web.answers import QueryAnswer, QueryColumn
from metrics.time.zones import UTC
from metrics.web import problems
from metrics.web.formats import csv_table
from metrics.wording.errors import DatabaseError, SettingsError

TIMEOUT_S = 60
MAX_ROWS = 10_000


class Answered(NamedTuple):
    """The rows of an answer, as the server wrote them.

    Attributes:
        values: of all parameters.
    """

    query: ShippedQuery
    values: Mapping[str, str]
    time_zone: str
    columns: Sequence[AnswerColumn]
    rows: Sequence[Sequence[Value]]
    has_more: bool

    def as_struct(self) -> QueryAnswer:
        """Return the answer for JSON; numbers keep all their digits."""
        writers = [(column.name, json_writer(column)) for column in self.columns]
        return QueryAnswer(
            self.query.name,
            dict(self.values),
            self.time_zone,
            [QueryColumn(column.name, column.type_name) for column in self.columns],
            [
                {name: msgspec.Raw(write(value)) for (name, write), value in zip(writers, row, strict=True)}
                for row in self.rows
            ],
            self.has_more,
        )

    def as_csv(self) -> str:
        """Return the answer as CSV with a header."""
        return csv_table([column.name for column in self.columns], rows_as_text(self.columns, self.rows))


def answer(connection: Connection, query: ShippedQuery, given: Mapping[str, str], time_zone: str = UTC) -> Answered:
    """Run a query, read-only.

    Args:
        given: values of parameters, instead of their defaults.

    Raises:
        RequestValidationError: a parameter or the time zone is unknown, or has another form.
        HTTPException: 422, the database cannot read a value; 504, it took too long.
        DatabaseError: the database is away.
    """
    if wrong := dict(forms.wrong(query, given)):
        raise problems.wrong_fields(wrong)
    values = query.values(given, time())
    try:
        with answering(connection, query.statement(), values, time_zone=time_zone, timeout_s=TIMEOUT_S) as found:
            rows = [*islice(chain.from_iterable(found.batches()), MAX_ROWS + 1)]
            return Answered(query, values, time_zone, found.columns, rows[:MAX_ROWS], len(rows) > MAX_ROWS)
    except SettingsError as error:  # the parameters match, so it is the time zone
        raise problems.wrong_field("time_zone", problems.in_one_line(error)) from error
    except DatabaseError as error:
        raise _refusal(query, error) or error from error


def _refusal(query: ShippedQuery, error: DatabaseError) -> HTTPException | None:
    """Return the answer to a query that the database refused for its values or for its time; None if it is away."""
    if isinstance(error.__cause__, errors.QueryCanceled):
        longer = f"python app.py catalogue query {query.name} --timeout-s {10 * TIMEOUT_S}"
        return HTTPException(504, f"the query took longer than {TIMEOUT_S} s; to allow it more time: {longer}")
    if isinstance(error.__cause__, psycopg.DataError):
        return HTTPException(422, "; ".join(filter(None, (f"a parameter cannot be read: {error.why}", error.hint))))
    return None
