"""`serve`: serves the pages and the APIs of all systems."""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from metrics.cli import serving
from metrics.cli.serving import LOOPBACK, PORT, Host, Port
from metrics.cli.use_broker import use_broker
from metrics.frames.settings import Settings
from metrics.harvest.settings import HarvestSettings
from metrics.views.settings import ViewsSettings

if TYPE_CHECKING:
    from metrics.web.app import System

log = logging.getLogger(__name__)

TITLE = "Metrics of media streams"
ABOUT = (
    "Frames: committed results of the main job, as they are published. "
    "Catalogue: loads, rejected records, and questions answered. "
    "Harvest: runs over three live streams, and their reports. "
    "Views: view events are taken, and questions about what was counted are answered. "
    "Times are in UTC unless they are said to be Amsterdam's."
)


@dataclass(frozen=True, kw_only=True)
class ServerSettings(Settings, HarvestSettings, ViewsSettings):
    """Settings of the server of all systems."""


def serve(*, host: Host = LOOPBACK, port: Port = PORT) -> None:
    """Serve a live page of the results, pages of the catalogue, harvest and views, and an HTTP API (see /docs).

    It joins no group and counts nothing, so any number of servers may run beside the jobs. `KEEP_SECONDS` and
    `KEEP_MINUTES` bound its memory. The catalogue and views need `DATABASE_URL`, or a local database, which
    `catalogue init-db` or `views init-db` creates; `views count` counts the view events that this server takes.
    Harvests that it runs write to `HARVEST_DIR`. If other machines can reach it, set `API_TOKEN`.

    Ctrl-C ends it with exit code 0.

    Example: `python app.py serve --port 8000`, then `curl "http://127.0.0.1:8000/minutes?limit=5&format=csv"`
    """
    with serving.listen(host, port, "serve") as listening, use_broker(ServerSettings, log.info) as settings:
        are_local = ServerSettings.load().bootstrap_servers is None
        parts = [
            partial(_frames, settings),
            partial(_views, settings, are_created=are_local),
            partial(_harvest, settings),
            partial(_catalogue, settings),
        ]
        serving.run(listening, parts, title=TITLE, about=ABOUT, token=settings.api_token)


def _frames(settings: Settings) -> AbstractContextManager["System"]:
    from metrics.frames.web.system import open_system

    return open_system(settings)


def _catalogue(settings: ServerSettings) -> AbstractContextManager["System"]:
    from metrics.catalogue.web.system import open_system

    return open_system(settings, settings.rejected_thresholds, log.info)


def _harvest(settings: HarvestSettings) -> AbstractContextManager["System"]:
    from metrics.harvest.web.system import open_system

    return open_system(settings)


def _views(settings: ViewsSettings, *, are_created: bool) -> AbstractContextManager["System"]:
    from metrics.views.taking.taker import Taker
    from metrics.views.topics_in_use import Topics
    from metrics.views.web.system import open_system

    # Before the first event, since the server may be used for other systems only.
    topics = Topics(settings, are_created=are_created)
    return open_system(settings, Taker(settings, topics.require), log.info)
