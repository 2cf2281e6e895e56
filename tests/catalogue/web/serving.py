"""The catalogue served to real clients, over a real database."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_server
from threading import Event, Thread
from typing import Any

import httpx

from metrics.catalogue import schema
from metrics.catalogue.settings import CatalogueSettings
from metrics.catalogue.web.system import open_system
from metrics.postgres.connect import connect
from metrics.web.app import create_app
from metrics.web.server import Server

TIMEOUT_S = 60.0
PROBLEM = "application/problem+json"


def create_tables(url: str) -> None:
    with closing(connect(url)) as connection:
        schema.init(connection)


@contextmanager
def serving(
    url: str | None, folder: Path = Path("/nonexistent"), *, token: str | None = None, is_loopback: bool = True
) -> Iterator[httpx.Client]:
    """Serve the catalogue in a thread until the end of a test, and give a client of it.

    Args:
        url: of the database; None for the local one.
        folder: of the local database.
    """
    settings = CatalogueSettings(database_url=url, local_database_dir=str(folder))
    started, stopping = Event(), Event()
    opened = open_system(settings, settings.rejected_thresholds, print)
    with opened as system, create_server(("127.0.0.1", 0)) as listening:
        app = create_app([system._replace(pages=[])], title="Catalogue", about="", token=token, is_loopback=is_loopback)
        web = Server(app, stopping, on_start=started.set, on_stop=system.stop)
        thread = Thread(target=lambda: asyncio.run(web.serve([listening])))
        thread.start()
        try:
            assert started.wait(TIMEOUT_S)
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            with httpx.Client(base_url=address, timeout=TIMEOUT_S) as client:
                yield client
        finally:
            stopping.set()
            thread.join(TIMEOUT_S)
    assert not thread.is_alive()


def expect_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    problem = dict(answer.json())
    assert (answer.status_code, problem["status"]) == (status, status), answer.text
    assert answer.headers["Content-Type"] == PROBLEM
    return problem


def wrong_fields(answer: httpx.Response) -> dict[str, str]:
    """Return the reasons of a refusal by field."""
    return {error["field"]: error["reason"] for error in expect_problem(answer, 422)["errors"]}
