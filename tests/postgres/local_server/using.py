"""Commands that use the local database, as processes of their own."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

import psutil

from metrics.postgres.local_server import sockets
from metrics.time.deadline import Deadline

PROJECT = Path(__file__).parents[3]
TIMEOUT_S = 60.0

# Prints the messages, the URL, and a row; uses the server until its standard input ends, or prints an error.
USER = """
import sys
from pathlib import Path
from metrics.wording.errors import MetricsError
from metrics.postgres import local_server
from metrics.postgres.connect import connect

try:
    with local_server.shared(Path(sys.argv[1]), lambda line: print(line, flush=True)) as url:
        print(url, flush=True)
        with connect(url) as connection:
            print(connection.execute("SELECT lower('É')").fetchone(), flush=True)
        sys.stdin.read()
except MetricsError as error:
    print(f"exit code {error.exit_code}: {error}")
"""


class User:
    """A command that uses the database of a folder."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str] | None = None, prefix: list[str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            [*(prefix or []), sys.executable, "-c", USER, str(folder)],
            cwd=PROJECT,
            env=os.environ | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        """Wait until it uses the database."""
        assert self.process.stdout is not None
        self.said = []
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            if line.startswith("("):
                break
        assert self.said[-1] == "('é',)", [*self.said, *self.process.communicate()]
        self.url = self.said[-2]
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def output(self) -> str:
        """Let it end, and return what it printed."""
        output, errors = self.process.communicate(timeout=TIMEOUT_S)
        assert (self.process.returncode, errors) == (0, "")
        return output


def processes(folder: Path) -> tuple[psutil.Process, psutil.Process]:
    """Return the keeper and the first process of the server."""
    server = sockets.read_postmaster(folder / "data")
    assert server is not None
    postgres = psutil.Process(server.pid)
    keeper = postgres.parent()
    assert keeper is not None
    return keeper, postgres


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait_until(condition: Callable[[], bool], what: str) -> None:
    assert Deadline(TIMEOUT_S).poll(condition, until=bool, every_s=0.002), what


def nothing(_: str) -> None:
    """Print nothing."""
