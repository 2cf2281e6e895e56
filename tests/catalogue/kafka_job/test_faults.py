"""Exactly once: whatever fails, the rows and sums are those of one load without a fault."""

import json
import os
import random
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.catalogue.core.models import MODELS
from metrics.catalogue.load.loads import lock_model
from metrics.postgres import local_server
from metrics.postgres.connect import connect
from tests.catalogue.kafka_job.topic import Expected, Record, Topic, gone, movie, rows, sums
from tests.kafka import cluster
from tests.kafka.application import TIMEOUT_S, Application, finish, wait_until
from tests.postgres.proxy import CuttingProxy

pytestmark = pytest.mark.slow

PARTITIONS = 3


def drawn(seed: int, number: int) -> list[Record]:
    """Return records of 300 movies, a key always in the same partition: new, changed, gone and wrong ones."""
    draw = random.Random(seed)
    records = []
    for _ in range(number):
        name = draw.randrange(300)
        title, partition, kind = draw.choice([f"Movie {name}", f"MOVIE {name}"]), name % PARTITIONS, draw.random()
        if kind < 0.1:
            records.append(gone(title, partition))
        else:
            records.append(movie(title, "wrong" if kind < 0.15 else draw.randrange(1, 500), partition))
    return records


@pytest.fixture
def three(application: Application, database_url: str) -> Topic:
    """Give a topic of movies with three partitions."""
    return Topic(application, database_url, "movie", PARTITIONS)


def started(topic: Topic, *options: str) -> subprocess.Popen[str]:
    """Start a load that runs until it is stopped."""
    return topic.application.start(*topic.arguments("--json", *options))


def check(topic: Topic, records: list[Record]) -> None:
    """Check rows, offsets and sums against a plain dictionary: each record was loaded exactly once."""
    expected = Expected()
    expected.take(records)
    assert rows(topic) == expected.rows
    by_partition = {number: sum(partition == number for *_, partition in records) for number in range(PARTITIONS)}
    assert dict(topic.offsets()) == by_partition
    assert topic.committed() == len(records)
    positions = [position for position, *_ in topic.rejected()]
    assert len(positions) == len(set(positions)) == expected.wrong
    [(read, outcomes)] = topic.query(
        "SELECT sum(read)::int, sum(inserted + updated + unchanged + repeated + rejected)::int FROM catalogue_load"
    )
    assert read == outcomes == len(records)


def killed_at_random_moments(topic: Topic, kills: int, seed: int) -> None:
    draw, records = random.Random(seed), list[Record]()
    for number in range(kills):
        process = started(topic)
        arriving = drawn(seed * 1000 + number, 2_000)
        records += arriving
        before = topic.committed()
        topic.send(arriving)
        if draw.random() < 0.7:
            wait_until(lambda before=before: topic.committed() > before, "something is committed")  # type: ignore[misc]
        time.sleep(draw.random() * 0.5)
        process.kill()
        process.communicate()
    sums(topic.load())
    check(topic, records)
    *killed, last = states(topic)
    assert set(killed) <= {("interrupted", True)}
    assert last == ("done", True)


def test_killed_at_random_moments_each_record_is_loaded_exactly_once(three: Topic) -> None:
    killed_at_random_moments(three, kills=5, seed=1)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_hundred_kills(three: Topic) -> None:
    killed_at_random_moments(three, kills=100, seed=2)


def load_and_kill(topic: Topic, records: int) -> None:
    """Load records, and kill the load once they are committed."""
    process = started(topic)
    topic.send(drawn(1, records))
    wait_until(lambda: topic.committed() == records, "they are committed")
    process.kill()
    process.communicate()


def test_a_killed_load_is_listed_as_interrupted_with_the_sums_of_its_commits(three: Topic) -> None:
    load_and_kill(three, 100)
    [load] = json.loads(f"[{three.application.run('catalogue', 'loads', '--json').strip()}]")
    assert load["state"] == "interrupted"
    assert sums(load, "read") == [100]


def states(topic: Topic) -> list[tuple[str, bool]]:
    """Return the states of all loads as they are stored, and whether they have finished."""
    return topic.query("SELECT state, finished_at IS NOT NULL FROM catalogue_load ORDER BY id")


