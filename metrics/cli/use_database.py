"""The database that a command talks to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from metrics.files.project import project_folder
from metrics.postgres.settings import PostgresSettings
from metrics.terminal.console import say


@contextmanager
def use_database(kind: type[PostgresSettings], report: Callable[[str], None] = say) -> Iterator[str]:
    """Yield the URL of the database: as set, or of the local one, which is started if it does not run.

    Args:
        kind: the class of the settings.
        report: called with each message of a new local database.

    Raises:
        SettingsError: settings are invalid.
        LocalServerError: the local database cannot be started.
    """
    settings = kind.load()
    if settings.database_url is not None:
        yield settings.database_url
        return
    # A command that is given a database does not wait for this import.
    from metrics.postgres import local_server  # noqa: PLC0415

    with local_server.shared(project_folder() / settings.local_database_dir, report) as url:
        yield url
