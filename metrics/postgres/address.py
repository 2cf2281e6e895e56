"""Address of a system's database: as set, or on this machine."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import Protocol

from metrics.files.project import project_folder
from metrics.postgres.settings import PostgresSettings
from metrics.wording.errors import NoDatabaseError


class DatabaseAddress(Protocol):
    """Address of a database, which may have to be started first."""

    def url(self) -> str:
        """Return the URL to connect to.

        Raises:
            NoDatabaseError: there is no database.
            LocalServerError: the local database cannot be started.
        """

    def is_in_use(self) -> bool:
        """Return whether a database is set, or has been started here: it should answer, or start again."""

    def examine(self) -> None:
        """Note that the database does not answer."""

    def close(self) -> None:
        """Stop using the database."""


def address_of(
    settings: PostgresSettings, report: Callable[[str], None], missing: str, command: str
) -> DatabaseAddress:
    """Return the address that the settings name.

    Args:
        report: called with each message of the local database.
        missing: what happened, if there is no local database.
        command: creates one.
    """
    if settings.database_url is not None:
        return _Given(settings.database_url)
    return _Local(project_folder() / settings.local_database_dir, report, missing, command)


class _Given:
    """The address in DATABASE_URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def url(self) -> str:
        return self._url

    def is_in_use(self) -> bool:
        return True

    def examine(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Local:
    """The local database, if a command has ever created one.

    The first request that needs it starts it, since the server may be used for other systems only.
    """

    def __init__(self, folder: Path, report: Callable[[str], None], missing: str, command: str) -> None:
        self._folder = folder
        self._report = report
        self._missing = missing
        self._command = command
        self._url = ""
        self._was_started = False
        self._using = ExitStack()
        self._lock = Lock()

    def url(self) -> str:
        with self._lock:
            if not self._url:
                if not (self._folder / "data").is_dir():
                    raise NoDatabaseError(self._missing, hint=f"create one: {self._command}; or set DATABASE_URL")
                # Imported late: the production image lacks the packages of local servers.
                from metrics.postgres import local_server  # noqa: PLC0415

                self._url = self._using.enter_context(local_server.shared(self._folder, self._report))
                self._was_started = True
            return self._url

    def is_in_use(self) -> bool:
        return self._was_started

    def examine(self) -> None:
        """Forget a server that has ended; the next request starts another one."""
        with self._lock:
            if self._url:
                from metrics.postgres import local_server  # noqa: PLC0415

                if not local_server.is_running(self._folder):
                    self._forget()

    def close(self) -> None:
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._url = ""
        self._using.close()