def end_sessions(topic: Topic) -> None:
    """End all sessions of the database but this one, and wait until they have ended."""
    topic.query(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def test_the_next_load_of_a_topic_stores_that_one_was_killed(three: Topic) -> None:
    load_and_kill(three, 100)
    wait_until(lambda: "interrupted" in three.application.run("catalogue", "loads"), "its session has ended")
    assert states(three) == [("running", False)]
    three.load()
    assert states(three) == [("interrupted", True), ("done", True)]


def test_a_load_of_another_topic_that_still_runs_stays_running(three: Topic, database_url: str) -> None:
    other = Topic(Application(three.application.bootstrap_servers), database_url, "movie", PARTITIONS)
    process = started(other)
    wait_until(lambda: len(other.offsets()) == PARTITIONS, "it has begun")
    three.send(drawn(1, 100))
    three.load()
    assert states(three) == [("running", False), ("done", True)]
    process.send_signal(signal.SIGINT)
    finish(process)
    assert states(three) == [("done", True), ("done", True)]


def test_a_load_that_lost_its_connection_runs_again_though_another_load_took_it_for_killed(three: Topic) -> None:
    process = started(three)
    three.send(drawn(1, 100))
    wait_until(lambda: three.committed() == 100, "they are committed")
    process.send_signal(signal.SIGSTOP)
    end_sessions(three)
    with (
        closing(connect(three.application.variables["DATABASE_URL"])) as connection,
        lock_model(connection, MODELS["movie"], lambda _: None),
    ):
        assert states(three) == [("interrupted", True)]
    process.send_signal(signal.SIGCONT)
    wait_until(lambda: states(three) == [("running", False)], "it runs again, without a record")
    process.send_signal(signal.SIGINT)
    assert "resumed from the last commit" in finish(process)
    assert states(three) == [("done", True)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_load_after_a_last_commit(three: Topic, number: signal.Signals) -> None:
    process = started(three)
    records = drawn(1, 3_000)
    three.send(records[:1_000])
    wait_until(lambda: three.committed() > 0, "something is committed")
    three.send(records[1_000:])
    process.send_signal(number)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, errors
    load = json.loads(output)
    assert load["state"] == "done"
    assert load["read"] == three.committed()
    sums(three.load())
    check(three, records)


def test_of_two_instances_the_second_is_a_standby_until_the_first_ends(three: Topic) -> None:
    first = started(three)
    wait_until(lambda: len(three.offsets()) == PARTITIONS, "the first one has begun")
    second = started(three)
    assert second.stderr is not None
    assert "standby: instance" in second.stderr.readline()
    records = drawn(1, 500)
    three.send(records[:250])
    wait_until(lambda: three.committed() == 250, "the first one has loaded them")
    first.kill()
    three.send(records[250:])
    wait_until(lambda: three.committed() == 500, "the second one has loaded the others")
    second.send_signal(signal.SIGINT)
    finish(second)
    check(three, records)


def test_instances_that_others_take_over_from_end_with_exit_code_8(three: Topic) -> None:
    records, active, instances = drawn(1, 6_000), started(three), 4
    parts = [records[at : at + 100] for at in range(0, len(records), 100)]
    for _ in range(instances - 1):
        before = three.committed()
        three.send(parts.pop(0))
        wait_until(lambda before=before: three.committed() > before, "the active one loads")  # type: ignore[misc]
        following = started(three, "--take-over")
        while active.poll() is None:
            if len(parts) > 20:
                three.send(parts.pop(0))
        fenced = finish(active, exit_code=8)
        assert f"another instance took over the load of movie from the topic {three.name}" in fenced
        active = following
    for part in parts:
        three.send(part)
    wait_until(lambda: three.committed() == len(records), "the last one has loaded all others")
    active.send_signal(signal.SIGINT)
    finish(active)
    check(three, records)
    assert states(three) == [("interrupted", True)] * (instances - 1) + [("done", True)]


def test_an_instance_that_lost_its_connection_takes_nothing_back_from_the_one_that_took_over(three: Topic) -> None:
    first, records = started(three), drawn(1, 200)
    three.send(records[:100])
    wait_until(lambda: three.committed() == 100, "the first one has loaded them")
    first.send_signal(signal.SIGSTOP)
    end_sessions(three)
    second = started(three, "--take-over")
    three.send(records[100:])
    wait_until(lambda: three.committed() == 200, "the second one has loaded the others")
    first.send_signal(signal.SIGCONT)
    assert f"another instance took over the load of movie from the topic {three.name}" in finish(first, exit_code=8)
    second.send_signal(signal.SIGINT)
    finish(second)
    check(three, records)


def test_a_recreated_topic_is_refused_until_that_is_accepted(three: Topic) -> None:
    three.send([movie("Solaris"), movie("Stalker", partition=1)])
    three.load()
    three.application.delete_topic("movie")
    three.create(PARTITIONS)
    three.send([movie("Mirror", number) for number in range(1, 6)])
    for _ in range(2):
        refused = three.refused(7)
        assert f"the topic {three.name} was deleted and recreated" in refused
        assert "--accept-loss" in refused
    assert set(rows(three)) == {"solaris", "stalker"}
    load = three.load("--accept-loss")
    assert sums(load, "read", "inserted") == [5, 1]
    three.send([movie("Mirror", 7)])
    assert sums(three.load(), "read") == [1]


def test_a_topic_that_is_recreated_while_it_is_loaded_ends_the_load(three: Topic) -> None:
    process = started(three)
    three.send([movie("Solaris")])
    wait_until(lambda: three.committed() == 1, "it is loaded")
    three.application.delete_topic("movie")
    three.create(PARTITIONS)
    three.send([movie("Mirror", number) for number in range(1, 6)])
    try:
        output, errors = process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
    assert process.returncode in (5, 7), errors
    assert "deleted" in errors or "gone" in errors
    assert set(rows(three)) == {"solaris"}
    assert output == ""


def test_records_that_retention_deleted_are_a_loss(three: Topic) -> None:
    three.send([movie("Solaris")])
    three.load()
    three.send([movie(f"Movie {number}") for number in range(5)])
    admin = AdminClient({"bootstrap.servers": three.application.bootstrap_servers})
    place = TopicPartition(three.name, 0, 4)
    admin.delete_records([place])[place].result(TIMEOUT_S)
    assert f"{three.name}/0: the topic holds offsets 4 to 6, 1 to 4 were never read" in three.refused(7)
    assert sums(three.load("--accept-loss"), "read") == [2]
    assert set(rows(three)) == {"solaris", "movie 3", "movie 4"}


def test_until_end_stops_before_an_open_transaction_and_leaves_out_aborted_ones(movies: Topic) -> None:
    producer = movies.application.producer_in_transactions()
    for title, ends in (("Aborted", producer.abort_transaction), ("Committed", producer.commit_transaction)):
        producer.begin_transaction()
        movies.send([movie(title)], producer)
        ends(TIMEOUT_S)
    producer.begin_transaction()
    movies.send([movie("Open")], producer)
    movies.send([movie("After")])
    assert sums(movies.load(), "read", "inserted") == [1, 1]
    assert set(rows(movies)) == {"committed"}
    assert movies.offsets() == [(0, 4)]  # after two records and two markers
    producer.commit_transaction(TIMEOUT_S)
    assert sums(movies.load(), "read") == [2]
    assert set(rows(movies)) == {"committed", "open", "after"}


def test_an_empty_topic_has_nothing_to_load(movies: Topic) -> None:
    assert sums(movies.load(), "read") == [0]


def test_partitions_that_are_added_are_loaded_too(movies: Topic) -> None:
    process = started(movies)
    movies.send([movie("Solaris")])
    wait_until(lambda: movies.committed() == 1, "it is loaded")
    movies.add_partitions(3)
    wait_until(lambda: len(movies.offsets()) == 3, "the new ones are known")
    movies.send([movie("Stalker", partition=1), movie("Mirror", partition=2)])
    wait_until(lambda: movies.committed() == 3, "the others are loaded")
    process.send_signal(signal.SIGINT)
    finish(process)
    assert movies.offsets() == [(0, 1), (1, 1), (2, 1)]


def test_a_commit_waits_for_a_file_load_of_the_model_and_stays_the_active_instance(three: Topic) -> None:
    process, records = started(three), drawn(1, 50)
    wait_until(lambda: len(three.offsets()) == PARTITIONS, "it has begun")

    def heartbeats() -> int:
        [(number,)] = three.query("SELECT (instance->>1)::int FROM catalogue_offset WHERE partition = 0")
        return int(number)

    with (
        closing(connect(three.application.variables["DATABASE_URL"])) as other,
        lock_model(other, MODELS["movie"], lambda _: None),
    ):
        three.send(records)
        before = heartbeats()
        wait_until(lambda: heartbeats() > before + 5, "it shows that it is active")
        assert three.committed() == 0
    wait_until(lambda: three.committed() == 50, "it commits")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert "another load of movie is running; waiting for its end" in errors
    check(three, records)


def test_ctrl_c_while_a_file_load_is_running_leaves_what_waits_to_the_next_run(three: Topic) -> None:
    process, records = started(three), drawn(1, 50)
    wait_until(lambda: len(three.offsets()) == PARTITIONS, "it has begun")
    with (
        closing(connect(three.application.variables["DATABASE_URL"])) as other,
        lock_model(other, MODELS["movie"], lambda _: None),
    ):
        three.send(records)
        assert process.stderr is not None
        waiting = next(line for line in process.stderr if "waiting for its end" in line)
        assert waiting
        process.send_signal(signal.SIGINT)
        assert json.loads(process.communicate(timeout=TIMEOUT_S)[0])["read"] == 0
        assert process.returncode == 0
    assert sums(three.load(), "read") == [50]
    check(three, records)


def test_a_connection_that_is_lost_during_a_commit_doubles_nothing(
    three: Topic, tmp_path: Path, database_url: str
) -> None:
    records = drawn(3, 5_000)
    with CuttingProxy(tmp_path, database_url) as proxy:
        three.application.variables["DATABASE_URL"] = proxy.url
        process = started(three)
        wait_until(lambda: len(three.offsets()) == PARTITIONS, "it has begun")
        for at in range(0, len(records), 500):
            cuts = proxy.cuts
            proxy.cut_at_next_commit()
            three.send(records[at : at + 500])
            wait_until(lambda cuts=cuts: proxy.cuts > cuts, "a commit was cut")  # type: ignore[misc]
        wait_until(lambda: three.committed() == len(records), "all are loaded")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert sums(json.loads(output), "read") == [len(records)]
    assert "resumed from the last commit" in errors
    check(three, records)


def test_a_database_that_restarts_in_the_middle_is_waited_for(application: Application, tmp_path: Path) -> None:
    with local_server.shared(tmp_path, print) as url:
        topic = Topic(application, url, "movie", PARTITIONS)
        process, records = started(topic), drawn(4, 3_000)
        topic.send(records[:1_000])
        wait_until(lambda: topic.committed() > 0, "something is committed")
        postmaster = int((tmp_path / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(postmaster, signal.SIGQUIT)  # it ends at once, as after a crash
        topic.send(records[1_000:])
        wait_until(lambda: not local_server.is_running(tmp_path), "it has ended")
    with local_server.shared(tmp_path, print):
        wait_until(lambda: topic.committed() == len(records), "all are loaded")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0, errors
        assert "resumed from the last commit" in errors
        assert sums(json.loads(output), "read") == [len(records)]
        check(topic, records)


def test_a_broker_that_restarts_in_the_middle_is_waited_for(tmp_path: Path, database_url: str) -> None:
    with cluster.running(tmp_path / "cluster", nodes=1) as kafka:
        topic = Topic(Application(kafka.address), database_url, "movie", PARTITIONS)
        process, records = started(topic), drawn(5, 3_000)
        topic.send(records[:1_500])
        wait_until(lambda: topic.committed() > 0, "something is committed")
        [node] = kafka.nodes
        node.kill()
        node.start()
        kafka.await_replicas()
        topic.send(records[1_500:])
        wait_until(lambda: topic.committed() == len(records), "all are loaded")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0, errors
        assert sums(json.loads(output), "read") == [len(records)]
        check(topic, records)
