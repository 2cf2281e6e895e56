"""Connections to PostgreSQL, and the conversion of its errors to errors of this program."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any, NamedTuple

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PGconn, Ping
from psycopg.rows import Row, TupleRow

from metrics.postgres.settings import without_driver
from metrics.time.deadline import Deadline
from metrics.wording.errors import DatabaseError, NoAnswerError, SettingsError, UnsuitableError

# It warns of a rollback that fails, as after Ctrl-C within a statement; the error that is raised says more.
logging.getLogger("psycopg").setLevel(logging.ERROR)

# Seconds and, in the last one, milliseconds. The system itself waits for a host that is gone for 15 min to 2 h.
LIMITS = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
OLDEST = 140_000  # as server_version_num
STOPPING_S = 5.0
PING_S = 2
OVERDUE_S = 10.0

# Times are read and written in UTC. A server whose client was killed notices within 5 s, whatever it is doing.
_SESSION = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET client_connection_check_interval = '5s'"


class AnswerLimit(NamedTuple):
    """Limit of the time without an answer; after it, the connection is closed, though the server's host is there.

    Attributes:
        seconds: since a statement began, or since the server last read or sent a part of it.
        stopping: set when the user wants to stop; from then on, the limit is STOPPING_S.
        on_overdue: called once for a statement that has not been answered for OVERDUE_S.
    """

    seconds: float
    stopping: Event
    on_overdue: Callable[[], None] = lambda: None


class LimitedConnection(psycopg.Connection[Row]):
    """Connection that closes itself in a statement that is not answered; this statement fails."""

    limit: AnswerLimit | None = None

    def wait(self, gen: PQGen[RV], *args: Any, **named: Any) -> RV:
        """Wait for the server, as each statement and each part of a COPY does: up to the limit."""
        return super().wait(gen if self.limit is None else self._limited(gen, self.limit), *args, **named)

    def _limited(self, gen: PQGen[RV], limit: AnswerLimit) -> PQGen[RV]:
        """Run the steps of the client: each yields what it waits for, and is sent 0 every 0.1 s until that happens."""
        limit_s, deadline, is_stopping = limit.seconds, Deadline(limit.seconds), False
        overdue, is_overdue = Deadline(OVERDUE_S), False
        try:
            awaited = next(gen)
            while True:
                ready = yield awaited
                if ready:
                    deadline.renew()
                    overdue.renew()
                elif limit.stopping.is_set() and not is_stopping:
                    limit_s, is_stopping = min(limit_s, STOPPING_S), True
                    deadline = Deadline(limit_s)
                elif deadline.has_passed():
                    self.close()
                    raise psycopg.OperationalError(f"the database does not answer: nothing came for {limit_s:.0f} s")
                if overdue.has_passed() and not is_overdue:
                    is_overdue = True
                    limit.on_overdue()
                awaited = gen.send(ready)
        except StopIteration as end:
            answer: RV = end.value
            return answer


def connect(url: str, *, name: str = "metrics", limit: AnswerLimit | None = None) -> psycopg.Connection[TupleRow]:
    """Return a new connection in autocommit mode, whose session is in UTC and UTF-8.

    Args:
        url: as in DATABASE_URL.
        name: of the application, as pg_stat_activity shows it.
        limit: of the time without an answer; by default, a statement may take any time.

    Raises:
        SettingsError: the URL cannot be read.
        DatabaseError: the database does not answer, or refuses the user.
        UnsuitableError: it is older than PostgreSQL 14.
    """
    url = without_driver(url)
    limits = _limits(url)
    if limit is not None and "connect_timeout" in limits:
        limits["connect_timeout"] = min(limits["connect_timeout"], int(limit.seconds))
    try:
        connection = LimitedConnection.connect(
            url,
            autocommit=True,
            application_name=name,
            client_encoding="utf8",
            **limits,
        )
    except psycopg.Error as error:
        raise _connection_error(url, error) from error
    connection.limit = limit
    try:
        _require_supported(connection)
        with database_errors("the database refuses the session's settings"):
            connection.execute(_SESSION)
    except BaseException:
        connection.close()
        raise
    return connection


def _connection_error(url: str, error: psycopg.Error) -> DatabaseError:
    """Return why a connection failed: the client has no code for it, but sees whether there is a server that answers.

    A server that is starting or shutting down refuses everybody, so it counts as one that is away.
    """
    pinged = PGconn.ping(make_conninfo(url, connect_timeout=PING_S).encode())
    if pinged == Ping.OK:
        return DatabaseError(
            "the database refuses the connection",
            why=str(error).strip(),
            hint="check the user, the password and the database's name in DATABASE_URL",
        )
    return database_error("the database cannot be reached", error, "check DATABASE_URL, and that the server runs")


def _limits(url: str) -> dict[str, Any]:
    """Return the limits that the user has not set: of a connection attempt, and of waiting for a host that is gone.

    Raises:
        SettingsError: the URL cannot be read. Neither its text nor a part is in the error: that may be of the password.
    """
    with suppress(psycopg.ProgrammingError):
        # A character @ that is not encoded belongs to the password, but is found in the host or the database's name.
        given = {name: str(text) for name, text in conninfo_to_dict(url.replace("%40", "%2E")).items()}
        misplaced = "@" in given.get("host", "") + given.get("dbname", "")
        numbers = [*given.get("port", "").split(","), given.get("connect_timeout", "")]
        if not misplaced and all(number == "" or number.isdecimal() for number in numbers):
            given |= {"connect_timeout": ""} if "PGCONNECT_TIMEOUT" in os.environ else {}
            return {name: limit for name, limit in LIMITS.items() if name not in given}
    raise SettingsError(
        "DATABASE_URL cannot be read",
        why="it is not a connection URI of PostgreSQL",
        hint="write postgresql://user:password@host:port/database; "
        "in a password, percent-encode characters such as @, :, / and %",
    )


def _require_supported(connection: psycopg.Connection[TupleRow]) -> None:
    if connection.info.server_version < OLDEST:
        version = connection.info.parameter_status("server_version")
        raise UnsuitableError(
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
    # For a time out of range, the server suggests another DateStyle; each session sets that, so the time is wrong.
    said_hint = None if isinstance(error, psycopg.errors.DatetimeFieldOverflow) else said.message_hint
    # A server that answers says what is wrong by a code.
    kind = NoAnswerError if isinstance(error, psycopg.OperationalError) and error.sqlstate is None else DatabaseError
    return kind(what, why="\n".join(filter(None, lines)), hint=said_hint or hint)
