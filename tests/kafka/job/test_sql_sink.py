"""Rows and offsets in one transaction of a real PostgreSQL: all or nothing, and of one instance only."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from threading import Event, Thread

import pytest

from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.seams import TransactionLostError
from metrics.kafka.job.sql_sink import LOCK_TIMEOUT_S, Connection, OffsetTable, SqlSink, answer_limit
from metrics.postgres.connect import connect
from metrics.wording.errors import DatabaseError
from tests.kafka.application import wait_until

TABLE = OffsetTable("consumed", {"model": "movie"}, "cluster", "movies", "topic")
COLUMNS = "model text, cluster_id text, topic text, topic_id text, partition int"


@pytest.fixture
def connections(database_url: str) -> Iterator["Connections"]:
    with ExitStack() as opened:
        made = Connections(database_url, opened)
        created = made.open()
        created.execute(f"CREATE TABLE consumed ({COLUMNS}, next_offset bigint, instance jsonb)")
        created.execute("ALTER TABLE consumed ADD PRIMARY KEY (model, cluster_id, topic, topic_id, partition)")
        created.execute("CREATE TABLE written (number int)")
        yield made


class Connections:
    def __init__(self, url: str, opened: ExitStack) -> None:
        self._url = url
        self._opened = opened

    def open(self) -> Connection:
        return self._opened.enter_context(closing(connect(self._url)))

    def sink(self, instance: str, table: OffsetTable = TABLE) -> tuple[Connection, SqlSink]:
        connection = self.open()
        return connection, SqlSink(connection, table, Instance(instance))

    def written(self) -> list[int]:
        return [number for (number,) in self.open().execute("SELECT number FROM written ORDER BY number")]

    def offsets(self) -> dict[int, int]:
        return TABLE.next_offsets(self.open())


def commit(connection: Connection, sink: SqlSink, number: int, offsets: dict[int, int]) -> None:
    with sink.transaction(offsets):
        connection.execute("INSERT INTO written VALUES (%s)", (number,))


def test_rows_and_offsets_are_committed_together(connections: Connections) -> None:
    connection, sink = connections.sink("a")
    assert (sink.next_offsets, sink.is_recreated) == ({}, False)
    commit(connection, sink, 1, {0: 5, 1: 0})
    commit(connection, sink, 2, {0: 9, 1: 3, 2: 0})  # a partition was added
    assert connections.written() == [1, 2]
    assert connections.offsets() == sink.next_offsets == {0: 9, 1: 3, 2: 0}


def test_what_fails_leaves_neither_rows_nor_offsets(connections: Connections) -> None:
    connection, sink = connections.sink("a")
    commit(connection, sink, 1, {0: 5})
    with pytest.raises(DatabaseError, match="the transaction with the database failed"), sink.transaction({0: 6}):
        connection.execute("INSERT INTO written VALUES (2); INSERT INTO missing VALUES (2)")
    assert connections.written() == [1]
    assert connections.offsets() == sink.next_offsets == {0: 5}
    commit(connection, sink, 3, {0: 6})
    assert connections.written() == [1, 3]


def test_a_new_sink_continues_from_what_is_committed(connections: Connections) -> None:
    commit(*connections.sink("a"), 1, {0: 5, 1: 8})
    connection, sink = connections.sink("b")
    assert sink.next_offsets == {0: 5, 1: 8}
    commit(connection, sink, 2, {0: 6, 1: 8})
    assert connections.offsets() == {0: 6, 1: 8}


def test_an_instance_that_another_one_took_over_from_commits_nothing_more(connections: Connections) -> None:
    first = connections.sink("a")
    commit(*first, 1, {0: 5})
    second = connections.sink("b")
    with pytest.raises(TransactionLostError, match="another instance has committed since") as fenced:
        commit(*first, 2, {0: 6})
    assert fenced.value.is_fenced
    with pytest.raises(TransactionLostError):
        first[1].heartbeat()
    commit(*second, 3, {0: 6})
    assert connections.written() == [1, 3]


def test_an_instance_may_fence_those_of_all_other_topics_of_its_reader(connections: Connections) -> None:
    elsewhere, of_others = TABLE._replace(cluster_id="other"), TABLE._replace(reader={"model": "book"})
    sinks = {name: connections.sink(name, table) for name, table in (("a", TABLE), ("b", elsewhere), ("c", of_others))}
    for number, sink in enumerate(sinks.values()):
        commit(*sink, number, {0: 5, 1: 2})
    connection, second = sinks["b"]
    with second.transaction({}):
        second.fence_others()
    with pytest.raises(TransactionLostError, match="another instance has committed since") as fenced:
        commit(*sinks["a"], 7, {0: 6, 1: 2})
    assert fenced.value.is_fenced
    last = TABLE.instance(connection)
    assert last is not None
    assert last.id == "b"
    commit(*sinks["b"], 8, {0: 6, 1: 3})
    commit(*sinks["c"], 9, {0: 6, 1: 3})
    assert connections.written() == [0, 1, 2, 8, 9]


def test_of_two_instances_that_begin_at_once_one_is_fenced(connections: Connections) -> None:
    first, second = connections.sink("a"), connections.sink("b")
    commit(*first, 1, {0: 5, 1: 2})
    with pytest.raises(TransactionLostError) as fenced:
        commit(*second, 2, {0: 5, 1: 2})
    assert fenced.value.is_fenced
    assert connections.written() == [1]


def test_an_offset_that_another_program_moved_fences(connections: Connections) -> None:
    connection, sink = connections.sink("a")
    commit(connection, sink, 1, {0: 5, 1: 2})
    connections.open().execute("UPDATE consumed SET next_offset = 7 WHERE partition = 1")
    with pytest.raises(TransactionLostError, match="an offset is not the one that this instance has committed"):
        commit(connection, sink, 2, {0: 6, 1: 3})
    assert connections.written() == [1]
    assert connections.offsets() == {0: 5, 1: 7}


def test_a_take_over_waits_for_the_end_of_a_commit_in_progress(connections: Connections) -> None:
    connection, first = connections.sink("a")
    commit(connection, first, 1, {0: 5})
    taken: list[tuple[Connection, SqlSink]] = []
    taking = Thread(target=lambda: taken.append(connections.sink("b")))
    with first.transaction({0: 6}):
        taking.start()
        waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock')"
        watching = connections.open()
        wait_until(lambda: watching.execute(waiting).fetchone() == (True,), "the other instance waits")
        connection.execute("INSERT INTO written VALUES (2)")
    taking.join()
    [second] = taken
    assert second[1].next_offsets == {0: 6}
    commit(*second, 3, {0: 7})
    assert connections.written() == [1, 2, 3]


def test_a_take_over_does_not_wait_for_rows_that_are_being_copied(connections: Connections) -> None:
    connection, first = connections.sink("a")
    commit(connection, first, 1, {0: 5})
    connection.execute("CREATE TEMPORARY TABLE staged (number int)")

    def copy() -> None:
        with connection.cursor().copy("COPY staged FROM STDIN") as rows:
            rows.write_row((2,))
            commit(*connections.sink("b"), 3, {0: 7})

    with pytest.raises(TransactionLostError), first.transaction({0: 6}, copy):
        pytest.fail("it was fenced")
    assert connections.written() == [1, 3]


def test_the_last_transaction_says_that_the_instance_has_stopped(connections: Connections) -> None:
    connection, sink = connections.sink("a")
    assert TABLE.instance(connection) is None
    commit(connection, sink, 1, {0: 5})
    sink.heartbeat()
    assert TABLE.instance(connection) == Instance("a", heartbeats=2)
    with sink.last_transaction({0: 6}):
        pass
    assert TABLE.instance(connection) == Instance("a", heartbeats=3, is_active=False)
    assert connections.offsets() == {0: 6}


def test_topics_of_other_readers_clusters_and_ids_are_apart(connections: Connections) -> None:
    others = [
        TABLE._replace(reader={"model": "book"}),
        TABLE._replace(cluster_id="other"),
        TABLE._replace(topic="other"),
        TABLE._replace(topic_id="other"),
    ]
    commit(*connections.sink("a"), 1, {0: 5})
    for number, other in enumerate(others, 2):
        connection, sink = connections.sink("a", other)
        assert sink.next_offsets == {}
        assert sink.is_recreated is (other.topic_id == "other")
        commit(connection, sink, number, {0: number})
    assert connections.offsets() == {0: 5}
    assert TABLE.has_other_id(connections.open())


def test_a_frozen_database_is_noticed_within_the_retry_budget_but_no_wait_for_a_lock_is_cut() -> None:
    stopping = Event()
    assert answer_limit(60, stopping)[:2] == (60, stopping)
    assert answer_limit(1, stopping).seconds > LOCK_TIMEOUT_S
