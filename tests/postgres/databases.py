"""Databases of a test's own on a server."""

import os
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

from psycopg import sql

from metrics.postgres.connect import connect
from metrics.postgres.settings import without_driver

# Letters outside ASCII have a lower case in these, on each system and under each version.
_BUILTIN = sql.SQL("LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'")  # since 17
_LIBC = sql.SQL("LOCALE 'C.UTF-8'")
C = sql.SQL("LOCALE 'C'")  # here they have none


def create_database(server: str, locale: sql.SQL | None = None) -> str:
    """Create an empty database on the server of a URL, and return its name."""
    name = f"test_{os.getpid()}_{os.urandom(4).hex()}"
    with closing(connect(server)) as connection:
        if locale is None:
            locale = _BUILTIN if connection.info.server_version >= 170_000 else _LIBC
        create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' {}")
        connection.execute(create.format(sql.Identifier(name), locale))
    return name


def drop_database(server: str, name: str) -> None:
    """Drop a database; sessions that a test left open in it are ended."""
    with closing(connect(server)) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def empty_database(url: str) -> None:
    """End the sessions that a test left open in a database, and drop all that is in it."""
    with closing(connect(url)) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'")
        for (schema,) in schemas.fetchall():
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        connection.execute("CREATE SCHEMA public")


def with_database(url: str, name: str) -> str:
    """Return the URL of another database on the same server."""
    return urlunsplit(urlsplit(without_driver(url))._replace(path=f"/{name}"))
