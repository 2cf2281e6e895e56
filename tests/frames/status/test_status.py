"""The status of a group, observed from outside, on a real broker: while an instance runs, and when none does."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.kafka.application import LIVE, TIMEOUT_S, Application, finish, frame, wait_until

T = 1468244340  # 2016-07-11T13:39:00Z


@contextmanager
def running(application: Application) -> Iterator[subprocess.Popen[str]]:
    process = application.start()
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            finish(process)


def feed(application: Application, partition: int, *after_s: int, **how: Any) -> None:
    """Send a frame for each of some seconds after T, with records that were written when they happened."""
    application.send([frame(T + second, "a") for second in after_s], partition, timestamp=LIVE, **how)


def slow(window: dict[str, Any] | None) -> list[tuple[int, int | None]]:
    return [(slow["partition"], slow["lacks_s"]) for slow in window["held_by"]] if window else []


def waits(status: dict[str, Any]) -> list[str]:
    return [partition["waits_for"] for partition in status["partitions"]]


def test_status_shows_which_partition_keeps_the_minute_open_and_what_each_waits_for(
    application: Application,
) -> None:
    #  partition 0   a@10 a@130         has passed the minute, whose end is 60, and the allowed lateness 5
    #  partition 1   a@12               behind
    #  partition 2   a@20 x@1000000     holds a frame far ahead: its record was written long after its own time
    #  partition 3                      empty
    application.variables |= {"IDLE_S": "60"}
    application.create_topics(4)
    with running(application):
        feed(application, 0, 10, 130)
        feed(application, 1, 12)
        feed(application, 2, 20)
        application.send([frame(T + 1_000_000, "x")], 2)
        wait_until(lambda: [application.position(n) for n in range(3)] == [2, 1, 2], "all is read")
        status = application.status()
        text = application.run("status")
    assert status["instance"]["activity"] == "active"
    assert status["event_time"]["datetime"] == "2016-07-11T13:41:10Z"
    assert status["oldest_open_second"]["start"]["timestamp"] == T + 10
    assert slow(status["oldest_open_minute"]) == [(3, None), (1, 53), (2, 45)]
    assert waits(status) == ["idle", "idle", "held", "empty"]
    assert [partition["held_from"] for partition in status["partitions"]] == [None, None, 1, None]
    assert status["partitions"][1]["read_at"]["timestamp"] == T + 12
    assert (status["lag"], status["frames"]["open"], status["frames"]["held"]) == (0, 4, 1)
    assert "why is the minute 2016-07-11T13:39:00Z open?\n  waiting for partition 3 (no frame yet)" in text
    assert "also for partition 1 (53 s to go), partition 2 (45 s to go)" in text
    assert "partition 2: at 2016-07-11T13:39:20Z, last frame received 2" in text
    assert "holding 1 frame far ahead, from offset 1, " in text


def test_an_idle_partition_is_ignored_while_another_has_frames(application: Application) -> None:
    application.variables |= {"IDLE_S": "1"}
    application.create_topics(2)
    with running(application):
        feed(application, 1, 3)
        wait_until(lambda: application.position(1) == 1, "the one that will be idle is read")
        second = 3
        give_up_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < give_up_s:
            process = application.start("status", "--json")
            while process.poll() is None:  # minute after minute, so that one is always open
                second += 1
                feed(application, 0, second)
                time.sleep(0.05)
            status = json.loads(finish(process))
            if status["partitions"][1]["is_silent"]:
                break
    assert [partition["is_silent"] for partition in status["partitions"]] == [False, True]
    assert [number for number, _ in slow(status["oldest_open_minute"])] == [0]


def test_when_all_are_idle_wall_time_closes_what_is_open(application: Application) -> None:
    application.variables |= {"IDLE_S": "1"}
    application.create_topics(2)
    with running(application):
        feed(application, 0, 1)
        feed(application, 1, 2)
        wait_until(lambda: application.committed_windows("seconds") == 2, "idle time has closed the seconds")
        status = application.status()
    assert status["oldest_open_second"] is None
    assert status["oldest_open_minute"]["held_by"] == []
    assert 0 < status["oldest_open_minute"]["silence_s"] < 58


def stopped_with_an_open_minute(application: Application) -> None:
    """Let an instance read a@1 and a@20 in partition 0 and a@5 in partition 1, and stop."""
    application.variables |= {"IDLE_S": "60"}
    application.create_topics(2)
    with running(application):
        feed(application, 0, 1, 20)
        feed(application, 1, 5)
        wait_until(lambda: (application.position(0), application.position(1)) == (2, 1), "all is read")


def test_status_shows_the_growing_lag_of_a_stopped_instance(application: Application) -> None:
    stopped_with_an_open_minute(application)
    feed(application, 1, 30, 31, 32)
    began_s = time.monotonic()
    status = application.status()
    assert time.monotonic() - began_s < 10
    assert status["instance"]["activity"] == "stopped"
    assert waits(status) == ["idle", "lag"]
    assert status["lag"] == 3
    assert [(at["position"], at["end"], at["lag"]) for at in status["partitions"]] == [(2, 2, 0), (1, 4, 3)]
    assert status["partitions"][1]["unread_at"]["timestamp"] == T + 30
    assert slow(status["oldest_open_minute"]) == [(1, 60), (0, 45)]
    text = application.run("status")
    assert "stopped cleanly (instance " in text
    assert "); no active instance" in text
    assert "no active instance: nothing advances until one runs" in text
    assert "lag: up to 3 unread records, the first received 2016-07-11T13:39:30Z" in text


def test_a_killed_instance_is_not_shown_as_running(application: Application) -> None:
    application.create_topics()
    with running(application) as process:
        feed(application, 0, 1)
        wait_until(lambda: application.position(0) == 1, "the frame is read")
        assert application.status()["instance"]["activity"] == "active"
        process.kill()
        process.communicate()
    assert application.status()["instance"]["activity"] == "silent"


def test_it_answers_while_a_transaction_with_the_offsets_is_open(application: Application) -> None:
    """As an instance leaves it that is killed between sending the offsets and the commit."""
    stopped_with_an_open_minute(application)
    before = application.status()
    producer = Producer({"bootstrap.servers": application.bootstrap_servers, "transactional.id": application.name})
    consumer = Consumer({"bootstrap.servers": application.bootstrap_servers, "group.id": application.name})
    producer.init_transactions(TIMEOUT_S)
    producer.begin_transaction()
    places = [TopicPartition(application.topic("frames"), 0, 77)]
    producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata(), TIMEOUT_S)
    began_s = time.monotonic()
    during = application.status()
    assert time.monotonic() - began_s < 10
    assert during["partitions"] == before["partitions"]
    producer.abort_transaction(TIMEOUT_S)
    consumer.close()


def test_it_changes_nothing_and_joins_nothing(application: Application) -> None:
    stopped_with_an_open_minute(application)
    before = application.saved_state()
    application.status()
    assert application.saved_state() == before
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    assert admin.describe_consumer_groups([application.name])[application.name].result(TIMEOUT_S).members == []
    with running(application):
        wait_until(lambda: application.saved_state() != before, "an instance is active")
        active = application.status()["instance"]
        assert application.status()["instance"] == active
    application.run("--until-end")
    assert [users for _, users, *_ in application.minutes()] == [1]
    assert application.status()["oldest_open_minute"] is None
    assert "open          no windows" in application.run("status")


def test_a_group_that_never_ran_is_shown_with_what_waits_for_it(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, [frame(T, "a"), frame(T + 1, "b")])
    status = application.status()
    assert status["instance"] == {"id": None, "activity": "never_ran"}
    assert (status["lag"], status["oldest_open_minute"], status["losses"]) == (2, None, [])
    assert "never ran, or the offsets of the group are gone: it has no state" in application.run("status")


def test_neither_an_open_transaction_in_the_input_nor_the_marker_of_an_ended_one_is_lag(
    application: Application,
) -> None:
    stopped_with_an_open_minute(application)
    producer = application.producer_in_transactions()
    producer.begin_transaction()
    producer.produce(application.topic("frames"), frame(T + 40, "a"), partition=0)
    producer.flush(TIMEOUT_S)
    status = application.status()
    assert waits(status) == ["transaction", "idle"]
    assert (status["lag"], status["partitions"][0]["uncommitted"]) == (0, 1)
    producer.abort_transaction(TIMEOUT_S)
    status = application.status()
    assert waits(status) == ["idle", "idle"]
    first = status["partitions"][0]
    assert (first["position"], first["end"], first["lag"]) == (2, 4, 0)


def test_partitions_added_since_the_last_commit_are_shown(application: Application) -> None:
    stopped_with_an_open_minute(application)
    topic = application.topic("frames")
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    admin.create_partitions([NewPartitions(topic, 3)])[topic].result(TIMEOUT_S)
    wait_until(lambda: len(admin.list_topics(timeout=TIMEOUT_S).topics[topic].partitions) == 3, "it is there")
    status = application.status()
    assert waits(status) == ["idle", "idle", "new"]
    assert [partition["is_silent"] for partition in status["partitions"]] == [False] * 3
    text = application.run("status")
    assert "partition 2: no event time, new in the topic; the next run adds it" in text
    assert "ignored while idle" not in text


def test_data_that_a_run_would_need_but_is_gone_is_shown(application: Application) -> None:
    stopped_with_an_open_minute(application)
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    topic = application.topic("frames")
    [removed] = admin.delete_records([TopicPartition(topic, 0, 1)]).values()
    removed.result(TIMEOUT_S)
    [loss] = application.status()["losses"]
    assert loss == f"{topic}/0: the topic holds offsets 1 to 2, open windows need 0 to 1"
    assert f"lost          {topic}/0" in application.run("status")


def test_a_group_whose_offsets_are_gone_is_distinguished_from_one_that_never_ran(application: Application) -> None:
    stopped_with_an_open_minute(application)
    application.run("--until-end")
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    admin.delete_consumer_groups([application.name])[application.name].result(TIMEOUT_S)
    status = application.status()
    assert status["instance"]["activity"] == "never_ran"
    assert "has no state, but" in status["losses"][0]


def test_a_group_of_another_program_is_an_error(application: Application) -> None:
    application.create_topics()
    consumer = Consumer({"bootstrap.servers": application.bootstrap_servers, "group.id": application.name})
    consumer.commit(offsets=[TopicPartition(application.topic("frames"), 0, 1)], asynchronous=False)
    consumer.close()
    assert "contains no state of this program" in application.run("status", exit_code=7)


def test_a_missing_topic_is_an_error_that_names_the_command(application: Application) -> None:
    assert "create it: python app.py prepare-topics" in application.run("status", exit_code=5)
