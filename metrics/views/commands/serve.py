"""`views serve`: takes view events and answers, without counting."""

import logging
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

from metrics.cli import serving
from metrics.cli.serving import LOOPBACK, Host, Port
from metrics.views.commands.broker import use_topics_of_service
from metrics.views.commands.database import use_views_database
from metrics.views.commands.monitored import monitored_taking
from metrics.views.commands.options import PORT
from metrics.views.settings import ViewsSettings

if TYPE_CHECKING:
    from metrics.views.taking.taker import Taker
    from metrics.web.app import System

log = logging.getLogger(__name__)

TITLE = "Views"
ABOUT = (
    "View events are taken, and questions about what was counted are answered: view time, trends, similar items. "
    "Ids are texts, except in the original's routes: browsers round numbers beyond 2^53."
)


def serve(*, host: Host = LOOPBACK, port: Port = PORT) -> None:
    """Take view events, and serve the page and the HTTP API (documented at /docs) of views, without counting.

    Any number of servers may run beside `views count`. Events are taken while the database is away, and questions are
    answered while the broker is. If other machines can reach it, set `API_TOKEN`: without it, they can only read.

    Ctrl-C ends it with exit code 0.

    Example: `python app.py views serve`, then `curl -T events.jsonl -X POST http://127.0.0.1:6066/views/events -H
    "Content-Type: application/x-ndjson"`
    """
    with (
        serving.listen(host, port, "views serve") as listening,
        use_topics_of_service(log.info) as (settings, topics),
        use_views_database(log.info),
    ):
        from metrics.views.taking.taker import Taker  # noqa: PLC0415

        taker = Taker(settings, topics.require)
        parts = [partial(open_views_system, settings, taker)]
        with monitored_taking(settings, taker):
            serving.run(listening, parts, title=TITLE, about=ABOUT, token=settings.api_token)


def open_views_system(settings: ViewsSettings, taker: "Taker") -> AbstractContextManager["System"]:
    """Return views as a system of the web server."""
    from metrics.views.web.system import open_system  # noqa: PLC0415  # imports NiceGUI

    return open_system(settings, taker, log.info)
