"""What all measurements of views need: topics with events, fresh databases, and the application's commands on them."""

import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmark import process
from benchmark.broker import TOPIC_PREFIX, Broker
from benchmark.database import Server
from metrics.kafka.clients import open_admin
from metrics.time.deadline import Deadline
from metrics.views import topics_in_use
from metrics.views.settings import ViewsSettings
from metrics.wording.errors import MetricsError

PARTITIONS = 4
TIMEOUT_S, START_TIMEOUT_S = 7_200.0, 120.0
HOST = "127.0.0.1"
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


class ViewsRunError(MetricsError):
    """A side that failed as a program."""


class Rig(NamedTuple):
    """Broker, database server and environments of one benchmark.

    Attributes:
        pythons: the interpreters of the environments, by their names.
        folder: for files of events.
    """

    broker: Broker
    server: Server
    pythons: Mapping[str | None, Path]
    folder: Path

    @contextmanager
    def topic(self, partitions: int = PARTITIONS) -> Iterator[str]:
        """Create the topic of a run and its dead letter topic, and yield the name; at the end, all of it is deleted."""
        name = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-views"
        given = {"views_topic": name, "views_rejected_topic": rejected(name), "views_partitions": partitions}
        settings = ViewsSettings(bootstrap_servers=self.broker.address, **given)  # type: ignore[arg-type]
        try:
            topics_in_use.create(open_admin(settings), settings)
            yield name
        finally:
            self.broker.delete(name)

    @contextmanager
    def tables(self) -> Iterator[str]:
        """Yield the URL of a fresh database with the tables of views."""
        with self.server.database() as url:
            self.run("views init-db", application("init-db"), self.variables("", url))
            yield url

    def variables(self, topic: str, url: str = "") -> dict[str, str]:
        """Return the environment variables of this application; of this process's settings, none is passed on."""
        given = {
            "BOOTSTRAP_SERVERS": self.broker.address,
            "VIEWS_TOPIC": topic,
            "VIEWS_REJECTED_TOPIC": rejected(topic) if topic else "",
            "CONSUMER_GROUP_ID": topic,
            "DATABASE_URL": url,
        }
        return kept() | {name: text for name, text in given.items() if text}

    def load(self, topic: str, file: Path) -> None:
        """Send the events of a file to a topic.

        Raises:
            ViewsRunError: it failed.
        """
        self.run("views send", application("send", str(file)), self.variables(topic))

    def run(self, name: str, command: Sequence[str], variables: Mapping[str, str]) -> process.Finished:
        """Run a command to its end.

        Raises:
            ViewsRunError: it failed.
        """
        finished = process.run(command, variables, TIMEOUT_S)
        if finished.failure is not None:
            raise ViewsRunError(f"{name} failed: {finished.failure}", why=finished.last_errors)
        return finished


def kept() -> dict[str, str]:
    """Return the environment variables of this process that are not settings."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def rejected(topic: str) -> str:
    """Return the dead letter topic of a topic."""
    return f"{topic}-rejected"


def application(*arguments: str) -> list[str]:
    """Return the command line of a command of views."""
    return [sys.executable, str(process.PROJECT / "app.py"), "views", *arguments]


def free_port() -> int:
    """Return a port that nothing listens to."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def serving(name: str, command: Sequence[str], variables: Mapping[str, str], port: int) -> Iterator[process.Running]:
    """Start a server, and yield it once it listens.

    Raises:
        ViewsRunError: it does not.
    """
    with process.running(command, variables) as server:
        deadline = Deadline(START_TIMEOUT_S)
        deadline.poll(lambda: _listens(port), lambda listens: listens or server.has_ended())
        if not _listens(port):
            raise ViewsRunError(f"{name} does not listen", why=server.finish().last_errors)
        yield server


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex((HOST, port)) == 0
