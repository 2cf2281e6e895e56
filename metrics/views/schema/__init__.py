"""The tables of views, in the PostgreSQL schema VIEWS_SCHEMA: numbered SQL files, and connections to them."""

from importlib.resources import files

import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from metrics.postgres.connect import AnswerLimit, connect, database_errors
from metrics.postgres.migrations import Migration, migrate, migrations_in, require_migrated
from metrics.views.settings import ViewsOnlySettings

Connection = psycopg.Connection[TupleRow]

SUMS = ("waypoints", "starts", "stops", "ends")
"""Columns of the numbers of events of each type, in the order of EVENT_TYPES."""

TABLE = "views_migration"
INIT_DB = "python app.py views init-db"


def connect_to_schema(url: str, settings: ViewsOnlySettings, limit: AnswerLimit | None = None) -> Connection:
    """Return a connection whose search path is VIEWS_SCHEMA alone; it need not exist.

    Raises:
        SettingsError, DatabaseError: as `connect`.
    """
    connection = connect(url, limit=limit)
    try:
        _enter(connection, settings)
    except BaseException:
        connection.close()
        raise
    return connection


def open_views(url: str, settings: ViewsOnlySettings, limit: AnswerLimit | None = None) -> Connection:
    """Return a connection to the tables of views, which exist in this program's version.

    Raises:
        SettingsError: the URL cannot be read.
        DatabaseError: the database cannot be reached, or has other tables.
    """
    connection = connect_to_schema(url, settings, limit)
    try:
        require_migrated(connection, _migrations(), TABLE, command=INIT_DB)
    except BaseException:
        connection.close()
        raise
    return connection


def use_tables(connection: Connection, settings: ViewsOnlySettings) -> None:
    """Make VIEWS_SCHEMA the search path of a connection; its tables exist in this program's version.

    Raises:
        DatabaseError: the database has other tables.
    """
    _enter(connection, settings)
    require_migrated(connection, _migrations(), TABLE, command=INIT_DB)


def init(connection: Connection, settings: ViewsOnlySettings) -> list[Migration]:
    """Create or update VIEWS_SCHEMA and its tables; return the migrations that were applied.

    Args:
        connection: of `connect_to_schema`.

    Raises:
        DatabaseError: as `migrate`.
    """
    schema = settings.views_schema
    refused = database_errors("the schema cannot be created", hint="the user needs CREATE on the database")
    with refused, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"{schema}.{TABLE}",))
        # A user without CREATE on the database may use a schema that exists.
        if connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone() is None:
            connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    return migrate(connection, _migrations(), TABLE)


def _enter(connection: Connection, settings: ViewsOnlySettings) -> None:
    with database_errors("the database refuses the session's settings"):
        connection.execute(SQL("SET search_path = {}").format(Identifier(settings.views_schema)))


def _migrations() -> list[Migration]:
    return migrations_in(files(__package__))
