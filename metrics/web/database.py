"""A system's database, for requests."""

import os
import socket
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from threading import Event
from typing import TypeVar

import psycopg
from anyio import CancelScope, to_thread
from psycopg.rows import TupleRow

from metrics.postgres.address import DatabaseAddress
from metrics.postgres.connect import AnswerLimit, connect
from metrics.web.outages import OutageLog
from metrics.web.problems import in_one_line
from metrics.web.turns import Turns
from metrics.wording.errors import DatabaseError, MetricsError

T = TypeVar("T")

Connection = psycopg.Connection[TupleRow]

MAX_CONNECTIONS = 8  # each in a thread of the server, of which other systems need some
MAX_STREAMS = 4
WAIT_S = 10.0


class Database:
    """Connections to the database, each for one piece of work in a thread; a few at a time.

    Each is new: that costs a few milliseconds, and nothing is carried over from an outage or another request.

    Args:
        name: of the database in messages.
        prepare: called with each connection before its work; checks that the tables exist.
        answer_s: limit, in seconds, of the time without an answer; by default, a statement may take any time.
    """

    def __init__(
        self,
        address: DatabaseAddress,
        name: str,
        prepare: Callable[[Connection], None],
        *,
        answer_s: float | None = None,
    ) -> None:
        self._address = address
        self._name = name
        self._prepare = prepare
        busy = f"{name} is busy with other requests; try again later"
        self._turns = Turns(MAX_CONNECTIONS, WAIT_S, busy)
        self._streams = Turns(MAX_STREAMS, WAIT_S, busy)
        self._connections: set[Connection] = set()
        self._stopping = Event()
        self._limit = None if answer_s is None else AnswerLimit(answer_s, self._stopping)
        self._outages = OutageLog(f"reconnected to {name}")

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do some work with a connection in a thread, and return its result.

        Raises:
            DatabaseError: there is no database, it cannot be reached, or its tables have not been created.
            LocalServerError: the local database cannot be started.
            HTTPException: 503, there are too many other requests.
        """
        async with self._turns.turn():
            return await to_thread.run_sync(self._run, work)

    async def stream(self, work: Callable[[Connection], Iterator[bytes]]) -> AsyncGenerator[bytes, None]:
        """Yield the parts that some work makes with a connection of its own, each in a thread; close this at the end.

        A client that reads slowly keeps its connection for long, so fewer than MAX_CONNECTIONS can do that.

        Raises:
            DatabaseError, LocalServerError, HTTPException: as `run`.
        """
        async with self._streams.turn(), self._turns.turn():
            parts = self._parts(work)
            try:
                while part := await to_thread.run_sync(next, parts, b""):
                    yield part
            finally:
                with CancelScope(shield=True):
                    await to_thread.run_sync(parts.close)

    def why_not_ready(self) -> str | None:
        """Return that the database does not answer; None if it does, or none is in use.

        The cause is only logged: anyone may ask, and it names the database's host and port.
        """
        try:
            if self._address.is_in_use():
                with self._connection():
                    pass
        except MetricsError as error:
            self._outages.report(in_one_line(error))
            return f"{self._name} does not answer; the log of `serve` says why"
        return None

    def stop(self) -> None:
        """End all work: its statements fail at once, and the server notices within 5 s (`connect`)."""
        self._stopping.set()
        for connection in [*self._connections]:
            with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as shared:  # it may have ended
                shared.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop using the database."""
        self.stop()
        self._address.close()

    def _run(self, work: Callable[[Connection], T]) -> T:
        with self._connection() as connection:
            self._prepare(connection)
            return work(connection)

    def _parts(self, work: Callable[[Connection], Iterator[bytes]]) -> Generator[bytes, None, None]:
        with self._connection() as connection:
            self._prepare(connection)
            yield from work(connection)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        with closing(self._connect()) as connection:
            self._connections.add(connection)
            try:
                if self._stopping.is_set():
                    raise DatabaseError("the server is stopping")
                yield connection
            finally:
                self._connections.discard(connection)

    def _connect(self) -> Connection:
        """Return a new connection; log the beginning and the end of an outage."""
        url = self._address.url()
        try:
            connection = connect(url, name="metrics serve", limit=self._limit)
        except MetricsError as error:
            self._outages.report(in_one_line(error))
            self._address.examine()
            raise
        self._outages.report(None)
        return connection
