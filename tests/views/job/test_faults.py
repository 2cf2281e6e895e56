"""Exactly once: whatever fails, wherever it is killed, the tables are those of one count without a fault."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.postgres import local_server
from tests.kafka.application import TIMEOUT_S, Application, finish, wait_until
from tests.postgres.frozen import frozen, server_processes
from tests.postgres.proxy import CuttingProxy
from tests.views.job.topic import PARTITIONS, Topic, drawn, event

pytestmark = pytest.mark.slow


@pytest.fixture
def topic(application: Application, database_url: str) -> Topic:
    return Topic(application, database_url)


def stopped(process: subprocess.Popen[str]) -> str:
    """Stop a job, and return what it wrote on standard error."""
    process.send_signal(signal.SIGINT)
    return finish(process)


def await_read(topic: Topic) -> None:
    wait_until(lambda: topic.read() == len(topic.records), "all are counted")


def outcomes(topic: Topic) -> tuple[int, int]:
    """Return how many records were counted, and how many are duplicates."""
    [(counted, duplicates)] = topic.query("SELECT sum(counted)::int, sum(duplicates)::int FROM counts")
    return counted, duplicates


def killed_at_random_moments(topic: Topic, kills: int, seed: int) -> None:
    draw = random.Random(seed)
    topic.application.variables["VIEWS_BATCH"] = "300"
    for number in range(kills):
        process = topic.started()
        before = topic.read()
        topic.send(drawn(seed * 1000 + number, 2_000))
        if draw.random() < 0.7:
            wait_until(lambda before=before: topic.read() > before, "something is counted")  # type: ignore[misc]
        time.sleep(draw.random() * 0.3)
        process.kill()
        process.communicate()
    topic.count()
    topic.check()


def test_killed_at_random_moments_each_event_is_counted_exactly_once(topic: Topic) -> None:
    killed_at_random_moments(topic, kills=4, seed=1)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_hundred_kills_of_the_job(topic: Topic) -> None:
    killed_at_random_moments(topic, kills=100, seed=2)


def killed_databases(application: Application, folder: Path, kills: int) -> None:
    draw = random.Random(kills)
    application.variables["VIEWS_BATCH"] = "300"
    with local_server.shared(folder, print) as url:
        topic = Topic(application, url)
        process = topic.started()
        wait_until(topic.has_begun, "it has begun")
        for number in range(kills):
            before = topic.read()
            topic.send(drawn(number, 2_000))
            wait_until(lambda before=before: topic.read() > before, "something is counted")  # type: ignore[misc]
            time.sleep(draw.random() * 0.1)
            first, *_ = server_processes(folder)
            first.kill()
            wait_until(lambda: not local_server.is_running(folder), "it has ended")
            with started_again(folder):
                await_read(topic)
        with started_again(folder):
            assert "resumed from the last commit" in stopped(process)
            topic.check()


@contextmanager
def started_again(folder: Path) -> Iterator[None]:
    """Start the database again; it is left to be killed."""
    with local_server.shared(folder, print):
        yield


def test_a_database_that_is_killed_in_the_middle_is_waited_for(application: Application, tmp_path: Path) -> None:
    killed_databases(application, tmp_path, kills=1)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_twenty_kills_of_the_database(application: Application, tmp_path: Path) -> None:
    killed_databases(application, tmp_path, kills=20)


def test_a_connection_that_is_lost_during_a_commit_doubles_nothing(
    topic: Topic, tmp_path: Path, database_url: str
) -> None:
    with CuttingProxy(tmp_path, database_url) as proxy:
        topic.application.variables["DATABASE_URL"] = proxy.url
        process = topic.started()
        topic.send(drawn(5, 300))
        await_read(topic)  # so it has started
        for number in range(5):
            cuts = proxy.cuts
            proxy.cut_at_next_commit()
            topic.send(drawn(number, 300))
            wait_until(lambda cuts=cuts: proxy.cuts > cuts, "a commit was cut")  # type: ignore[misc]
        await_read(topic)
        assert "resumed from the last commit" in stopped(process)
    topic.check()


def test_an_outage_while_it_starts_is_reported_and_so_is_its_end(
    topic: Topic, tmp_path: Path, database_url: str
) -> None:
    with CuttingProxy(tmp_path, database_url) as proxy:
        topic.application.variables["DATABASE_URL"] = proxy.url
        proxy.cut_at_next_commit()
        process = topic.started()
        topic.send(drawn(1, 300))
        await_read(topic)
        before, after = stopped(process).split("retrying for up to 60 s\n")
        assert proxy.cuts == 1
        assert "started after" not in before
        assert "\nstarted after " in after
    topic.check()


def test_a_job_fences_one_that_counts_a_topic_of_another_cluster_into_the_same_tables(topic: Topic) -> None:
    #                                                      id    commits, is active
    other = ("another cluster", topic.name, "its id", 0, 5, '["ab", 7, true]')
    with topic.connected() as connection:
        connection.execute("INSERT INTO consumed VALUES (%s, %s, %s, %s, %s, %s)", other)
    topic.send(drawn(1, 300))
    assert "of another cluster" in topic.count(exit_code=7)
    before = "SELECT instance ->> 0 FROM consumed WHERE cluster_id = 'another cluster'"
    assert topic.query(before) == [("ab",)], "a job that is refused fences none"
    topic.count("--accept-loss")
    [(fencing,)] = topic.query(before)
    assert [(fencing,)] == topic.query(
        "SELECT instance ->> 0 FROM consumed WHERE cluster_id <> %s AND partition = 0", other[0]
    )


def test_of_two_jobs_the_second_is_a_standby_until_the_first_is_killed(topic: Topic) -> None:
    first = topic.started()
    wait_until(topic.has_begun, "the first one has begun")
    second = topic.started()
    assert second.stderr is not None
    assert "standby: instance" in second.stderr.readline()
    topic.send(drawn(1, 250))
    await_read(topic)
    first.kill()
    topic.send(drawn(2, 250))
    await_read(topic)
    stopped(second)
    topic.check()


def test_a_job_whose_events_wait_for_a_minute_shows_that_it_is_active(topic: Topic) -> None:
    topic.application.variables["VIEWS_COMMIT_S"] = "60"
    process = topic.started()
    wait_until(topic.has_begun, "it has begun")
    topic.send(drawn(1, 10))

    def heartbeats() -> int:
        [(number,)] = topic.query("SELECT (instance->>1)::int FROM consumed WHERE partition = 0")
        return int(number)

    before = heartbeats()
    wait_until(lambda: heartbeats() >= before + 2, "it sends heartbeats")
    assert topic.read() == 0
    stopped(process)
    topic.check()


def test_a_job_that_another_one_takes_over_from_ends_with_exit_code_8(topic: Topic) -> None:
    first = topic.started()
    wait_until(topic.has_begun, "the first one has begun")
    topic.send(drawn(1, 3_000))
    second = topic.started("--take-over")
    fenced = finish(first, exit_code=8)
    assert f"another instance took over the counting of {topic.name} into the schema views" in fenced
    topic.send(drawn(2, 1_000))
    await_read(topic)
    stopped(second)
    topic.check()


def test_with_standby_a_job_that_was_taken_over_from_waits_and_counts_again(topic: Topic) -> None:
    first = topic.started("--standby")
    wait_until(topic.has_begun, "the first one has begun")
    topic.send(drawn(1, 100))
    await_read(topic)
    second = topic.started("--take-over")
    assert first.stderr is not None
    assert any("standby: instance" in line for line in first.stderr)
    topic.send(drawn(2, 100))
    await_read(topic)
    stopped(second)
    topic.send(drawn(3, 100))
    await_read(topic)
    stopped(first)
    topic.check()


def test_a_job_that_hung_changes_nothing_after_another_one_took_over(topic: Topic) -> None:
    first = topic.started()
    topic.send(drawn(1, 100))
    await_read(topic)
    first.send_signal(signal.SIGSTOP)
    second = topic.started("--take-over")
    topic.send(drawn(2, 100))
    await_read(topic)
    first.send_signal(signal.SIGCONT)
    assert "another instance took over" in finish(first, exit_code=8)
    stopped(second)
    topic.check()


def test_a_recreated_topic_is_refused_until_that_is_accepted(topic: Topic) -> None:
    topic.send([(0, event("a", 1, 7)), (1, event("b", 2, 7))])
    topic.count()
    topic.delete()
    topic.create()
    topic.records.clear()
    for _ in range(2):
        refused = topic.count(exit_code=7)
        assert f"the topic {topic.name} was deleted and recreated" in refused
        assert "python app.py views count --accept-loss" in refused
    topic.send([(0, event("a", 1, 7)), (0, event("c", 1, 7))])
    topic.count("--accept-loss")
    assert outcomes(topic) == (3, 1)
    assert topic.query("SELECT waypoints FROM media") == [(3,)]
    topic.send([(0, event("d", 1, 7))])
    topic.count()
    assert outcomes(topic) == (4, 1)


def test_another_topic_needs_a_schema_of_its_own(topic: Topic) -> None:
    topic.send([(0, event("a", 1, 7))])
    topic.count()
    counted = topic.name
    topic.application.variables["VIEWS_TOPIC"] = topic.application.variables["VIEWS_REJECTED_TOPIC"]
    topic.application.variables["VIEWS_REJECTED_TOPIC"] = counted
    refused = topic.count("--accept-loss", exit_code=7)
    assert f"but the tables count {counted}" in refused
    assert "VIEWS_SCHEMA" in refused


def test_a_topic_of_another_cluster_is_refused_until_that_is_accepted(topic: Topic) -> None:
    topic.send([(0, event("a", 1, 7))])
    topic.count()
    with topic.connected() as connection:
        connection.execute("UPDATE consumed SET cluster_id = 'old', topic_id = 'old'")
    assert f"the tables count {topic.name} of another cluster, old" in topic.count(exit_code=7)
    topic.count("--accept-loss")
    assert outcomes(topic) == (1, 1)


def test_events_that_retention_deleted_are_a_loss(topic: Topic) -> None:
    topic.send([(0, event("a", 1, 7))])
    topic.count()
    topic.send([(0, event(f"{number}", 1, 7)) for number in range(5)])
    place = TopicPartition(topic.name, 0, 4)
    admin = AdminClient({"bootstrap.servers": topic.application.bootstrap_servers})
    admin.delete_records([place])[place].result(TIMEOUT_S)
    assert f"{topic.name}/0: the topic holds offsets 4 to 6, 1 to 4 were never read" in topic.count(exit_code=7)
    topic.count("--accept-loss")
    assert outcomes(topic) == (3, 0)


def test_partitions_that_are_added_are_counted_too(topic: Topic) -> None:
    process = topic.started()
    topic.send([(0, event("a", 1, 7))])
    await_read(topic)
    topic.add_partitions(PARTITIONS + 1)
    wait_until(lambda: len(topic.query("SELECT FROM consumed")) == PARTITIONS + 1, "the new one is known")
    topic.send([(PARTITIONS, event("b", 2, 7)), (PARTITIONS, event("a", 2, 7))])
    await_read(topic)
    stopped(process)
    topic.check()


def test_a_database_without_tables_ends_the_job_with_the_command_that_creates_them(topic: Topic) -> None:
    topic.application.variables["VIEWS_SCHEMA"] = "empty"
    refused = topic.count(exit_code=10)
    assert "the database has no tables yet" in refused
    assert "python app.py views init-db" in refused


def test_a_database_that_stays_away_ends_the_job_and_says_what_is_not_counted(
    application: Application, tmp_path: Path
) -> None:
    application.variables["DATABASE_TIMEOUT_S"] = "2"
    with local_server.shared(tmp_path, print) as url:
        topic = Topic(application, url)
        process = topic.started()
        topic.send(drawn(1, 100))
        await_read(topic)
        os.kill(server_processes(tmp_path)[0].pid, signal.SIGQUIT)
        topic.send([(0, event("a", 1, 7)), (1, event("b", 1, 7))])
        errors = finish(process, exit_code=10)
    assert "the database gave no answer for 2 s" in errors
    assert "hint: start it; nothing is lost, the topic holds 2 events that are not counted yet" in errors


def test_a_database_that_is_frozen_is_waited_for(application: Application, tmp_path: Path) -> None:
    with local_server.shared(tmp_path, print) as url:
        topic = Topic(application, url)
        process = topic.started()
        topic.send(drawn(1, 100))
        await_read(topic)
        with frozen(server_processes(tmp_path)):
            topic.send(drawn(2, 2_000))
            time.sleep(2)
        await_read(topic)
        stopped(process)
        topic.check()
