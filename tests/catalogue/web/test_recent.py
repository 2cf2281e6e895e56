"""What all open pages share: how often the database is asked."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from metrics.catalogue import schema
from metrics.catalogue.core.models import MODELS
from metrics.catalogue.load import loads
from metrics.catalogue.query.shipped import shipped_queries
from metrics.catalogue.web.recent import READ_EVERY_S, Recent
from metrics.postgres.address import address_of
from metrics.postgres.settings import PostgresSettings
from metrics.web.database import Database
from metrics.wording.errors import DatabaseError
from tests.catalogue.load.catalogue import catalogue_in
from tests.catalogue.web.serving import create_tables

MEAN = shipped_queries()["mean-session-seconds"]


class Counted(Database):
    """A database that counts what it is asked."""

    asked = 0

    async def run(self, work: Callable[[Any], Any]) -> Any:
        self.asked += 1
        return await super().run(work)


def counted(url: str) -> Counted:
    address = address_of(PostgresSettings(database_url=url), print, "", "")
    return Counted(address, "the catalogue's database", schema.require_initialized)


def test_the_database_is_read_once_for_all_pages_until_it_is_time_again(database_url: str) -> None:
    create_tables(database_url)
    now_s = 0.0

    async def look(database: Counted) -> None:
        nonlocal now_s
        recent = Recent(database, lambda: now_s)
        first, *others = await asyncio.gather(*(recent.newest() for _ in range(20)))
        assert all(other is first for other in others)
        assert database.asked == 1
        now_s = READ_EVERY_S
        await recent.newest()
        assert database.asked == 2

    with closing(counted(database_url)) as database:
        asyncio.run(look(database))


def test_an_outage_is_known_to_all_pages_and_noticed_again_only_when_it_is_time() -> None:
    now_s = 0.0

    async def look(database: Counted) -> None:
        nonlocal now_s
        recent = Recent(database, lambda: now_s)
        for _ in range(3):
            with pytest.raises(DatabaseError, match="cannot be reached"):
                await recent.newest()
        assert database.asked == 1
        now_s = READ_EVERY_S
        with pytest.raises(DatabaseError, match="cannot be reached"):
            await recent.newest()
        assert database.asked == 2

    with closing(counted("postgresql://nobody@127.0.0.1:1/none")) as database:
        asyncio.run(look(database))


def test_a_query_with_its_defaults_runs_again_only_after_another_load(database_url: str) -> None:
    create_tables(database_url)

    async def ask(database: Counted) -> None:
        recent = Recent(database)
        first = await asyncio.gather(*(recent.answer(MEAN, "1 0 0") for _ in range(5)))
        assert database.asked == 1
        assert {answer.as_csv() for answer in first} == {'mean_session_s\n""\n'}
        await recent.answer(MEAN, "1 1 0")
        assert database.asked == 2
        await recent.ask(MEAN, {}, "UTC")
        assert database.asked == 3

    with closing(counted(database_url)) as database:
        asyncio.run(ask(database))


def test_changes_are_those_of_all_loads_whatever_the_order_in_which_they_end(database_url: str, tmp_path: Path) -> None:
    with catalogue_in(database_url, tmp_path) as catalogue:
        topic = loads.begin(catalogue.connection, MODELS["movie"], "kafka", "topic")
        before = loads.changes(catalogue.connection)
        catalogue.load_records("user", [{"email": "ann@x", "first_name": "", "last_name": ""}])
        done = loads.changes(catalogue.connection)
        topic.read = topic.inserted = 1
        loads.store(catalogue.connection, topic, "running")
        assert len({before, done, loads.changes(catalogue.connection)}) == 3
