"""Harvest served to real clients, over runs that a test records."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_server
from threading import Event, Thread
from typing import Any, NamedTuple, Protocol

import httpx

from metrics.harvest.archive.finish import finish
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.journal import JournalWriter
from metrics.harvest.archive.lock import lock_folder
from metrics.harvest.archive.raw import RawWriter
from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.journal import Opened, Started, Stopped, Taken
from metrics.harvest.core.run_report import RunFigures
from metrics.harvest.settings import HarvestSettings
from metrics.harvest.simulator.server import Endpoint
from metrics.harvest.web.system import open_system
from metrics.web.app import System, create_app
from metrics.web.server import Server

TIMEOUT_S = 60.0
PROBLEM = "application/problem+json"
START_US = 1_701_964_881_500_000  # 2023-12-07 16:01:21.5 UTC, 17:01:21.5 in Amsterdam
MINUTE_US = 60_000_000


class Encoded(Protocol):
    """A frame of a stream."""

    @property
    def stream(self) -> str:
        """The stream."""

    def encoded(self) -> bytes:
        """Return the frame as the stream sends it."""


class Sent(NamedTuple):
    """A frame of a stream, with an event."""

    stream: str
    id: str
    event: str
    message: dict[str, Any]

    def encoded(self) -> bytes:
        """Return the frame as the stream sends it."""
        return f"id:{self.id}\nevent:{self.event}\ndata:{json.dumps(self.message)}\n\n".encode()


def message(user: int, show: str, date: str, **values: Any) -> dict[str, Any]:
    """Return a message: of user 9, 1984-02-29 born Herculie Eadon, unless other values are given."""
    named = {"id": user, "first_name": "Herculie", "last_name": "Eadon", "date_of_birth": "29/02/1984", "country": "NL"}
    shown = {"show_id": show, "title": f"Show {show}", "cast": "Ann Lee, Bob Ray", "release_year": 2021}
    return {
        "show": shown | {name: value for name, value in values.items() if name in SHOW},
        "event_date": f"07-12-2023 {date}",
        "user": named | {name: value for name, value in values.items() if name not in SHOW},
    }


SHOW = {"title", "cast", "release_year", "platform", "director"}


def record(folder: Path, sent: Iterable[Encoded], *, started_us: int = START_US) -> RunFigures:
    """Write a run of some frames, each received a millisecond after the one before, as a live run does."""
    folders = Folders(folder)
    with lock_folder(folders) as locked, ExitStack() as closing:
        run = folders.new_run(started_us)
        journal = closing.enter_context(JournalWriter(folders.raw_run(run)))
        started = Started(at_us=started_us, run=run, seconds=20, name="Sytac", times=3, frame_limit_bytes=1 << 20)
        journal.append([started])
        raws = {stream: closing.enter_context(RawWriter(folders.raw_run(run), stream, 1)) for stream in STREAMS}
        journal.append(
            Opened(at_us=started_us, stream=stream, connection=1, requested_us=started_us) for stream in raws
        )
        at_us = started_us
        for frame in sent:
            at_us += 1_000
            journal.append([Taken(at_us=at_us, stream=frame.stream, connection=1)])
            raws[frame.stream].write(frame.encoded())
        journal.append([Stopped(at_us=max(at_us, started_us + 20_000_000), by="time")])
        return finish(locked, run)


@contextmanager
def serving_system(
    settings: HarvestSettings, *, token: str | None = None, is_loopback: bool = True
) -> Iterator[tuple[httpx.Client, System]]:
    """Serve harvest in a thread until the end of a test, and give a client of it."""
    started, stopping = Event(), Event()
    with open_system(settings) as system, create_server(("127.0.0.1", 0)) as listening:
        app = create_app([system._replace(pages=[])], title="Harvest", about="", token=token, is_loopback=is_loopback)
        web = Server(app, stopping, on_start=started.set, on_stop=system.stop)
        thread = Thread(target=lambda: asyncio.run(web.serve([listening])))
        thread.start()
        try:
            assert started.wait(TIMEOUT_S)
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            with httpx.Client(base_url=address, timeout=TIMEOUT_S) as client:
                yield client, system
        finally:
            stopping.set()
            thread.join(TIMEOUT_S)
    assert not thread.is_alive()


@contextmanager
def serving(folder: Path, streams: Endpoint | None = None, **how: Any) -> Iterator[httpx.Client]:
    """Serve harvest over a folder, and give a client of it.

    Args:
        streams: those that a run reads.
        how: arguments of `serving_system`, and settings.
    """
    access = {name: how.pop(name) for name in ("token", "is_loopback") if name in how}
    where: dict[str, Any] = {} if streams is None else of(streams)
    settings = HarvestSettings(**({"harvest_dir": str(folder)} | where | how))
    with serving_system(settings, **access) as (client, _):
        yield client


def of(streams: Endpoint) -> dict[str, str]:
    """Return streams as settings."""
    return {
        "stream_endpoint": streams.url,
        "stream_user": streams.user,
        "stream_password": streams.password,
    }


def expect_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """See that an answer is a problem of some status, and return it."""
    problem = dict(answer.json())
    assert (answer.status_code, problem["status"]) == (status, status), answer.text
    assert answer.headers["Content-Type"] == PROBLEM
    return problem


def wrong_fields(answer: httpx.Response) -> dict[str, str]:
    """Return the reasons of a refusal by field."""
    return {error["field"]: error["reason"] for error in expect_problem(answer, 422)["errors"]}
