"""The PostgreSQL of a benchmark: a local one, whose processor time can be read."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from metrics.postgres import local_server
from metrics.postgres.connect import connect
from metrics.terminal.console import say
from metrics.time.deadline import Deadline

LEFT_TIMEOUT_S = 30.0
LOOK_S = 0.01


class Server:
    """Local server of this benchmark.

    Args:
        pid: of its first process, which starts all others.
    """

    def __init__(self, url: str, pid: int, connection: psycopg.Connection[TupleRow]) -> None:
        self._url = url
        self._process = psutil.Process(pid)
        self._connection = connection
        [self.version] = connection.execute("SHOW server_version").fetchone() or ("",)

    @contextmanager
    def database(self) -> Iterator[str]:
        """Create a database, and yield its URL; at the end it is dropped."""
        name = f"benchmark_{secrets.token_hex(4)}"
        self._connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            yield urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))
        finally:
            self._connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))

    def count(self, url: str, table: str) -> int:
        """Return the number of rows of a table of a database."""
        with closing(connect(url)) as connection:
            [found] = connection.execute(SQL("SELECT count(*) FROM {}").format(Identifier(table))).fetchone() or (0,)
        return int(found)

    def settled_cpu_s(self) -> float:
        """Return the processor time of all processes so far, once clients have left and their pages are written."""
        others = (
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        Deadline(LEFT_TIMEOUT_S).poll(
            lambda: self._connection.execute(others).fetchone(), lambda found: found == (0,), LOOK_S
        )
        self._connection.execute("CHECKPOINT")
        return self.cpu_s()

    def cpu_s(self) -> float:
        """Return the processor time of all processes so far; the first one inherits those of processes that ended."""
        own = self._process.cpu_times()
        living = 0.0
        for child in self._process.children():
            with suppress(psutil.NoSuchProcess):
                times = child.cpu_times()
                living += times.user + times.system
        return own.user + own.system + own.children_user + own.children_system + living

    def log_position(self) -> int:
        """Return the position in the write-ahead log, in bytes."""
        position = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8"
        [found] = self._connection.execute(position).fetchone() or (0,)
        return int(found)


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Start the server, and yield it; at the end it is stopped.

    Raises:
        LocalServerError: it cannot be started.
    """
    with local_server.shared(folder, say) as url, closing(connect(url)) as connection:
        # Vacuuming what was loaded takes place at any time, in the run after it, too.
        connection.execute("ALTER SYSTEM SET autovacuum = off")
        connection.execute("SELECT pg_reload_conf()")
        pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        yield Server(url, pid, connection)
