"""Runs: one load in a process of its own, its processor time and that of the server, and what it wrote."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
from psycopg.sql import SQL, Identifier

from benchmark import process
from benchmark.catalogue.files import Sums
from benchmark.catalogue.sides import OURS, Side, application, load
from benchmark.database import Server
from metrics.postgres.connect import connect
from metrics.wording.errors import MetricsError

TIMEOUT_S = 3_600.0
_NO_REPORTS = {"RUNTIME__DLTHUB_TELEMETRY": "false"}  # dlt would send some


class Run(msgspec.Struct, frozen=True):
    """One load.

    Attributes:
        client_s, server_s: processor time.
        log_bytes: how much write-ahead log was written.
    """

    name: str
    rows: int
    seconds: float
    client_s: float
    server_s: float
    peak_rss_bytes: int
    log_bytes: int

    @property
    def rate(self) -> float:
        """Rows per second of processor time, of client and server together."""
        return self.rows / (self.client_s + self.server_s)


class Written(NamedTuple):
    """Whether rows of a table were written again: transactions that wrote its rows, and rows that were locked."""

    transactions: int
    locked: int


class RunError(MetricsError):
    """A load that failed."""


class Runner(NamedTuple):
    """Runner of loads on one server.

    Attributes:
        pythons: the interpreters of the environments, by their names.
        movies: file of the movies, which are there before the sessions.
    """

    server: Server
    pythons: Mapping[str | None, Path]
    movies: Path

    def run(self, side: Side, file: Path, sums: Sums) -> tuple[Run, list[str]]:
        """Load a file of sessions by a side into a fresh database; return what is wrong with its rows, too.

        Raises:
            RunError: it failed.
        """
        if side.packages not in self.pythons:
            raise RunError(f"{side.name}: the environment of {side.packages} cannot be created")
        with self.server.database() as url:
            if side.name == OURS:
                self.prepare(url)
            run = self.measured(side.name, side.command(self.pythons[side.packages], file), sums.rows, url)
            found = found_in(url, side.table)
        return run, [] if found == sums else [f"{side.name}: {found} instead of {sums}"]

    def prepare(self, url: str) -> None:
        """Create the catalogue's tables, and load the movies."""
        for command in (application("init-db"), load("movie", self.movies)):
            _run("ours", command, url)

    def measured(self, name: str, command: Sequence[str], rows: int, url: str) -> Run:
        """Run a load.

        Raises:
            RunError: it failed.
        """
        before_s, before_log = self.server.settled_cpu_s(), self.server.log_position()
        measured = _run(name, command, url)
        log_bytes = self.server.log_position() - before_log
        server_s = self.server.settled_cpu_s() - before_s
        return Run(name, rows, measured.seconds, measured.cpu_s, server_s, measured.peak_rss_bytes, log_bytes)


def _run(name: str, command: Sequence[str], url: str) -> process.Measured:
    """Run a command; of this process's variables, none that is a setting reaches it."""
    kept = {each: os.environ[each] for each in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR") if each in os.environ}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        finished = process.run(command, kept | {"DATABASE_URL": url, "DLT_DATA_DIR": folder} | _NO_REPORTS, TIMEOUT_S)
    if finished.failure is not None:
        raise RunError(f"{name} failed: {finished.failure}", why=finished.last_errors)
    return finished.measured


def found_in(url: str, table: str) -> Sums:
    """Return the sums of a side's table, whose columns may be texts."""
    query = SQL(
        "SELECT count(*), sum(round(size_mb::float8 * 1000))::int8, min(start_at::timestamptz), "
        "max(end_at::timestamptz) FROM {}"
    ).format(Identifier(*table.split(".")))
    with closing(connect(url)) as connection:
        found = connection.execute(query).fetchone()
    assert found is not None, "sums are one row"
    return Sums(*found)


def written_in(url: str) -> Written:
    """Return by how many transactions the sessions were written, and how many are or were locked."""
    query = "SELECT count(DISTINCT xmin::text), count(*) FILTER (WHERE xmax <> 0) FROM stream"
    with closing(connect(url)) as connection:
        found = connection.execute(query).fetchone()
    assert found is not None, "sums are one row"
    return Written(*found)
