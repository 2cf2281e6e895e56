"""`database`: the local PostgreSQL in the foreground."""

from metrics.cli.reporting import stopping_on_signals
from metrics.files.project import project_folder
from metrics.postgres import local_server
from metrics.postgres.settings import PostgresSettings
from metrics.terminal.console import say


def database() -> None:
    """Run the local PostgreSQL in the foreground, until Ctrl-C. A command that still uses it then stops it at its end.

    Example: `python app.py database`
    """
    folder = project_folder() / PostgresSettings.load().local_database_dir
    with local_server.shared(folder, say) as url, stopping_on_signals() as stopping:
        say(f"to use it: DATABASE_URL='{url}' python app.py …")
        say(f"with psql: psql '{url}'")
        while not stopping.wait(1):
            local_server.require_alive(folder)
    is_used = local_server.is_running(folder)
    say(f"local database: {'another command uses it, and stops it at its end' if is_used else 'stopped'}")
