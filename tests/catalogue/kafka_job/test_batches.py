"""Whatever the batches, the table is that of a plain dictionary, and each record has one outcome."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.catalogue import schema
from metrics.catalogue.core.models import MODELS
from metrics.catalogue.kafka_job.messages import MessageReader
from metrics.catalogue.kafka_job.sink import LoadSink
from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.seams import TransactionLostError
from metrics.kafka.job.sql_sink import OffsetTable, SqlSink
from metrics.postgres.connect import connect
from tests.catalogue.kafka_job.topic import Expected, Record, gone, movie
from tests.examples import examples

MOVIE = MODELS["movie"]


@dataclass(frozen=True)
class Message:
    """A message of partition 0."""

    at: int
    record: Record

    def topic(self) -> str:
        return "movies"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes | None:
        return self.record[0]

    def value(self) -> bytes | None:
        return self.record[1]

    def timestamp(self) -> tuple[int, int]:
        return 0, -1

    def headers(self) -> None:
        return None


@pytest.fixture(scope="module")
def url(database_server: str) -> Iterator[str]:
    from tests.postgres.databases import create_database, drop_database, with_database

    name = create_database(database_server)
    made = with_database(database_server, name)
    with closing(connect(made)) as connection:
        schema.init(connection)
    yield made
    drop_database(database_server, name)


@contextmanager
def opened(url: str) -> Iterator[LoadSink]:
    """Open a sink of a load of a topic that was never loaded, into an empty table."""
    with closing(connect(url)) as connection:
        connection.execute("TRUNCATE movie, catalogue_offset, catalogue_load, catalogue_rejected, catalogue_history")
        table = OffsetTable("catalogue_offset", {"model": "movie"}, "cluster", "movies", "topic")
        budget = RetryBudget(60.0, Event())
        offsets = SqlSink(connection, table, Instance("a"))
        sink = LoadSink(connection, offsets, MOVIE, MessageReader(MOVIE, None), budget, None)
        sink.begin("movies", {0: 0})
        yield sink


TITLES = st.sampled_from(["A", "a", "B", "É", "é"])
RECORDS = st.one_of(
    TITLES.map(gone), st.builds(movie, TITLES, st.integers(1, 3)), st.builds(movie, TITLES, st.just("wrong"))
)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(batches=st.lists(st.lists(RECORDS, max_size=8), max_size=5))
def test_whatever_the_batches_the_table_is_that_of_a_plain_dictionary(url: str, batches: list[list[Record]]) -> None:
    expected, read = Expected(), 0
    with opened(url) as sink:
        for batch in batches:
            messages = [Message(read + number, record) for number, record in enumerate(batch)]
            read += len(batch)
            assert sink.commit(messages, {0: read}, Event())
            expected.take(batch)
        sink.finish()
        load = sink.load
    assert load is not None
    assert (load.read, load.rejected) == (read, expected.wrong)
    assert read == load.inserted + load.updated + load.unchanged + load.repeated + load.rejected
    assert load.inserted == len(expected.rows)
    with closing(connect(url)) as connection:
        found = connection.execute("SELECT lower(title), title, duration_mins, gone_at IS NOT NULL FROM movie")
        assert {key: tuple(row) for key, *row in found} == expected.rows
        replaced = connection.execute("SELECT count(*) FROM catalogue_history").fetchone()
        assert replaced == (load.updated,)


def test_a_load_that_is_suspended_while_it_copies_keeps_no_other_one_out(url: str) -> None:
    table = OffsetTable("catalogue_offset", {"model": "movie"}, "cluster", "movies", "topic")

    class LastSeen(Message):
        def value(self) -> bytes | None:
            with closing(connect(url)) as connection:
                SqlSink(connection, table, Instance("b"))
            return super().value()

    with opened(url) as sink, pytest.raises(TransactionLostError) as lost:
        sink.commit([LastSeen(0, movie("A", 1))], {0: 1}, Event())
    assert lost.value.is_fenced
