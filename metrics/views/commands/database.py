"""The database of views, for its commands."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from metrics.cli.use_database import use_database
from metrics.terminal.console import note
from metrics.views import schema
from metrics.views.settings import ViewsSettings


@contextmanager
def use_views_database(report: Callable[[str], None] = note) -> Iterator[str]:
    """Yield the URL of the database, for a command that counts or serves; in the local one, missing tables are created.

    A database that is named gets its tables by `views init-db`; `open_views` checks them.

    Args:
        report: called with each message of a new local database.

    Raises:
        SettingsError: settings are invalid.
        LocalServerError: the local database cannot be started.
        DatabaseError: the local database has the tables of a newer version.
    """
    settings = ViewsSettings.load()
    with use_database(ViewsSettings, report) as url:
        if settings.database_url is None:
            with closing(schema.connect_to_schema(url, settings)) as connection:
                schema.init(connection, settings)
        yield url


@contextmanager
def use_views(report: Callable[[str], None] = note) -> Iterator[tuple[ViewsSettings, schema.Connection]]:
    """Yield the settings, and a connection to the tables, for a command that reads them, and thus creates none.

    Raises:
        SettingsError, LocalServerError: as `use_views_database`.
        DatabaseError: the database cannot be reached, or its tables have not been created.
    """
    settings = ViewsSettings.load()
    with (
        use_database(ViewsSettings, report) as url,
        closing(schema.open_views(url, settings)) as connection,
    ):
        yield settings, connection
