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
from metrics.postgres.settings import PostgresSettings

if TYPE_CHECKING:
    from metrics.web.app import System

log = logging.getLogger(__name__)

TITLE = "Metrics of media streams"
ABOUT = (
    "Frames: committed results of the main job, as they are published. "
    "Catalogue: loads, rejected records, and questions answered. "
    "Harvest: runs over three live streams, and their reports. Times are in UTC unless they are said to be Amsterdam's."
)


@dataclass(frozen=True, kw_only=True)
class ServerSettings(Settings, PostgresSettings, HarvestSettings):
    """Settings of the server of all systems."""


def serve(*, host: Host = LOOPBACK, port: Port = PORT) -> None:
    """Serve a live page of the results, one of the catalogue, one of harvest, and an HTTP API (documented at /docs).

    It joins no group and publishes nothing, so any number of servers may run beside the job. `KEEP_SECONDS` and
    `KEEP_MINUTES` bound its memory. The catalogue needs `DATABASE_URL`, or a local database, which
    `catalogue init-db` creates. Harvests that it runs write to `HARVEST_DIR`. If other machines can reach it, set
    `API_TOKEN`.

    Ctrl-C ends it with exit code 0.

    Example: `python app.py serve --port 8000`, then `curl "http://127.0.0.1:8000/minutes?limit=5&format=csv"`
    """
    with serving.listen(host, port, "serve") as listening, use_broker(ServerSettings, log.info) as settings:
        parts = [partial(_frames, settings), partial(_catalogue, settings), partial(_harvest, settings)]
        serving.run(listening, parts, title=TITLE, about=ABOUT, token=settings.api_token)


def _frames(settings: Settings) -> AbstractContextManager["System"]:
    from metrics.frames.web.system import open_system

    return open_system(settings)


def _catalogue(settings: PostgresSettings) -> AbstractContextManager["System"]:
    from metrics.catalogue.web.system import open_system

    return open_system(settings, log.info)


def _harvest(settings: HarvestSettings) -> AbstractContextManager["System"]:
    from metrics.harvest.web.system import open_system

    return open_system(settings)
