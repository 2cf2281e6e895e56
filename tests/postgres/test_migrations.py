"""Numbered SQL files, against a real database."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from metrics.postgres.connect import connect
from metrics.postgres.migrations import migrate, migrations_in, require_migrated
from metrics.time.deadline import Deadline
from metrics.wording.errors import DatabaseError
from tests.postgres.databases import C, create_database, drop_database, with_database

PROJECT = Path(__file__).parents[2]
TIMEOUT_S = 60.0

FIRST = "CREATE TABLE seen (word text); INSERT INTO seen VALUES ('first')"
SECOND = "INSERT INTO seen VALUES ('second: 100 %')"

Connection = psycopg.Connection[TupleRow]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with closing(connect(database_url)) as connection:
        yield connection


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "001_first.sql").write_text(FIRST)
    (tmp_path / "README.md").write_text("not a migration")
    return tmp_path


def applied(connection: Connection, files: Path) -> list[str]:
    return [migration.name for migration in migrate(connection, migrations_in(files), "applied")]


def exists(connection: Connection, table: str) -> bool:
    return connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone() == (True,)


def test_each_file_is_applied_once_in_the_order_of_numbers(connection: Connection, files: Path) -> None:
    assert applied(connection, files) == ["001_first.sql"]
    (files / "002_second.sql").write_text(SECOND)
    assert applied(connection, files) == ["002_second.sql"]
    assert applied(connection, files) == []
    assert connection.execute("SELECT word FROM seen").fetchall() == [("first",), ("second: 100 %",)]
    rows = connection.execute("SELECT number, name FROM applied ORDER BY number").fetchall()
    assert rows == [(1, "001_first.sql"), (2, "002_second.sql")]


def test_a_file_that_fails_leaves_nothing_of_itself_or_of_those_before_it(connection: Connection, files: Path) -> None:
    (files / "002_second.sql").write_text("CREATE TABLE other (); INSERT INTO nowhere VALUES (1)")
    with pytest.raises(DatabaseError, match="the schema cannot be created") as failed:
        applied(connection, files)
    assert 'relation "nowhere" does not exist' in failed.value.why
    assert not any(exists(connection, table) for table in ("seen", "other", "applied"))
    (files / "002_second.sql").write_text(SECOND)
    assert applied(connection, files) == ["001_first.sql", "002_second.sql"]


def test_a_database_of_a_newer_program_is_refused(connection: Connection, files: Path) -> None:
    migrations = migrations_in(files)
    migrate(connection, migrations, "applied")
    connection.execute("INSERT INTO applied VALUES (2, '002_of_the_future.sql')")
    for check in (
        lambda: migrate(connection, migrations, "applied"),
        lambda: require_migrated(connection, migrations, "applied", "init-db"),
    ):
        with pytest.raises(DatabaseError, match="the database has the tables of a newer version") as refused:
            check()
        assert "it is at version 2, this program knows 1" in refused.value.why


def test_a_database_without_tables_or_with_older_ones_is_refused_with_the_way_on(
    connection: Connection, files: Path
) -> None:
    with pytest.raises(DatabaseError, match="the database has no tables yet") as refused:
        require_migrated(connection, migrations_in(files), "applied", "init-db")
    assert refused.value.hint == "create them: init-db"
    migrate(connection, migrations_in(files), "applied")
    require_migrated(connection, migrations_in(files), "applied", "init-db")
    (files / "002_second.sql").write_text(SECOND)
    with pytest.raises(DatabaseError, match="the database has the tables of an older version") as refused:
        require_migrated(connection, migrations_in(files), "applied", "init-db")
    assert refused.value.hint == "update them: init-db"


def test_a_user_that_may_not_create_tables_is_told_so(connection: Connection, files: Path) -> None:
    connection.execute("SET search_path = nowhere")
    with pytest.raises(DatabaseError, match="the schema cannot be created") as refused:
        applied(connection, files)
    assert "no schema has been selected to create in" in refused.value.why
    assert refused.value.hint == "the user needs CREATE on the schema"


def test_systems_with_the_same_table_name_in_other_schemas_do_not_share_it(connection: Connection, files: Path) -> None:
    for schema in ("one", "two"):
        connection.execute(f"CREATE SCHEMA {schema}; SET search_path = {schema}".encode())
        assert applied(connection, files) == ["001_first.sql"]


def init_db(url: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, PROJECT / "app.py", "catalogue", "init-db"],
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_of_several_processes_at_once_one_applies_the_files(connection: Connection, database_url: str) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('public.catalogue_migration'))")
        processes = [init_db(database_url) for _ in range(3)]
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

        def all_wait() -> bool:
            return connection.execute(waiting).fetchone() == (3,)

        assert Deadline(TIMEOUT_S).poll(all_wait, until=bool)
    outputs = [process.communicate(timeout=TIMEOUT_S) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    first, *others = sorted(output for output, _ in outputs)
    assert first.startswith("applied 001_")
    assert others == ["the tables are up to date\n"] * 2


def test_a_database_in_the_locale_c_is_refused_and_the_hint_works_as_it_is_written(database_server: str) -> None:
    name = create_database(database_server, C)
    try:
        process = init_db(with_database(database_server, name))
        _, errors = process.communicate(timeout=TIMEOUT_S)
    finally:
        drop_database(database_server, name)
    assert process.returncode == 10
    assert f"the database {name} cannot compare text without case" in errors
    assert "lower('É') is not 'é' in its locale" in errors
    _, _, hint = errors.partition("hint: ")
    for locale in ("LOCALE 'C.UTF-8'", "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"):
        assert locale in hint
    with closing(connect(database_server)) as connection:
        is_17 = connection.info.server_version >= 170_000
        statement = hint.partition("one with a UTF-8 locale: ")[2].splitlines()[0]
        assert statement == "CREATE DATABASE metrics TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
        builtin = statement.replace("LOCALE 'C.UTF-8'", "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
        for written in (statement, builtin) if is_17 else (statement,):
            fresh = f"{name}_fresh"
            connection.execute(written.replace("metrics", fresh).encode())
            try:
                with closing(connect(with_database(database_server, fresh))) as there:
                    assert there.execute("SELECT lower('É')").fetchone() == ("é",)
            finally:
                drop_database(database_server, fresh)
