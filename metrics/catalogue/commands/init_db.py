"""`catalogue init-db`: creates the tables."""

from contextlib import closing

from metrics.catalogue import schema
from metrics.catalogue.settings import CatalogueSettings
from metrics.cli.use_database import use_database
from metrics.postgres.connect import connect
from metrics.terminal.console import say


def init_db() -> None:
    """Create the tables, or update them to this version; safe to repeat.

    Example: `python app.py catalogue init-db`
    """
    with use_database(CatalogueSettings) as url, closing(connect(url)) as connection:
        applied = schema.init(connection)
        for migration in applied:
            say(f"applied {migration.name}")
        if not applied:
            say("the tables are up to date")
