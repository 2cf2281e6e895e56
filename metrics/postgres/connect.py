"""Connections to PostgreSQL, and the conversion of its errors to errors of this program."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from metrics.errors import DatabaseError, SettingsError
from metrics.postgres.settings import without_driver

CONNECT_TIMEOUT_S = 10
OLDEST = 140_000  # as server_version_num

# Times are read and written in UTC. A server whose client was killed notices within 5 s, whatever it is doing.
_SESSION = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET client_connection_check_interval = '5s'"


def connect(url: str, *, name: str = "metrics") -> psycopg.Connection[TupleRow]:
    """Return a new connection in autocommit mode, whose session is in UTC and UTF-8.

    Args:
        url: as in DATABASE_URL.
        name: of the application, as pg_stat_activity shows it.

    Raises:
        SettingsError: the URL cannot be read.
        DatabaseError: the database does not answer, refuses the user, or is older than PostgreSQL 14.
    """
    url = without_driver(url)
    with database_errors("the database cannot be reached", hint="check DATABASE_URL, and that the server runs"):
        connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=int(_asked(url).get("connect_timeout", CONNECT_TIMEOUT_S)),
            application_name=name,
            client_encoding="utf8",
        )
    try:
        _require_supported(connection)
        with database_errors("the database refuses the session's settings"):
            connection.execute(_SESSION)
    except BaseException:
        connection.close()
        raise
    return connection


def _asked(url: str) -> dict[str, str]:
    """Return the parameters in a URL. Its own text is in no error, since it may have a password."""
    try:
        return {name: str(text) for name, text in conninfo_to_dict(url).items()}
    except psycopg.ProgrammingError:
        raise SettingsError(
            "DATABASE_URL cannot be read",
            why="it is not a connection URI of PostgreSQL",
            hint="write postgresql://user:password@host:port/database; "
            "in a password, percent-encode characters such as @, :, / and %",
        ) from None


def _require_supported(connection: psycopg.Connection[TupleRow]) -> None:
    if connection.info.server_version < OLDEST:
        version = connection.info.parameter_status("server_version")
        raise DatabaseError(
            f"the database is PostgreSQL {version}, which is too old",
            hint=f"use PostgreSQL {OLDEST // 10_000} or newer",
        )


@contextmanager
def database_errors(what: str, hint: str = "") -> Iterator[None]:
    """Convert errors of the database's client to errors of this program.

    Args:
        what: a line for the user about what happened.
        hint: what to do, unless the server gives a hint of its own.

    Raises:
        DatabaseError: the database cannot be reached, or refused a statement.
    """
    try:
        yield
    except psycopg.Error as error:
        raise database_error(what, error, hint) from error


def database_error(what: str, error: psycopg.Error, hint: str = "") -> DatabaseError:
    """Return the error of this program for one of the database's client."""
    said = error.diag
    lines = [said.message_primary, said.message_detail] if said.message_primary else [str(error).strip()]
    return DatabaseError(what, why="\n".join(filter(None, lines)), hint=said.message_hint or hint)
