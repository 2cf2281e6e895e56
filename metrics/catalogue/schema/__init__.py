"""The tables of the catalogue: numbered SQL files, and how they are applied."""

from importlib.resources import files

import psycopg
from psycopg.rows import TupleRow

from metrics.postgres.migrations import Migration, migrate, migrations_in, require_letters, require_migrated

TABLE = "catalogue_migration"
INIT_DB = "python app.py catalogue init-db"


def init(connection: psycopg.Connection[TupleRow]) -> list[Migration]:
    """Create or update the tables of the catalogue; return the migrations that were applied.

    Raises:
        DatabaseError: as `migrate`, or letters outside ASCII have no lower case.
    """
    require_letters(connection)
    return migrate(connection, _migrations(), TABLE)


def require_initialized(connection: psycopg.Connection[TupleRow]) -> None:
    """Check that the tables exist, in this program's version.

    Raises:
        DatabaseError: they do not.
    """
    require_migrated(connection, _migrations(), TABLE, command=INIT_DB)


def _migrations() -> list[Migration]:
    return migrations_in(files(__package__))
