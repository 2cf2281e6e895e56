"""Topics listed, created and deleted, on a real broker."""

import json
import os
import pty
import signal
import subprocess
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.application.command_line import Application as CommandLine
from metrics.cli.topic_owner import TopicOwner
from metrics.frames import topic_owner as frames_owner
from metrics.kafka import topics
from metrics.views import topic_owner as views_owner
from tests.kafka.application import TIMEOUT_S, Application, finish, frame, wait_until

T = 1468244340  # 2016-07-11T13:39:00Z


OWNERS: list[TopicOwner] = [frames_owner, views_owner]  # that these are owners, mypy checks


def test_each_system_with_topics_is_asked_about_them() -> None:
    assert CommandLine().topic_owners() == OWNERS


def listed(application: Application, *roles: str) -> list[dict[str, Any]]:
    """Return what `topics --json` says of some topics; it says nothing else."""
    lines = application.run("topics", *map(application.topic, roles), "--json").splitlines()
    return [json.loads(line) for line in lines]


def commit(application: Application, group: str, *offsets: int) -> None:
    """Commit offsets of the input topic, one for each partition, for a group without members."""
    consumer = Consumer({"bootstrap.servers": application.bootstrap_servers, "group.id": group})
    try:
        places = [TopicPartition(application.topic("frames"), *place) for place in enumerate(offsets)]
        consumer.commit(offsets=places, asynchronous=False)
    finally:
        consumer.close()


def config(application: Application, role: str) -> dict[str, str]:
    return topics.configuration(
        AdminClient({"bootstrap.servers": application.bootstrap_servers}), application.topic(role)
    )


def existing(application: Application) -> dict[str, int]:
    """Return the roles of the application's topics that are there, and how many partitions each has."""
    counts = topics.partition_counts(AdminClient({"bootstrap.servers": application.bootstrap_servers}))
    mine = f"{application.name}-"
    return {name.removeprefix(mine): count for name, count in counts.items() if name.startswith(mine)}


def test_topics_shows_the_size_time_range_and_readers_of_a_topic(application: Application) -> None:
    application.run("topics", "create", application.topic("frames"), "--partitions", "2")
    application.send([frame(T, "a")] * 3, 0, timestamp=(T + 60) * 1000)
    application.send([frame(T, "b")] * 2, 1, timestamp=T * 1000, key=b"key", headers={"name": b"value"})
    group = f"{application.name}-others"
    commit(application, group, 1, 2)
    assert listed(application, "frames") == [
        {
            "topic": application.topic("frames"),
            "partitions": 2,
            "records": 5,
            "are_at_most": True,
            "first": {"timestamp": T, "datetime": "2016-07-11T13:39:00Z"},
            "last": {"timestamp": T + 60, "datetime": "2016-07-11T13:40:00Z"},
            "groups": [{"group": group, "state": "empty", "lag": 2}],
            "are_all_groups": True,
        }
    ]
    text = application.run("topics", application.topic("frames"))
    assert "2      ≤ 5  2016-07-11T13:39:00Z  2016-07-11T13:40:00Z" in text
    assert f"{group}  empty    2" in text


def end_in_an_aborted_transaction(application: Application, aborted: int) -> dict[str, Any]:
    """Return the facts of a topic with 20 records that were committed and read, and then some that were aborted."""
    application.run("topics", "create", application.topic("frames"))
    producer = application.producer_in_transactions()
    for records, second, end in ((20, T, producer.commit_transaction), (aborted, T + 60, producer.abort_transaction)):
        producer.begin_transaction()
        for _ in range(records):
            producer.produce(application.topic("frames"), frame(T, "a"), timestamp=second * 1000)
        producer.flush(TIMEOUT_S)
        end(TIMEOUT_S)
    commit(application, f"{application.name}-others", 20)
    [topic] = listed(application, "frames")
    return topic


def test_a_topic_that_ends_in_an_aborted_transaction_ends_at_its_last_record(application: Application) -> None:
    #   offsets 0 … 19 are records, 20 a marker, 21 … 26 aborted, 27 a marker
    topic = end_in_an_aborted_transaction(application, 6)
    assert (topic["records"], topic["first"]["timestamp"], topic["last"]["timestamp"]) == (20, T, T)
    assert topic["groups"][0]["lag"] == 0


def test_a_last_record_more_than_10_offsets_before_the_end_is_not_searched_for(application: Application) -> None:
    #   offsets 0 … 19 are records, 20 a marker, 21 … 30 aborted, 31 a marker
    topic = end_in_an_aborted_transaction(application, 10)
    assert (topic["records"], topic["are_at_most"], topic["first"], topic["last"]) == (32, True, None, None)
    assert topic["groups"][0]["lag"] == 12


