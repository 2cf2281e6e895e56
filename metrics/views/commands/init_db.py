"""`views init-db`: creates the tables."""

from contextlib import closing

from metrics.cli.use_database import use_database
from metrics.terminal.console import say
from metrics.views import schema
from metrics.views.settings import ViewsSettings


def init_db() -> None:
    """Create the tables in the schema VIEWS_SCHEMA, or update them to this version; safe to repeat.

    Example: `python app.py views init-db`
    """
    settings = ViewsSettings.load()
    with use_database(ViewsSettings) as url, closing(schema.connect_to_schema(url, settings)) as connection:
        applied = schema.init(connection, settings)
        for migration in applied:
            say(f"applied {migration.name}")
        if not applied:
            say("the tables are up to date")
