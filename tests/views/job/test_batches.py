"""Whatever the batches, and wherever they fail, the tables are those of the plain recount."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Self

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.seams import TransactionLostError
from metrics.kafka.job.sql_sink import Connection, OffsetTable, SqlSink
from metrics.views import schema
from metrics.views.core.event import MAX_TIMESTAMP, InvalidEventError, Reason, read_event
from metrics.views.job.batch import Batch
from metrics.views.job.sink import CountSink
from metrics.views.settings import ViewsSettings
from metrics.wording.errors import DatabaseError, StateError
from tests.examples import examples
from tests.postgres.databases import create_database, drop_database, with_database
from tests.views.job.tables import check_counted_once, read_tables

SETTINGS = ViewsSettings()
TABLE = OffsetTable("consumed", {}, "cluster", "view-events", "topic")
PARTITIONS = 2
NOW_S = 1_764_288_000  # 2025-11-28T00:00:00Z
DAY_S = 86_400


@dataclass(frozen=True)
class Message:
    """A message of the topic."""

    number: int
    at: int
    content: bytes | None

    def topic(self) -> str:
        return "view-events"

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.at

    def key(self) -> None:
        return None

    def value(self) -> bytes | None:
        return self.content

    def timestamp(self) -> tuple[int, int]:
        return 0, -1

    def headers(self) -> None:
        return None


def read_reasons(value: bytes) -> Sequence[Reason]:
    with pytest.raises(InvalidEventError) as error:
        read_event(value)
    return error.value.reasons


def event(identity: str, user: int, media: int, kind: str = "waypoint", at_s: int = NOW_S) -> bytes:
    fields: dict[str, Any] = {"EventId": identity, "MediaId": media, "UserId": user, "Timestamp": at_s}
    return json.dumps(fields | {"DateTime": "2025-11-28T00:00:00Z", "EventType": kind}).encode()


@pytest.fixture(scope="module")
def url(database_server: str) -> Iterator[str]:
    name = create_database(database_server)
    made = with_database(database_server, name)
    with closing(schema.connect_to_schema(made, SETTINGS)) as connection:
        schema.init(connection, SETTINGS)
    yield made
    drop_database(database_server, name)


class Log:
    """The topic: records by partition and offset."""

    def __init__(self) -> None:
        self.records: dict[tuple[int, int], bytes | None] = {}

    def add(self, partition: int, value: bytes | None) -> Self:
        offset = sum(number == partition for number, _ in self.records)
        self.records[partition, offset] = value
        return self

    def after(self, offsets: Mapping[int, int]) -> list[Message]:
        """Return the messages after these offsets."""
        return [Message(*key, value) for key, value in self.records.items() if key[1] >= offsets[key[0]]]


class Job:
    """A driver of the sink without a broker: it counts what it is given, and resumes from the committed offsets."""

    def __init__(self, url: str, now_s: float = NOW_S, days: int = 31, table: OffsetTable = TABLE) -> None:
        self.now_s = now_s
        self.reported: list[str] = []
        self.connection = schema.open_views(url, SETTINGS)
        offsets = SqlSink(self.connection, table, Instance("a"))
        budget = RetryBudget(60.0, Event())
        budget.report = self.reported.append
        self.sink = CountSink(self.connection, offsets, budget, days, lambda: self.now_s)

    def begin(self) -> Self:
        self.sink.begin(self.sink.offsets.next_offsets or dict.fromkeys(range(PARTITIONS), 0))
        return self

    def since_s(self) -> int:
        """Return the time before which no minutes are kept, after a heartbeat."""
        assert self.sink.commit([], {}, Event())
        [since_s] = (
            self.connection.execute("SELECT extract(epoch FROM since)::bigint FROM minutes_kept").fetchone() or ()
        )
        return int(since_s)

    def count(self, messages: list[Message]) -> None:
        ends = {message.number: message.at + 1 for message in messages}
        assert self.sink.commit(messages, ends, Event())

    def count_and_fail(self, messages: list[Message]) -> None:
        batch = Batch(messages)
        with self.sink.offsets.transaction({}, lambda: self.sink._stage(batch)):
            self.sink._count(batch)
            self.connection.execute("SELECT 1 / 0")

    def uncounted(self, log: Log) -> list[Message]:
        return log.after(self.sink.offsets.next_offsets)


@contextmanager
def opened(url: str, now_s: float = NOW_S, days: int = 31) -> Iterator[Job]:
    job = Job(url, now_s, days)
    try:
        yield job.begin()
    finally:
        job.sink.close()


def emptied(url: str) -> Connection:
    connection = schema.open_views(url, SETTINGS)
    connection.execute(
        "TRUNCATE consumed, counts, seen, invalid, viewer, media, user_media, media_quarter, media_minute, quarter, "
        "minute; UPDATE minutes_kept SET since = 'epoch'"
    )
    return connection


TIMES = st.sampled_from([NOW_S, NOW_S + 59, NOW_S + 60, NOW_S + 900, NOW_S - 31 * DAY_S - 1, NOW_S - 31 * DAY_S])
KINDS = st.sampled_from(["waypoint", "waypoint", "streamstart", "streamstop", "streamend"])
EVENTS = st.builds(event, st.sampled_from("abcdefghijkl"), st.integers(1, 3), st.integers(1, 3), KINDS, TIMES)
VALUES = st.one_of(EVENTS, EVENTS, EVENTS, st.sampled_from([None, b"", b"{", b'{"EventId": "\\u0000\\ud800"}']))
RECORDS = st.lists(st.tuples(st.integers(0, PARTITIONS - 1), VALUES), max_size=40)
FATES = st.lists(st.tuples(st.integers(1, 12), st.sampled_from(["counted", "counted", "rolled back", "not answered"])))


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records=RECORDS, fates=FATES)
def test_whatever_the_batches_and_their_fates_the_tables_are_those_of_the_recount(
    url: str, records: list[tuple[int, bytes | None]], fates: list[tuple[int, str]]
) -> None:
    log = Log()
    for partition, value in records:
        log.add(partition, value)
    with closing(emptied(url)) as connection:
        for size, fate in fates:
            with opened(url) as job:
                messages = job.uncounted(log)[:size]
                if fate == "rolled back":
                    with pytest.raises(DatabaseError):
                        job.count_and_fail(messages)
                else:
                    job.count(messages)  # "not answered": committed, but the next sink is the first to know
        with opened(url) as job:
            job.count(job.uncounted(log))
            job.sink.finish()
        check_counted_once(connection, log.records)
        ends = {number: sum(key[0] == number for key in log.records) for number in range(PARTITIONS)}
        assert TABLE.next_offsets(connection) == ends


def test_of_one_id_the_first_event_counts_whatever_its_copies_say(url: str) -> None:
    with closing(emptied(url)) as connection, opened(url) as job:
        log = Log().add(0, event("a", 1, 7)).add(0, event("a", 1, 8)).add(1, event("b", 2, 7))
        job.count(job.uncounted(log))
        log.add(0, event("b", 9, 9, "streamstart")).add(1, event("c", 2, 7))
        job.count(job.uncounted(log))
        found = read_tables(connection)
        assert found.media == {7: (3, 0, 0, 0, 2, 1 + 4)}
        assert found.user_media == {(7, 1): 1, (7, 2): 2}
        assert found.counts == {0: (3, 1, 2, 0), 1: (2, 2, 0, 0)}
        assert (found.users, found.viewers) == (2, {1, 2})
        assert job.sink.counts == (5, 3, 2, 0, 2)


def test_users_with_only_starts_count_as_users_but_are_no_viewers(url: str) -> None:
    with closing(emptied(url)) as connection, opened(url) as job:
        job.count(Log().add(0, event("a", 1, 7, "streamstart")).add(0, event("b", 2, 7)).after({0: 0, 1: 0}))
        found = read_tables(connection)
        assert found.users == 2
        assert found.media == {7: (1, 1, 0, 0, 1, 1)}


def test_the_largest_ids_and_the_last_second_of_time_are_counted(url: str) -> None:
    most = 2**63 - 1
    with closing(emptied(url)) as connection, opened(url) as job:
        log = Log().add(0, event("a", most, most, at_s=MAX_TIMESTAMP)).add(0, event("b", 0, 2**53 + 1, at_s=0))
        job.count(job.uncounted(log))
        check_counted_once(connection, log.records)
        assert read_tables(connection).user_media == {(most, most): 1, (2**53 + 1, 0): 1}


def test_an_invalid_record_is_stored_with_its_position_and_reasons(url: str) -> None:
    with closing(emptied(url)) as connection, opened(url) as job:
        job.count(Log().add(1, b"{}").after({0: 0, 1: 0}))
        [row] = connection.execute("SELECT topic_id, partition, record_offset, reasons FROM invalid")
        assert row[:3] == ("topic", 1, 0)
        assert "Missing EventId" in row[3]


def test_of_an_offset_that_a_topic_gave_away_twice_the_last_invalid_record_is_stored(url: str) -> None:
    with closing(emptied(url)) as connection, opened(url) as job:
        job.count([Message(1, 0, b"{}")])
        job.count([Message(1, 0, b'"\\t\x00\xff')])
        assert connection.execute("SELECT partition, record_offset, reasons FROM invalid").fetchall() == [
            (1, 0, [reason.text for reason in read_reasons(b'"\\t\x00\xff')])
        ]


def test_minutes_of_long_ago_are_deleted_and_none_are_added(url: str) -> None:
    log = Log().add(0, event("a", 1, 7, at_s=NOW_S - DAY_S)).add(0, event("b", 1, 7, at_s=NOW_S + 3 * DAY_S))
    with closing(emptied(url)) as connection:
        with opened(url, days=1) as job:
            job.count(job.uncounted(log))
            assert {*read_tables(connection).minute} == {NOW_S - DAY_S, NOW_S + 3 * DAY_S}
        with opened(url, NOW_S + DAY_S, days=1) as job:
            job.sink.commit([], {}, Event())  # a heartbeat is enough
            assert connection.execute("SELECT count(*) FROM media_minute").fetchone() == (1,)
            assert connection.execute("SELECT count(*) FROM minute").fetchone() == (1,)
            log.add(0, event("c", 1, 7, at_s=NOW_S - 1))
            job.count(job.uncounted(log))
        with opened(url, NOW_S, days=1) as job:  # a clock that went back moves nothing back
            log.add(0, event("d", 1, 7, at_s=NOW_S - 1))
            job.count(job.uncounted(log))
        found = read_tables(connection)
        assert {*found.minute} == {NOW_S + 3 * DAY_S}
        assert {*found.quarter} == {NOW_S - DAY_S, NOW_S - 900, NOW_S + 3 * DAY_S}
        check_counted_once(connection, log.records)


def test_many_old_minutes_are_deleted_in_small_transactions(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metrics.views.job.sink.MOST_DELETED", 2)
    log = Log()
    for number in range(5):
        log.add(0, event(f"{number}", 1, number, at_s=NOW_S - 900 + 60 * number))
    with closing(emptied(url)) as connection:
        with opened(url) as job:
            job.count(job.uncounted(log))
        with opened(url, NOW_S + 31 * DAY_S) as job:
            left: list[int] = []
            for _ in range(4):
                job.sink.commit([], {}, Event())
                left += connection.execute("SELECT count(*) FROM media_minute").fetchone() or ()
                assert read_tables(connection).media_minute == {}
            assert left == [3, 1, 0, 0]


def test_a_leap_of_the_clock_deletes_nothing_unless_it_lasts_for_an_hour(url: str) -> None:
    since_s = NOW_S - DAY_S
    with closing(emptied(url)), opened(url, days=1) as job:
        assert job.since_s() == since_s
        for _ in range(2):  # wrong for some minutes, twice
            job.now_s = NOW_S + 3 * DAY_S
            assert job.since_s() == since_s
            job.now_s = NOW_S
            assert job.since_s() == since_s
        assert len(job.reported) == 2
        assert "the clock is 3 days later" in job.reported[0]
        job.now_s = NOW_S + 3 * DAY_S
        assert job.since_s() == since_s
        job.now_s += 3_599
        assert job.since_s() == since_s
        job.now_s += 1
        assert job.since_s() == since_s + 3 * DAY_S + 3_600


def test_of_the_clocks_of_the_job_and_of_the_database_the_earlier_one_counts(url: str) -> None:
    with closing(emptied(url)), opened(url, time.time() + 9_000 * DAY_S, days=1) as job:
        assert time.time() - 2 * DAY_S < job.since_s() < time.time()


def test_of_two_topics_that_are_counted_first_at_once_the_schema_takes_one(url: str) -> None:
    others = [TABLE._replace(topic="other", topic_id="b"), TABLE._replace(cluster_id="other", topic_id="c")]
    with closing(emptied(url)) as connection:
        jobs = [Job(url, table=table) for table in (TABLE, *others)]
        first, *later = jobs
        first.begin()
        for job in later:
            with pytest.raises(StateError, match="another job began to count the topic view-events"):
                job.begin()
        for job in jobs:
            job.sink.close()
        assert connection.execute("SELECT DISTINCT topic_id FROM consumed").fetchall() == [("topic",)]
        after = Job(url, table=others[1])
        assert after.sink.others == {("cluster", "view-events", "topic")}
        after.begin()  # what it knows, its processor has refused or accepted
        after.sink.close()


def test_a_job_that_is_suspended_while_it_copies_keeps_no_other_one_out(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log().add(0, event("a", 1, 7)).add(0, None)
    with closing(emptied(url)) as connection, opened(url) as first:
        stage = first.sink._stage

        def stage_until_taken_over(batch: Batch) -> None:
            stage(batch)
            with opened(url) as second:
                second.count(second.uncounted(log))

        monkeypatch.setattr(first.sink, "_stage", stage_until_taken_over)
        with pytest.raises(TransactionLostError):
            first.count(first.uncounted(log))
        check_counted_once(connection, log.records)


def test_a_second_job_is_fenced_and_changes_nothing(url: str) -> None:
    with closing(emptied(url)) as connection, opened(url) as first, opened(url) as second:
        log = Log().add(0, event("a", 1, 7))
        second.count(second.uncounted(log))
        with pytest.raises(TransactionLostError) as lost:
            first.count(log.after({0: 0, 1: 0}))
        assert lost.value.is_fenced
        check_counted_once(connection, log.records)


def test_two_transactions_that_insert_the_same_keys_do_not_deadlock(url: str) -> None:
    """Before the first commit there is no row that lets only one in, so both may write at once."""
    log = Log()
    for number in range(200):
        log.add(number % 2, event(f"{number}", number % 50, number % 20, at_s=NOW_S + 60 * (number % 30)))
    backwards = [*reversed(log.after({0: 0, 1: 0}))]
    errors: list[BaseException] = []

    def count(job: Job, messages: list[Message]) -> None:
        try:
            with job.connection.transaction():
                job.sink._stage(Batch(messages))
                job.sink._count(Batch(messages))
        except psycopg.Error as error:
            errors.append(error)

    with closing(emptied(url)) as connection, opened(url) as first, opened(url) as second:
        for _ in range(10):
            connection.execute("TRUNCATE seen, media, user_media, media_quarter, media_minute, quarter, minute, viewer")
            threads = [
                Thread(target=count, args=each) for each in [(first, log.after({0: 0, 1: 0})), (second, backwards)]
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert errors == []
