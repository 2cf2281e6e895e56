"""The runner with another system than frames: sums by key, rows and offset in one transaction of a database.

Nothing is committed for the consumer group here, so the runner must not rely on it. SQLite stands in for PostgreSQL.
"""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING

import msgspec
import pytest
from confluent_kafka import Consumer

from metrics.kafka.job import runner as runner_module
from metrics.kafka.job import standby
from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.runner import Runner
from metrics.kafka.job.seams import Clients, TransactionLostError
from metrics.kafka.settings import KafkaSettings
from metrics.wording.errors import BrokerError, FencedError, ReplacedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS = [(f"k{number % 7}", number) for number in range(500)]
SUMS = {f"k{key}": sum(range(key, 500, 7)) for key in range(7)}


class DatabaseError(UnavailableError):
    """A database that does not answer: here, one that another connection has locked."""


@contextmanager
def database_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise DatabaseError("the database does not answer", why=str(error)) from error


class TableSink:
    """Rows, and the offset after the records that they are of, all or nothing."""

    def __init__(self, database: sqlite3.Connection, instance: Instance) -> None:
        self._database = database
        self._instance = instance
        with database_errors():
            database.execute("UPDATE consumed SET instance = ?", (self._written(),))
            [(self.next_offset,)] = database.execute("SELECT next_offset FROM consumed")

    def _written(self) -> bytes:
        return msgspec.json.encode(self._instance)

    def commit(self, sums: dict[str, int], next_offset: int) -> None:
        mine, self._instance = self._written(), self._instance.with_heartbeat()
        with database_errors(), self._database:
            self._database.execute("BEGIN")
            for key, number in sums.items():
                upsert = "INSERT INTO sums VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET sum = sum + excluded.sum"
                self._database.execute(upsert, (key, number))
            changed = self._database.execute(
                "UPDATE consumed SET next_offset = ?, instance = ? WHERE next_offset = ? AND instance = ?",
                (next_offset, self._written(), self.next_offset, mine),
            )
            if changed.rowcount != 1:
                raise TransactionLostError(BrokerError("the offset was moved by another instance"), is_fenced=True)
        self.next_offset = next_offset

    def close(self) -> None: ...


class Summing:
    """Processor of records in batches of drawn sizes; `on_connect`, `before_commit` and `after_commit` may fail."""

    def __init__(self, database: sqlite3.Connection, draw: random.Random) -> None:
        self._database = database
        self._draw = draw
        self.on_connect: Callable[[], None] = lambda: None
        self.before_commit: Callable[[], None] = lambda: None
        self.after_commit: Callable[[], None] = lambda: None
        self.calls: list[str] = []
        self.work = "the sums of the topic numbers"
        self.sink: TableSink

    def connect(self, clients: Clients) -> None:
        assert clients.consumer is not None
        self.calls.append("connect")
        self.on_connect()

    def last_instance(self, consumer: Consumer) -> Instance | None:
        assert consumer is not None
        with database_errors():
            [(written,)] = self._database.execute("SELECT instance FROM consumed")
        return msgspec.json.decode(written, type=Instance) if written else None

    def open_sink(self, instance: Instance, budget: RetryBudget) -> TableSink:
        assert budget is not None
        self.calls.append("open_sink")
        self.sink = TableSink(self._database, instance)
        return self.sink

    def restore(self) -> None:
        self.calls.append("restore")

    def run(self) -> None:
        self.calls.append("run")
        while self.sink.next_offset < len(RECORDS):
            batch = RECORDS[self.sink.next_offset :][: self._draw.randrange(1, 60)]
            sums: dict[str, int] = {}
            for key, number in batch:
                sums[key] = sums.get(key, 0) + number
            self.before_commit()
            self.sink.commit(sums, self.sink.next_offset + len(batch))
            self.after_commit()

    def release(self) -> bool:
        return True


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connection(tmp_path)) as made:
        made.execute("PRAGMA synchronous = OFF")
        made.execute("CREATE TABLE sums (key TEXT PRIMARY KEY, sum INTEGER)")
        made.execute("CREATE TABLE consumed (next_offset INTEGER, instance BLOB)")
        made.execute("INSERT INTO consumed VALUES (0, NULL)")
        yield made


def connection(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "database", timeout=0, isolation_level=None)


class Outage:
    """An outage of the database: another connection locks it, until the processor has been connected again so often."""

    def __init__(self, folder: Path) -> None:
        self._other = connection(folder)
        self.connects = 0

    def begin(self, connects: int) -> None:
        self._other.execute("BEGIN EXCLUSIVE")
        self.connects = connects

    def connect(self) -> None:
        self.connects -= 1
        if self.connects == 0:
            self.end()

    def end(self) -> None:
        self._other.close()


