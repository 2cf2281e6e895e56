"""The sides: how each loads a file of sessions, and where its rows are afterwards."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmark.process import PROJECT

OURS = "ours"
ORIGINAL = "sqlmodel"


class Side(NamedTuple):
    """Program that loads a file of sessions into a fresh database.

    Attributes:
        what: its description, in a few words.
        packages: name of its requirements file; None: the project's own environment.
        share: it loads this part of the sessions, since it is slow: a twentieth, for instance.
        table: its table of sessions.
        driver: of SQLAlchemy, for a peer that may use several.
    """

    name: str
    what: str
    packages: str | None = None
    share: int = 1
    table: str = "stream"
    driver: str | None = None

    def command(self, python: Path, file: Path) -> Sequence[str]:
        """Return the command line that loads a file."""
        if self.packages is None:
            return load("stream", file)
        peer, *_ = self.name.split(",")
        more = [] if self.driver is None else [self.driver]
        return [str(python), "-m", f"benchmark.peers.catalogue_{peer}", str(file), *more]


SIDES = (
    Side(OURS, "app.py catalogue load"),
    Side(
        ORIGINAL,
        "the original's design and driver: SQLModel on pg8000, SELECT and add row by row",
        "sqlmodel",
        20,
        driver="pg8000",
    ),
    Side(f"{ORIGINAL}, psycopg", "the same design on psycopg, whose core is C", "sqlmodel", 20, driver="psycopg"),
    Side("core", "SQLAlchemy Core: INSERT … ON CONFLICT DO UPDATE, 1,000 rows at a time", "sqlmodel", 10),
    Side("dlt", "dlt: a pipeline to PostgreSQL, merge by key", "dlt", 10, "benchmark.stream"),
)


def application(*arguments: str) -> list[str]:
    """Return the command line of a command of the catalogue."""
    return [sys.executable, str(PROJECT / "app.py"), "catalogue", *arguments]


def load(model: str, file: Path, *more: str) -> list[str]:
    """Return the command line of this application that loads a file."""
    return application("load", "--model", model, "--config", str(file), *more)
