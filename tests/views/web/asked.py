"""The routes that answer, served over a real database."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from socket import create_server
from threading import Event, Thread

import httpx

from metrics.postgres.address import address_of
from metrics.views import schema
from metrics.views.settings import ViewsSettings
from metrics.views.taking.figures import TakingFigures
from metrics.views.web.kept_similar import KeptSimilar
from metrics.views.web.responses import ANSWERS
from metrics.views.web.routes import routes
from metrics.views.web.status import StatusReader
from metrics.views.web.system import ERROR_FORMS
from metrics.web.app import System, create_app
from metrics.web.database import Database
from metrics.web.server import Server
from tests.kafka.application import TIMEOUT_S

NOWHERE = "127.0.0.1:1"


def database_of(settings: ViewsSettings) -> Database:
    address = address_of(settings, print, "views has no database yet", schema.INIT_DB)
    return Database(address, "the database of views", lambda connection: schema.use_tables(connection, settings))


@contextmanager
def asking(
    url: str,
    servers: str = NOWHERE,
    *,
    topics: tuple[str, str] = ("view-events", "view-events-rejected"),
    taking: Callable[[], TakingFigures] | None = None,
) -> Iterator[httpx.Client]:
    """Serve the routes in a thread until the end of a test, and give a client of them."""
    settings = ViewsSettings(
        database_url=url, bootstrap_servers=servers, views_topic=topics[0], views_rejected_topic=topics[1]
    )
    started, stopping = Event(), Event()
    with closing(database_of(settings)) as database, create_server(("127.0.0.1", 0)) as listening:
        routers = routes(database, KeptSimilar(database), StatusReader(database, settings, taking))
        system = System(routers, ANSWERS, [], lambda: None, lambda: None, database.stop, ERROR_FORMS)
        app = create_app([system], title="Views", about="", token=None)
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
