"""One query, run read-only: its session, its time limit, and its rows, a few at a time."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import psycopg
from psycopg.postgres import types as known_types
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg.types.string import TextLoader

from metrics.catalogue.query.statement import Statement
from metrics.catalogue.query.values import AnswerColumn, Value
from metrics.postgres.connect import database_error
from metrics.time.zones import UTC, zone_of
from metrics.wording.errors import SettingsError

FETCH_ROWS = 1_000
CANCEL_TIMEOUT_S = 5

_A_TIME = "write a time such as 2021-12-25T07:00:00+01:00"
_READ_ONLY = "queries are read-only; they change nothing, and lock no rows"
_HINTS: dict[type[psycopg.Error], str] = {
    psycopg.errors.UndefinedTable: "if the catalogue's own tables are missing: python app.py catalogue init-db",
    psycopg.errors.IndeterminateDatatype: "write the type of the parameter, as in :name::text or :name::timestamptz",
    psycopg.errors.DatetimeFieldOverflow: _A_TIME,
    psycopg.errors.InvalidDatetimeFormat: _A_TIME,
    psycopg.errors.ReadOnlySqlTransaction: _READ_ONLY,
    psycopg.errors.ActiveSqlTransaction: _READ_ONLY,
    psycopg.errors.FeatureNotSupported: _READ_ONLY,
}

# In the transaction only. A cursor is planned for its first rows, but all of them are read.
_SETTINGS = (
    "SELECT set_config('TimeZone', %s, true), set_config('standard_conforming_strings', 'on', true), "
    "set_config('extra_float_digits', '1', true), set_config('cursor_tuple_fraction', '1', true)"
)
_DECLARE = "DECLARE answer NO SCROLL CURSOR FOR "


class Answer:
    """The rows of a query, as they are fetched from a cursor on the server.

    Attributes:
        columns: of the rows; two may have the same name.
    """

    def __init__(self, cursor: "_Cursor") -> None:
        self._cursor = cursor
        self._first = cursor.fetch()
        self.columns = cursor.columns()

    def batches(self) -> Iterator[Sequence[tuple[Value, ...]]]:
        """Yield all rows, up to FETCH_ROWS at a time; at least one batch, which may be empty.

        Raises:
            DatabaseError: as `answering`.
        """
        batch = self._first
        yield batch
        while len(batch) == FETCH_ROWS:
            batch = self._cursor.fetch()
            if batch:
                yield batch


class _Cursor:
    """A cursor on the server, which may work on it for `timeout_s` in all; time between two fetches does not count."""

    def __init__(self, connection: psycopg.Connection[TupleRow], statement: Statement, timeout_s: float) -> None:
        self._connection = connection
        self._cursor = psycopg.RawCursor(connection)
        for kind in known_types:
            self._cursor.adapters.register_loader(kind.oid, TextLoader)
        self._statement = statement
        self._timeout_s = timeout_s
        self._used_s = 0.0

    def declare(self, values: Mapping[str, str]) -> None:
        """Declare the cursor.

        Only a query can be declared, and `prepare` makes the server refuse a second statement: it never sees this text
        by the simple protocol.
        """
        with self._errors(), self._limit():
            parameters = self._statement.ordered(values)
            self._cursor.execute(_DECLARE + self._statement.numbered(), parameters, prepare=True)

    def fetch(self) -> list[tuple[Value, ...]]:
        """Return the next rows."""
        with self._errors(), self._limit():
            self._cursor.execute(f"FETCH FORWARD {FETCH_ROWS} FROM answer", prepare=False)
            return self._cursor.fetchall()

    def columns(self) -> list[AnswerColumn]:
        """Return the columns of the rows fetched."""
        described = self._cursor.description or []
        return [AnswerColumn(column.name, column.type_code, column.precision, column.scale) for column in described]

    @contextmanager
    def _limit(self) -> Iterator[None]:
        """Limit a statement to the time that is left."""
        rest_ms = max(1, math.ceil(1000 * (self._timeout_s - self._used_s))) if self._timeout_s else 0
        self._connection.execute("SELECT set_config('statement_timeout', %s, true)", (str(rest_ms),))
        began = time.monotonic()
        try:
            yield
        finally:
            self._used_s += time.monotonic() - began

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Convert errors of the database, with a hint if the remedy is known."""
        try:
            yield
        except psycopg.errors.QueryCanceled as error:
            hint = (
                f"allow more time: --timeout-s {10 * self._timeout_s:g} (it is {self._timeout_s:g}), or 0 for no limit"
            )
            raise database_error("the query was cancelled", error, hint) from error
        except psycopg.Error as error:
            hint = next((hint for kind, hint in _HINTS.items() if isinstance(error, kind)), "")
            raise database_error(self._refusal(error), error, hint) from error

    def _refusal(self, error: psycopg.Error) -> str:
        """Return what happened, with the line of the query if the server names a position in it."""
        position = int(error.diag.statement_position or 0) - 1 - len(_DECLARE)
        if position < 0:
            return "the database refuses the query"
        line = self._statement.numbered().count("\n", 0, position) + 1
        return f"the database refuses line {line} of the query"


@contextmanager
def answering(
    connection: psycopg.Connection[TupleRow],
    statement: Statement,
    values: Mapping[str, str],
    *,
    time_zone: str = UTC,
    timeout_s: float = 60,
) -> Iterator[Answer]:
    """Run a query in a read-only transaction, and yield its answer; the query is cancelled if that is left early.

    Args:
        connection: in autocommit mode; its settings are restored afterwards.
        values: of the parameters, as text: the server infers their types.
        time_zone: the name of the one in which times are read and written.
        timeout_s: how long the server may work on the query, in all; 0 for no limit.

    Raises:
        SettingsError: the parameters do not match, or the time zone is unknown.
        DatabaseError: the server refuses the query or cancels it, or does not answer.
    """
    values = dict(zip(statement.names, statement.ordered(values), strict=True))
    zone = zone_of(time_zone).key
    cursor = _Cursor(connection, statement, timeout_s)
    try:
        _begin(connection, zone)
        cursor.declare(values)
        yield Answer(cursor)
    except BaseException:
        if connection.info.transaction_status is TransactionStatus.ACTIVE:
            with suppress(psycopg.Error):
                connection.cancel_safe(timeout=CANCEL_TIMEOUT_S)
        raise
    finally:
        if connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            with suppress(psycopg.Error):  # the connection is lost, and with it the transaction
                connection.execute("ROLLBACK")


def _begin(connection: psycopg.Connection[TupleRow], time_zone: str) -> None:
    """Begin a read-only transaction; once its first query has run, it cannot be made to write.

    Raises:
        SettingsError: the database's time zones are older than this program's, and lack this one.
        DatabaseError: it does not answer.
    """
    try:
        connection.execute("BEGIN READ ONLY")
        connection.execute(_SETTINGS, (time_zone,))
    except psycopg.errors.InvalidParameterValue as error:
        raise SettingsError(
            f"the database does not know the time zone {time_zone}",
            hint="give an older name of it, such as Europe/Kiev for Europe/Kyiv",
        ) from error
    except psycopg.Error as error:
        raise database_error("the database refuses the session's settings", error) from error