@pytest.fixture(autouse=True)
def clients_of_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    for opens in ("open_consumer", "open_admin", "open_asker"):
        monkeypatch.setattr(runner_module, opens, lambda *_, **__: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(runner_module, "RETRY_S", 0.0)
    monkeypatch.setattr(standby, "LOOK_S", 0.0)


def started(processor: Summing, *, waits: bool = False) -> Runner:
    runner = Runner(processor, KafkaSettings(), Event(), is_forced=not waits)
    assert runner.start(lambda _: None, processor.restore, waits=waits)
    return runner


def rows(database: sqlite3.Connection) -> dict[str, int]:
    return dict(database.execute("SELECT key, sum FROM sums ORDER BY key"))


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_lost_the_rows_equal_those_of_a_run_without_faults(database: sqlite3.Connection, seed: int) -> None:
    draw = random.Random(seed)
    processor = Summing(database, draw)

    def fail_sometimes() -> None:
        if draw.random() < 0.2:
            lost = TransactionLostError(BrokerError("away"), is_fenced=False)
            raise draw.choice([lost, BrokerError("away")])

    processor.before_commit = processor.after_commit = fail_sometimes
    started(processor).run(lambda _: None)
    assert rows(database) == SUMS


def test_after_a_lost_transaction_clients_are_reopened_and_the_last_commit_is_restored(
    database: sqlite3.Connection,
) -> None:
    processor, reports, failures = (
        Summing(database, random.Random(1)),
        list[str](),
        [BrokerError("away", why="it hangs")],
    )

    def fail_once() -> None:
        if failures:
            raise TransactionLostError(failures.pop(), is_fenced=False)

    processor.before_commit = fail_once
    started(processor).run(reports.append)
    assert processor.calls == ["connect", "open_sink", "restore", "run"] * 2
    assert reports[0] == "away; retrying for up to 60 s\nwhy: it hangs"
    assert reports[1].startswith("resumed from the last commit after ")


@pytest.mark.parametrize(("waits", "kind"), [(True, FencedError), (False, ReplacedError)])
def test_an_instance_that_another_one_fenced_commits_nothing_more(
    database: sqlite3.Connection, *, waits: bool, kind: type[FencedError]
) -> None:
    first, second = Summing(database, random.Random(1)), Summing(database, random.Random(2))

    def take_over() -> None:
        if first.sink.next_offset > 200 and not second.calls:
            if waits:  # the second one saw no heartbeats, so it does not know of the first
                database.execute("UPDATE consumed SET instance = NULL")
            started(second, waits=waits).run(lambda _: None)

    first.before_commit = take_over
    with pytest.raises(kind, match="another instance took over the sums of the topic numbers") as fenced:
        started(first).run(lambda _: None)
    assert type(fenced.value) is kind
    assert rows(database) == SUMS


def test_a_standby_takes_over_once_the_active_instance_has_stopped(database: sqlite3.Connection) -> None:
    looks: list[str] = []
    active = Instance("active", heartbeats=1)

    class Waiting(Summing):
        def last_instance(self, consumer: Consumer) -> Instance | None:
            assert consumer is not None
            looks.append("look")
            return active if len(looks) < 3 else active.stopped()

    reports: list[str] = []
    processor = Waiting(database, random.Random(1))
    runner = Runner(processor, KafkaSettings(), Event())
    assert runner.start(reports.append, processor.restore, waits=True)
    assert reports == ["standby: instance active is active; --take-over starts without waiting"]
    assert looks == ["look"] * 3
    assert processor.calls == ["connect", "connect", "open_sink", "restore"]  # its clients may have waited for days


def test_a_database_that_is_away_for_a_while_is_retried_and_the_run_resumes(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    processor, outage, reports = Summing(database, random.Random(1)), Outage(tmp_path), list[str]()

    def lose_database() -> None:
        if processor.sink.next_offset > 200 and not reports:
            outage.begin(connects=3)

    processor.before_commit = lose_database
    runner = started(processor)
    processor.on_connect = outage.connect
    runner.run(reports.append)
    # the first two times, it can neither take over nor restore
    start = ["connect", "open_sink"]
    assert processor.calls == [*start, "restore", "run", *start * 3, "restore", "run"]
    assert reports[0] == "the database does not answer; retrying for up to 60 s\nwhy: database is locked"
    assert reports[1].startswith("resumed from the last commit after ")
    assert len(reports) == 2
    assert rows(database) == SUMS


def test_a_database_that_is_away_at_the_start_is_waited_for(database: sqlite3.Connection, tmp_path: Path) -> None:
    processor, outage = Summing(database, random.Random(1)), Outage(tmp_path)
    processor.on_connect = outage.connect
    outage.begin(connects=3)
    runner = started(processor, waits=True)
    assert processor.calls == ["connect"] * 3 + ["open_sink", "restore"]
    runner.run(lambda _: None)
    assert rows(database) == SUMS


def test_a_database_that_stays_away_ends_the_run_with_its_own_error(
    database: sqlite3.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, outage = [100.0], Outage(tmp_path)
    monkeypatch.setattr("metrics.kafka.job.retry.monotonic", lambda: now_s[0])
    processor = Summing(database, random.Random(1))
    runner = started(processor)

    def let_time_pass() -> None:
        now_s[0] += 10.0

    processor.on_connect = let_time_pass
    outage.begin(connects=0)
    with pytest.raises(DatabaseError, match="the database does not answer"):
        runner.run(lambda _: None)
    assert now_s[0] == 160.0
    outage.end()
    assert rows(database) == {}


def test_a_broker_that_stays_away_is_given_up_when_the_budget_is_spent(
    database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [100.0]
    monkeypatch.setattr("metrics.kafka.job.retry.monotonic", lambda: now_s[0])
    processor = Summing(database, random.Random(1))
    runner = started(processor)

    def be_away(*_: object) -> None:
        now_s[0] += 10.0
        raise BrokerError("no broker answers", why="refused")

    processor.before_commit = be_away
    monkeypatch.setattr(runner_module, "open_admin", be_away)
    with pytest.raises(BrokerError, match="no broker answers"):
        runner.run(lambda _: None)
    assert now_s[0] == 170.0
    assert rows(database) == {}