def test_the_lag_of_this_application_uses_its_positions_and_its_topics_cannot_be_deleted_while_it_is_active(
    application: Application,
) -> None:
    application.variables["IDLE_S"] = "60"
    application.create_topics()
    process = application.start()
    application.send([frame(T, "a"), frame(T + 1, "b")], timestamp=T * 1000)
    wait_until(lambda: application.position(0) == 2, "all is read; both seconds are open")
    said = application.run("topics", "delete", application.topic("seconds"), "--yes", exit_code=5)
    assert f"an instance of the group {application.name} is active" in said
    [topic] = listed(application, "frames")
    assert topic["groups"] == [{"group": application.name, "state": "empty", "lag": 0}]
    process.send_signal(signal.SIGINT)
    finish(process)
    said = application.run("topics", "delete", application.topic("frames"), application.topic("seconds"), "--yes")
    assert (
        f"{application.topic('frames')} is this application's INPUT_TOPIC; this deletes its frames and the state"
        in said
    )
    assert existing(application) == {"minutes": 1, "rejected": 1}


def test_topics_are_created_as_requested_and_existing_ones_are_compared(application: Application) -> None:
    trial = application.topic("trial")
    asked = ["topics", "create", trial, "--partitions", "3", "--config", "retention.ms=3600000"]
    assert f"topic {trial}: created" in application.run(*asked)
    assert f"topic {trial}: exists" in application.run(*asked)
    assert config(application, "trial")["retention.ms"] == "3600000"
    assert existing(application) == {"trial": 3}
    said = application.run("topics", "create", application.topic("other"), trial, "--partitions", "4", exit_code=5)
    assert f"{trial} has --partitions 3, not 4" in said
    said = application.run("topics", "create", application.topic("other"), "--config", "retention.ms=long", exit_code=5)
    assert "Invalid value long for configuration retention.ms" in said
    assert existing(application) == {"trial": 3}


def test_topics_in_use_are_created_as_prepare_topics_creates_them(application: Application) -> None:
    minutes, rejected = application.topic("minutes"), application.topic("rejected")
    application.run("topics", "create", minutes, rejected, "--config", "max.message.bytes=1000000")
    assert config(application, "minutes")["cleanup.policy"] == "compact"
    assert config(application, "rejected")["retention.ms"] == "-1"
    assert config(application, "rejected")["max.message.bytes"] == "1000000"


def answered(application: Application, answer: bytes, *arguments: str) -> str:
    """Run the application with a terminal as standard input, on which somebody gives an answer."""
    terminal, stdin = pty.openpty()
    try:
        os.write(terminal, answer)
        return finish(application.start(*arguments, stdin=stdin))
    finally:
        os.close(terminal)
        os.close(stdin)


def test_deleting_shows_the_topics_and_asks_for_confirmation(application: Application) -> None:
    frames = application.topic("frames")
    application.run("topics", "create", frames)
    application.send([frame(T, "a")], timestamp=T * 1000)
    delete = ("topics", "delete", frames)
    said = answered(application, b"n\n", *delete)
    assert "2016-07-11T13:39:00Z" in said
    assert "delete 1 topic for good? [y/N]" in said
    assert "nothing was deleted" in said
    assert "nothing was deleted" in answered(application, b"\n", *delete)
    said = finish(application.start(*delete, stdin=subprocess.DEVNULL), exit_code=2)
    assert f"python app.py topics delete {frames} --yes" in said
    assert existing(application) == {"frames": 1}
    assert f"topic {frames}: deleted" in answered(application, b"y\n", *delete)
    assert existing(application) == {}


def test_unknown_topics_and_those_of_the_broker_are_refused_before_anything_is_deleted(
    application: Application,
) -> None:
    frames, unknown = application.topic("frames"), application.topic("unknown")
    application.run("topics", "create", frames)
    commit(application, f"{application.name}-others", 0)  # the broker keeps it in __consumer_offsets
    assert f"no topic {unknown}" in application.run("topics", frames, unknown, exit_code=5)
    assert f"no topic {unknown}" in application.run("topics", "delete", frames, unknown, "--yes", exit_code=5)
    said = application.run("topics", "delete", frames, "__consumer_offsets", "--yes", exit_code=5)
    assert "the broker keeps its own state there" in said
    assert existing(application) == {"frames": 1}
    listed, all_listed = application.run("topics"), application.run("topics", "--all")
    assert frames in listed
    assert "__consumer_offsets" not in listed
    assert "__consumer_offsets" in all_listed


def test_control_characters_in_the_name_of_a_group_are_shown_escaped(application: Application) -> None:
    """It would set the title of a terminal, and write over the line above."""
    application.create_topics()
    commit(application, f"{application.name}\x1b]0;mine\x07\x1b[1A\x9b2K\u202e", 0)
    shown = application.run("topics", application.topic("frames"))
    assert rf"{application.name}\x1b]0;mine\x07\x1b[1A\x9b2K\u202e" in shown
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)
