"""A database that is frozen rather than away: connections stay open, and nothing answers."""

import json
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from metrics.postgres import local_server
from metrics.postgres.connect import connect
from tests.catalogue.kafka_job.impatient import SHORT, TRUE, Limits, with_limits
from tests.catalogue.kafka_job.topic import Expected, Record, Topic, movie, rows, sums
from tests.kafka.application import TIMEOUT_S, Application, finish, wait_until
from tests.postgres.databases import create_database, drop_database, with_database
from tests.postgres.frozen import frozen, server_processes

pytestmark = pytest.mark.slow

FREEZE_S = 3.0
SOON_S = 25.0  # 5 s for the answer, 3 s for a connection over which the end is stored, and a busy machine
RECORDS = [movie(f"Movie {number % 50}", 1 + number) for number in range(500)]


@dataclass
class Database:
    """A topic of movies, and the local server that it is loaded into."""

    topic: Topic
    folder: Path
    limits: Limits = TRUE

    def started(self, *options: str) -> subprocess.Popen[str]:
        """Start a load, and wait until it has begun."""
        loads = self.topic.query("SELECT count(*) FROM catalogue_load")
        process = self.topic.application.start(*self.topic.arguments("--json", *options))
        wait_until(lambda: self.topic.query("SELECT count(*) FROM catalogue_load") != loads, "it has begun")
        return process

    def heartbeats(self) -> int:
        [(number,)] = self.topic.query("SELECT (instance->>1)::int FROM catalogue_offset WHERE partition = 0")
        return int(number)

    def session(self) -> psutil.Process:
        """Return the server's process of the load that runs."""
        [(pid,)] = self.topic.query("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'")
        return psutil.Process(pid)

    @contextmanager
    def locked_table(self) -> Iterator[None]:
        """Lock the table while the context lasts, so that a load has to wait in the middle of its transaction."""
        with closing(connect(self.topic.application.variables["DATABASE_URL"])) as locking:
            locking.execute("BEGIN; LOCK TABLE movie IN EXCLUSIVE MODE")
            yield

    def await_commit(self) -> None:
        """Wait until a load is in the middle of its transaction, which has to wait for the table."""
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        wait_until(lambda: self.topic.query(waiting) == [(1,)], "a load waits for the table")

    def check(self, records: list[Record]) -> None:
        """Check rows, sums and offset: each record was loaded exactly once."""
        expected = Expected()
        expected.take(records)
        assert rows(self.topic) == expected.rows
        assert self.topic.committed() == len(records)
        assert self.topic.offsets() == [(0, len(records))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Give the folder and the URL of a server that only the test that runs uses."""
    folder = tmp_path_factory.mktemp("server")
    with local_server.shared(folder, print) as url:
        yield folder, url


@contextmanager
def empty(server: tuple[Path, str], application: Application, limits: Limits = TRUE) -> Iterator[Database]:
    """Create a database on the server, for as long as the context lasts."""
    folder, url = server
    name = create_database(url)
    yield Database(Topic(with_limits(application, limits), with_database(url, name), "movie"), folder, limits)
    drop_database(url, name)


@pytest.fixture
def database(server: tuple[Path, str], application: Application) -> Iterator[Database]:
    with empty(server, application) as database:
        yield database


@pytest.fixture(params=[SHORT, pytest.param(TRUE, marks=pytest.mark.long)], ids="{0.answer_s} s".format)
def limited(request: pytest.FixtureRequest, server: tuple[Path, str], application: Application) -> Iterator[Database]:
    """Give a database, and a load with short time limits; with --long, also with those that its users have."""
    with empty(server, application, request.param) as database:
        yield database


def stop(process: subprocess.Popen[str]) -> str:
    """Stop a load by Ctrl-C, and return what it printed."""
    process.send_signal(signal.SIGINT)
    return finish(process)


def test_a_server_that_freezes_at_random_moments_loses_and_doubles_nothing(database: Database) -> None:
    draw, process = random.Random(1), database.started()
    for at in range(0, len(RECORDS), 50):
        database.topic.send(RECORDS[at : at + 50])
        time.sleep(2 * draw.random())  # a commit comes every 1.5 s
        with frozen(server_processes(database.folder)):
            time.sleep(draw.random())
    wait_until(lambda: database.topic.committed() == len(RECORDS), "all are loaded")
    assert "retrying" not in stop(process)
    database.check(RECORDS)


def test_a_load_to_the_end_ends_after_a_freeze_in_the_middle_of_its_commit(database: Database) -> None:
    database.topic.send(RECORDS)
    with database.locked_table():
        process = database.started("--until-end")
        database.await_commit()
        with frozen(server_processes(database.folder)):
            time.sleep(FREEZE_S)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, errors
    assert sums(json.loads(output), "read") == [len(RECORDS)]
    database.check(RECORDS)


def test_a_commit_whose_time_ran_out_in_a_freeze_is_repeated(limited: Database) -> None:
    limited.topic.send(RECORDS)
    with limited.locked_table():
        process = limited.started("--until-end")
        limited.await_commit()
        with frozen(server_processes(limited.folder)):
            time.sleep(1.25 * limited.limits.lock_s)
        assert process.stderr is not None
        assert any("lock timeout" in line for line in process.stderr)
        assert any("resumed from the last commit" in line for line in process.stderr)
    assert sums(json.loads(process.communicate(timeout=TIMEOUT_S)[0]), "read") == [len(RECORDS)]
    limited.check(RECORDS)


def test_a_standby_takes_over_from_a_load_whose_session_is_frozen(database: Database) -> None:
    first = database.started()
    database.topic.send(RECORDS[:100])
    wait_until(lambda: database.topic.committed() == 100, "the first load has committed")
    session, before = database.session(), database.heartbeats()
    wait_until(lambda: database.heartbeats() > before, "a transaction has just ended")
    with frozen([session]):
        database.topic.send(RECORDS[100:])
        second = database.topic.application.start(*database.topic.arguments("--json"))
        wait_until(lambda: database.topic.committed() == len(RECORDS), "the second load has loaded the others")
    assert "another instance took over" in finish(first, exit_code=8)
    assert "has sent no heartbeat for" in stop(second)
    database.check(RECORDS)


def test_a_session_that_is_frozen_in_the_middle_of_its_commit_keeps_a_standby_waiting(limited: Database) -> None:
    first = limited.started()
    with limited.locked_table():
        limited.topic.send(RECORDS[:100])
        limited.await_commit()
        session = limited.session()
        session.suspend()
    try:
        second = limited.topic.application.start(*limited.topic.arguments("--json"))
        assert second.stderr is not None
        assert any("lock timeout" in line for line in second.stderr), "it may not take over yet"
        assert limited.topic.committed() == 0
    finally:
        session.resume()
    limited.topic.send(RECORDS[100:])
    wait_until(lambda: limited.topic.committed() == len(RECORDS), "all are loaded")
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=TIMEOUT_S)
    assert first.returncode in (0, 8), "it was active, or the second one was faster"
    stop(second)
    limited.check(RECORDS)


def idle_session(database: Database) -> psutil.Process:
    """Return the server's process of the load that runs, just after a transaction: it has locked no row."""
    before = database.heartbeats()
    wait_until(lambda: database.heartbeats() > before, "a transaction has just ended")
    return database.session()


def test_a_session_that_is_frozen_is_an_outage_that_a_new_session_ends(limited: Database) -> None:
    limited.topic.application.variables["DATABASE_TIMEOUT_S"] = f"{limited.limits.answer_s}"
    process = limited.started()
    with frozen([idle_session(limited)]):
        limited.topic.send(RECORDS)
        assert process.stderr is not None
        assert any(
            f"the database does not answer: nothing came for {limited.limits.answer_s} s" in line
            for line in process.stderr
        )
        wait_until(lambda: limited.topic.committed() == len(RECORDS), "a new session has loaded them")
    assert "resumed from the last commit" in stop(process)
    limited.check(RECORDS)


def test_a_server_that_stays_frozen_is_given_up(limited: Database) -> None:
    limited.topic.application.variables["DATABASE_TIMEOUT_S"] = "1"
    limited.topic.send(RECORDS)
    process = limited.started()
    wait_until(lambda: limited.topic.committed() == len(RECORDS), "they are loaded")
    with frozen(server_processes(limited.folder)):
        _, errors = process.communicate(timeout=2 * TIMEOUT_S)
    assert process.returncode == 10, errors
    assert f"the database does not answer: nothing came for {limited.limits.answer_s} s" in errors
    limited.check(RECORDS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_a_load_whose_session_is_frozen(database: Database, number: signal.Signals) -> None:
    process = database.started()
    with frozen([idle_session(database)]):
        database.topic.send(RECORDS)
        check_that_it_ends_soon(process, number)
    assert sums(database.topic.load(), "read") == [len(RECORDS)]
    database.check(RECORDS)


def test_one_signal_ends_a_load_whose_server_is_frozen_in_the_middle_of_a_commit(database: Database) -> None:
    database.topic.send(RECORDS)
    with database.locked_table():
        process = database.started()
        database.await_commit()
        with frozen(server_processes(database.folder)):
            check_that_it_ends_soon(process, signal.SIGINT)
    assert sums(database.topic.load(), "read") == [len(RECORDS)]
    database.check(RECORDS)


def check_that_it_ends_soon(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal to a load that waits for an answer, and see it end without one."""
    began_s = time.monotonic()
    process.send_signal(number)
    assert "the database does not answer: nothing came for 5 s" in finish(process, exit_code=10)
    assert time.monotonic() - began_s < SOON_S
