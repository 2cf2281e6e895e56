"""Offsets without a frame, on a real broker: ends of transactions, aborted and compacted records take offsets, too.

Each upstream leaves few frames behind many offsets, so that a distance of offsets taken for a number of frames shows.
"""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.kafka import local_broker
from tests.frames.monitoring.scraping import Exposed
from tests.kafka.application import TIMEOUT_S, Application, finish, frame, wait_until

pytestmark = pytest.mark.slow

T = 1468244340
FEW = 40
MORE = 30
MANY = 150  # where the first frames are gone, windows are compared behind the first 100 that are left
FREEZE_S = 26  # the longest step of a transaction is given up after 22 s


def write_one_a_transaction(application: Application, frames: list[bytes]) -> None:
    """Write each frame in a transaction of its own: each takes two offsets."""
    producer = application.producer_in_transactions()
    for line in frames:
        producer.begin_transaction()
        producer.produce(application.topic("frames"), line, partition=0)
        producer.commit_transaction(TIMEOUT_S)


def write_among_aborted(application: Application, frames: list[bytes]) -> None:
    """Write the frames in two transactions, and before each a transaction of 50 records that is aborted."""
    producer = application.producer_in_transactions()
    for part in (frames[: len(frames) // 2], frames[len(frames) // 2 :]):
        for lines, end in (
            ([frame(T, "aborted")] * 50, producer.abort_transaction),
            (part, producer.commit_transaction),
        ):
            producer.begin_transaction()
            for line in lines:
                producer.produce(application.topic("frames"), line, partition=0)
            producer.flush(TIMEOUT_S)
            end(TIMEOUT_S)


Write = Callable[[Application, list[bytes]], None]
UPSTREAMS = pytest.mark.parametrize("write", [write_one_a_transaction, write_among_aborted])


def seconds_with_frames(application: Application) -> list[tuple[int, int]]:
    return [(start - T, frames) for start, frames, *_ in application.seconds() if frames]


def stop(application: Application, frames: int) -> None:
    """Run the job until it has counted so many frames, and stop it with its windows open."""
    application.variables["IDLE_S"] = "600"
    process = application.start()
    wait_until(lambda: consumed(application) == frames, f"{frames} frames are read")
    process.send_signal(signal.SIGINT)
    finish(process)


def consumed(application: Application) -> int:
    saved = application.saved_state()
    return saved.state.partitions[0].tally.consumed if saved else 0


@UPSTREAMS
def test_a_restart_with_open_windows_finds_its_frames_and_no_others(application: Application, write: Write) -> None:
    application.create_topics()
    write(application, [frame(T + 1, f"u{number}") for number in range(FEW)])
    stop(application, FEW)
    write(application, [frame(T + 2, f"u{number}") for number in range(MORE)])
    application.run("--until-end")
    assert seconds_with_frames(application) == [(1, FEW), (2, MORE)]
    assert [users for _, users, *_ in application.minutes()] == [FEW]
    assert "agree" in application.run("verify")


@pytest.mark.long
def test_a_running_job_finds_its_frames_again_after_its_broker_was_frozen(tmp_path: Path) -> None:
    with local_broker.running(tmp_path / "broker", print) as address:
        application = Application(address, {"IDLE_S": "600"})
        application.create_topics()
        write_one_a_transaction(application, [frame(T + 1, f"u{number}") for number in range(FEW)])
        java = [child for child in psutil.Process().children(recursive=True) if child.name() == "java"]
        process = application.start()
        wait_until(lambda: consumed(application) == FEW, "the first frames are read")
        beat = application.heartbeats()
        wait_until(lambda: application.heartbeats() > beat, "a commit has just been")
        write_one_a_transaction(application, [frame(T + 2, f"u{number}") for number in range(MORE)])
        for broker in java:
            broker.suspend()
        try:
            time.sleep(FREEZE_S)
        finally:
            for broker in java:
                broker.resume()
        wait_until(lambda: process.poll() is not None or consumed(application) == FEW + MORE, "all frames are read")
        process.send_signal(signal.SIGINT)
        assert "resumed from the last commit" in finish(process)
        application.run("--until-end")
        assert seconds_with_frames(application) == [(1, FEW), (2, MORE)]
        assert [users for _, users, *_ in application.minutes()] == [FEW]


def test_a_topic_that_ends_with_a_transaction_loses_nothing_when_its_frames_expire(application: Application) -> None:
    """Offsets 0 2 4 hold frames, 1 3 5 the ends of their transactions; retention then moves the beginning to 6."""
    application.create_topics()
    write_one_a_transaction(application, [frame(T, "a"), frame(T + 1, "b"), frame(T + 2, "c")])
    application.run("--until-end")
    remove_records_before(application, 6)
    assert application.status()["losses"] == []
    write_one_a_transaction(application, [frame(T + 60, "d")])
    application.run("--until-end")
    assert seconds_with_frames(application) == [(0, 1), (1, 1), (2, 1), (60, 1)]


def test_an_open_transaction_is_not_lag(application: Application) -> None:
    """Offset 0 holds a frame, 1 the end of its transaction, 2 to 12 frames of one that is open."""
    exposed = Exposed(application)
    application.variables["IDLE_S"] = "600"
    application.create_topics()
    producer = application.producer_in_transactions()
    producer.begin_transaction()
    producer.produce(application.topic("frames"), frame(T, "a"), timestamp=T * 1000)
    producer.commit_transaction(TIMEOUT_S)
    producer.begin_transaction()
    for _ in range(11):
        producer.produce(application.topic("frames"), frame(T + 1, "b"))
    producer.flush(TIMEOUT_S)
    process = application.start()
    wait_until(lambda: exposed.value('frames_consumed_total{partition="0"}') == 1, "all is read that is committed")
    wait_until(lambda: exposed.value('frames_lag_records{partition="0"}') == 0, "the gauge shows it")
    [partition] = application.status()["partitions"]
    assert (partition["lag"], partition["uncommitted"], partition["waits_for"]) == (0, 11, "transaction")
    assert partition["read_at"]["timestamp"] == T
    producer.commit_transaction(TIMEOUT_S)
    wait_until(lambda: consumed(application) == 12, "the transaction is read")
    process.send_signal(signal.SIGINT)
    finish(process)


@UPSTREAMS
def test_offsets_without_frames_do_not_make_up_for_lost_frames(application: Application, write: Write) -> None:
    """What expired is less than the offsets that hold no frame, so a distance would take the input for whole."""
    application.create_topics()
    write(application, [frame(T + 10 * number, f"u{number}") for number in range(MANY)])
    application.run("--until-end")
    assert "the input no longer has its first frames" not in application.run("verify")
    third_frame = [message.offset() for message in application.read("frames")][2]
    remove_records_before(application, third_frame or 0)
    assert "the input no longer has its first frames: verified from" in application.run("verify")
    plan = json.loads(application.run("reset-offsets", "--to", "2016-07-11T14:03:00Z", "--json"))
    assert not plan["is_whole"]


def remove_records_before(application: Application, offset: int) -> None:
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    for future in admin.delete_records([TopicPartition(application.topic("frames"), 0, offset)]).values():
        future.result(TIMEOUT_S)


def abort(application: Application, records: int) -> None:
    """Write records in a transaction that is aborted: they take offsets, and nobody reads them."""
    producer = application.producer_in_transactions()
    producer.begin_transaction()
    for _ in range(records):
        producer.produce(application.topic("frames"), frame(T, "aborted"), partition=0)
    producer.flush(TIMEOUT_S)
    producer.abort_transaction(TIMEOUT_S)


def test_a_feed_is_resumed_after_more_aborted_records_than_there_are_between_its_marks(
    application: Application, tmp_path: Path
) -> None:
    """249 lines are fed, of which 201 has the last mark; then 150 records are aborted."""
    application.create_topics()
    frames = [frame(T, f"u{number}") for number in range(250)]
    first, whole = tmp_path / "first.jsonl", tmp_path / "whole.jsonl"
    first.write_bytes(b"".join(line + b"\n" for line in frames[:249]))
    whole.write_bytes(b"".join(line + b"\n" for line in frames))
    application.run("feed", first)
    abort(application, 150)
    assert "fed" in application.run("feed", whole, "--resume")
    assert [message.value() for message in application.read("frames")] == frames


def test_a_topic_with_only_aborted_records_has_no_frames(application: Application, tmp_path: Path) -> None:
    application.create_topics()
    abort(application, 5)
    file = tmp_path / "frames.jsonl"
    file.write_bytes(frame(T, "a") + b"\n")
    assert "is empty: feeding from the first line" in application.run("feed", file, "--resume")
    assert len(application.read("frames")) == 1
    application.delete_topic("frames")
    application.create_topics()
    abort(application, 5)
    assert "1 frame in" in application.run("prepare-topics", file)


def test_a_restart_finds_its_frames_in_a_topic_that_was_compacted(application: Application) -> None:
    """Offset 0 holds a frame, 1 to 299 nothing any more, 300 the last of one key; then come others, in new segments."""
    settings = {"cleanup_policy": "compact", "segment_ms": "1000", "min_cleanable_dirty_ratio": "0.01"}
    application.create_topic("frames", **settings)
    application.create_topics()
    application.send([frame(T, "first")], key=b"first", timestamp=T * 1000)
    application.send([frame(T, "old")] * 300, key=b"old", timestamp=T * 1000)
    for number in range(FEW):
        application.send([frame(T + 1, f"u{number}")], key=b"u%d" % number, timestamp=T * 1000 + 2000)
    application.send([frame(T + 1, "last")], key=b"last", timestamp=T * 1000 + 4000)
    wait_until(lambda: len(application.read("frames")) == FEW + 3, "the topic is compacted")
    stop(application, FEW + 3)
    for number in range(MORE):
        application.send([frame(T + 2, f"u{number}")], key=b"v%d" % number, timestamp=T * 1000 + 4000)
    application.run("--until-end")
    assert seconds_with_frames(application) == [(0, 2), (1, FEW + 1), (2, MORE)]
    assert [users for _, users, *_ in application.minutes()] == [FEW + 3]
    assert "agree" in application.run("verify")
