"""Time zones that the server knows by name."""

import difflib

import psycopg
from psycopg.rows import TupleRow

from metrics.errors import SettingsError
from metrics.postgres.connect import database_errors

UTC = "UTC"


def require_time_zone(connection: psycopg.Connection[TupleRow], name: str) -> None:
    """Check that the server knows a time zone by its name.

    An offset is refused, since the server would read `UTC+1` by POSIX, as one hour west of Greenwich.

    Raises:
        SettingsError: it does not.
        DatabaseError: it does not answer.
    """
    if name == UTC:
        return
    with database_errors("the database does not answer"):
        known = {known for (known,) in connection.execute("SELECT name FROM pg_timezone_names")}
    if name.lower() in map(str.lower, known):
        return
    meant = difflib.get_close_matches(name, known, 1)
    raise SettingsError(
        f"the time zone {name} is unknown",
        hint=f"did you mean {meant[0]}?" if meant else "name one, such as Europe/Berlin or America/New_York",
    )
