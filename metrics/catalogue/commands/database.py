"""The catalogue's database, for its commands."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from metrics.catalogue import schema
from metrics.catalogue.load.loads import Connection
from metrics.catalogue.settings import CatalogueSettings
from metrics.cli.use_database import use_database
from metrics.postgres.connect import connect
from metrics.terminal.console import note


@contextmanager
def use_catalogue(report: Callable[[str], None] = note) -> Iterator[tuple[str, Connection]]:
    """Yield the URL of the database, and a connection to it; its tables exist.

    Args:
        report: called with each message of a new local database.

    Raises:
        DatabaseError: it cannot be reached, or its tables have not been created.
        LocalServerError: the local database cannot be started.
    """
    with use_database(CatalogueSettings, report) as url, closing(connect(url)) as connection:
        schema.require_initialized(connection)
        yield url, connection
