"""`catalogue serve`: serves the catalogue alone."""

import logging
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING

from metrics.catalogue.settings import CatalogueSettings
from metrics.cli import serving
from metrics.cli.serving import LOOPBACK, PORT, Host, Port

if TYPE_CHECKING:
    from metrics.web.app import System

log = logging.getLogger(__name__)

TITLE = "Catalogue"
ABOUT = "Movies, sessions, users, authors, books and reviews: their loads, and questions answered. Times are in UTC."


def serve(*, host: Host = LOOPBACK, port: Port = PORT) -> None:
    """Serve the page and the HTTP API (documented at /docs) of the catalogue alone, without Kafka.

    Without `DATABASE_URL` it uses the local database, once `catalogue init-db` has created that. If other machines can
    reach it, set `API_TOKEN`: without it, they can read, but load nothing.

    Ctrl-C ends it with exit code 0.

    Example: `python app.py catalogue serve --port 8000`, then `curl http://127.0.0.1:8000/catalogue/loads`
    """
    settings = CatalogueSettings.load()
    with serving.listen(host, port, "catalogue serve") as listening:
        serving.run(listening, [partial(_catalogue, settings)], title=TITLE, about=ABOUT, token=settings.api_token)


def _catalogue(settings: CatalogueSettings) -> AbstractContextManager["System"]:
    from metrics.catalogue.web.system import open_system  # noqa: PLC0415  # imports NiceGUI

    return open_system(settings, settings.rejected_thresholds, log.info)
