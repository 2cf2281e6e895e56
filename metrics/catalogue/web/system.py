"""The catalogue as a system of the web server."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from metrics.catalogue import schema
from metrics.catalogue.web.openapi import ANSWERS
from metrics.catalogue.web.page import page
from metrics.catalogue.web.recent import Recent
from metrics.catalogue.web.routes import routes
from metrics.postgres.address import address_of
from metrics.postgres.settings import PostgresSettings
from metrics.web.app import System
from metrics.web.database import Database
from metrics.web.glance import Thresholds


@contextmanager
def open_system(settings: PostgresSettings, thresholds: Thresholds, report: Callable[[str], None]) -> Iterator[System]:
    """Yield the catalogue over its database.

    Args:
        thresholds: of the share of rejected records, in percent.
        report: called with each message of the local database.
    """
    address = address_of(settings, report, "the catalogue has no database yet", schema.INIT_DB)
    with closing(Database(address, "the catalogue's database", schema.require_initialized)) as database:
        yield System(
            routers=[routes(database)],
            answers=ANSWERS,
            pages=[page(Recent(database), thresholds)],
            why_not_ready=database.why_not_ready,
            tick=lambda: None,
            stop=database.stop,
        )
