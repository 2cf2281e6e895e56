"""Schema versions: numbered SQL files of a system, each applied once.

A file is named `NNN_words.sql`. All that are missing are applied in one transaction, in the order of their numbers, so
a schema is at one version or the next. An advisory lock keeps two processes from applying the same file.
"""

import re
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from metrics.postgres.connect import database_errors
from metrics.wording.errors import UnsuitableError

_NAME = re.compile(r"(\d{3})_\w+\.sql")


class Migration(NamedTuple):
    """One numbered SQL file."""

    number: int
    name: str
    statements: str


def migrations_in(folder: Traversable) -> list[Migration]:
    """Return the migrations in a folder of a package, in the order of their numbers, which begin at 1."""
    found = sorted(
        Migration(int(name[1]), file.name, file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if (name := _NAME.fullmatch(file.name))
    )
    assert [migration.number for migration in found] == list(range(1, len(found) + 1)), "numbers have no gaps"
    return found


def migrate(connection: psycopg.Connection[TupleRow], migrations: Sequence[Migration], table: str) -> list[Migration]:
    """Apply the migrations that are missing, and return them.

    Args:
        table: lists the applied ones; created if it is missing, in the connection's own schema.

    Raises:
        UnsuitableError: the database is newer than this program, or its encoding is not UTF-8.
        DatabaseError: it refuses a statement; nothing is applied then.
    """
    _require_utf8(connection)
    refused = database_errors("the schema cannot be created", hint="the user needs CREATE on the schema")
    with refused, connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.' || %s))", (table,))
        connection.execute(_CREATE.format(sql.Identifier(table)))
        applied = _version(connection, table)
        _require_known(connection, applied, migrations)
        missing = [migration for migration in migrations if migration.number > applied]
        for migration in missing:
            connection.execute(migration.statements)
            added = sql.SQL("INSERT INTO {} (number, name) VALUES (%s, %s)").format(sql.Identifier(table))
            connection.execute(added, (migration.number, migration.name))
        return missing


def require_migrated(
    connection: psycopg.Connection[TupleRow], migrations: Sequence[Migration], table: str, command: str
) -> None:
    """Check that the schema is at this program's version.

    Args:
        command: applies what is missing.

    Raises:
        UnsuitableError: it has not been created, or is older or newer.
    """
    with database_errors("the database does not answer"):
        (found,) = connection.execute("SELECT to_regclass(quote_ident(%s)) IS NOT NULL", (table,)).fetchone() or (
            False,
        )
        applied = _version(connection, table) if found else 0
    _require_known(connection, applied, migrations)
    if applied < len(migrations):
        what, verb = ("has the tables of an older version", "update") if applied else ("has no tables yet", "create")
        raise UnsuitableError(f"the database {what}", why=_where(connection), hint=f"{verb} them: {command}")


_CREATE_DATABASE = (
    "create one with a UTF-8 locale: CREATE DATABASE metrics TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'\n"
    "(PostgreSQL 17 or newer: LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8')"
)
_CREATE = sql.SQL(
    "CREATE TABLE IF NOT EXISTS {} (number int PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL "
    "DEFAULT now())"
)


def _version(connection: psycopg.Connection[TupleRow], table: str) -> int:
    """Return the number of the newest migration that was applied; 0 if there is none."""
    newest = sql.SQL("SELECT coalesce(max(number), 0) FROM {}").format(sql.Identifier(table))
    [number] = connection.execute(newest).fetchone() or (0,)
    return int(number)


def _require_known(connection: psycopg.Connection[TupleRow], applied: int, migrations: Sequence[Migration]) -> None:
    if applied > len(migrations):
        raise UnsuitableError(
            "the database has the tables of a newer version",
            why=f"{_where(connection)}; it is at version {applied}, this program knows {len(migrations)}",
            hint="update this program",
        )


def _require_utf8(connection: psycopg.Connection[TupleRow]) -> None:
    with database_errors("the database does not answer"):
        asked = "SELECT current_setting('server_encoding'), current_database()"
        encoding, name = connection.execute(asked).fetchone() or ("", "")
    if encoding != "UTF8":
        raise UnsuitableError(
            f"the database {name} cannot store all text", why=f"its encoding is {encoding}", hint=_CREATE_DATABASE
        )


def require_letters(connection: psycopg.Connection[TupleRow]) -> None:
    """Check that letters outside ASCII have a lower case: under the locale C they have none, and joins miss rows.

    Raises:
        UnsuitableError: they have none.
    """
    with database_errors("the database does not answer"):
        asked = "SELECT lower('É') = 'é', current_database()"
        has_letters, name = connection.execute(asked).fetchone() or (False, "")
    if not has_letters:
        raise UnsuitableError(
            f"the database {name} cannot compare text without case",
            why="lower('É') is not 'é' in its locale, so titles and names with such letters would not be found",
            hint=_CREATE_DATABASE,
        )


def _where(connection: psycopg.Connection[TupleRow]) -> str:
    """Return the database and the schema in words; a schema that does not exist is the one that was asked for."""
    asked = "SELECT coalesce(current_schema(), current_setting('search_path'))"
    [schema] = connection.execute(asked).fetchone() or ("",)
    return f"database {connection.info.dbname}, schema {schema}"
