"""The tables of views in a schema of their own, created by `views init-db`."""

from contextlib import closing

import pytest

from metrics.postgres.connect import connect
from metrics.views import schema
from metrics.views.settings import ViewsSettings
from metrics.wording.errors import UnsuitableError
from tests.kafka.application import Application
from tests.postgres.databases import C, create_database, drop_database, with_database

SETTINGS = ViewsSettings(views_schema="views_2")


def tables(url: str) -> set[str]:
    with closing(connect(url)) as connection:
        found = connection.execute("SELECT schemaname || '.' || tablename FROM pg_tables").fetchall()
    return {name for (name,) in found}


def test_init_db_creates_the_tables_in_the_schema_that_is_set_and_can_be_repeated(database_url: str) -> None:
    application = Application("127.0.0.1:1", {"DATABASE_URL": database_url, "VIEWS_SCHEMA": "views_2"})
    before = tables(database_url)
    assert application.run("views", "init-db") == "applied 001_tables.sql\n"
    assert application.run("views", "init-db") == "the tables are up to date\n"
    created = tables(database_url) - before
    assert {name.partition(".")[0] for name in created} == {"views_2"}
    assert {"views_2.seen", "views_2.media_minute"} < created


def test_without_tables_the_error_names_the_command(database_url: str) -> None:
    with pytest.raises(UnsuitableError) as raised:
        schema.open_views(database_url, SETTINGS)
    assert "the database has no tables yet" in str(raised.value)
    assert "python app.py views init-db" in str(raised.value)
    assert raised.value.why.endswith(", schema views_2")


def test_tables_of_a_newer_version_are_refused(database_url: str) -> None:
    with closing(schema.connect_to_schema(database_url, SETTINGS)) as connection:
        schema.init(connection, SETTINGS)
        connection.execute("INSERT INTO views_migration (number, name) VALUES (2, '002_later.sql')")
    with pytest.raises(UnsuitableError, match="newer version"):
        schema.open_views(database_url, SETTINGS)


def test_a_user_without_create_on_the_database_uses_a_schema_that_exists(database_url: str) -> None:
    with closing(connect(database_url)) as admin:
        admin.execute("CREATE ROLE limited; CREATE SCHEMA views_2 AUTHORIZATION limited")
        try:
            with closing(schema.connect_to_schema(database_url, SETTINGS)) as connection:
                connection.execute("SET ROLE limited")
                assert len(schema.init(connection, SETTINGS)) == 1
        finally:
            admin.execute("DROP SCHEMA views_2 CASCADE; DROP ROLE limited")


def test_a_database_in_the_locale_c_is_good_enough(database_server: str) -> None:
    name = create_database(database_server, C)
    try:
        with closing(schema.connect_to_schema(with_database(database_server, name), SETTINGS)) as connection:
            assert len(schema.init(connection, SETTINGS)) == 1
    finally:
        drop_database(database_server, name)
