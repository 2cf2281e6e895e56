"""What a run does when the saved state and the input do not fit, on a real broker."""

import signal
from pathlib import Path
from time import monotonic

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.frames.job import rebuild
from metrics.frames.settings import Settings
from metrics.kafka.clients import open_consumer
from tests.kafka.application import Application, finish, frame, wait_until

T = 1468244340


def remove_frames_before(application: Application, offset: int) -> None:
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    place = TopicPartition(application.topic("frames"), 0, offset)
    for future in admin.delete_records([place]).values():
        future.result(timeout=30)


def test_a_missing_topic_is_an_error_that_names_the_command(application: Application) -> None:
    output = application.run(exit_code=5)
    assert "topics are missing" in output
    assert f"INPUT_TOPIC={application.topic('frames')}" in output
    assert "prepare-topics" in output


def test_removed_frames_that_were_still_needed_are_an_error(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, [frame(T, "a"), frame(T + 1, "b"), frame(T + 2, "c")])
    remove_frames_before(application, 2)
    application.run("--until-end")
    assert application.seconds() == [(T + 2, 1, 1.0, 0)]  # a new group counts what there is

    application.send([frame(T + 60, "d"), frame(T + 61, "e")])
    application.run("--until-end")
    application.send([frame(T + 120, "f")])
    remove_frames_before(application, 6)
    output = application.run("--until-end", exit_code=7)
    assert f"{application.topic('frames')}/0: the topic holds offsets 6 to 6, 5 to 6 were never read" in output
    assert "python app.py --accept-loss" in output
    output = application.run("--until-end", "--accept-loss")
    assert "accepted: " in output
    application.send([frame(T + 121, "g")])
    application.run("--until-end")
    assert [start - T for start, frames, *_ in application.seconds() if frames] == [2, 60, 61, 121]


def test_offsets_that_another_program_committed_are_an_error(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, [frame(T, "a")])
    consumer = Consumer({"bootstrap.servers": application.bootstrap_servers, "group.id": application.name})
    consumer.commit(offsets=[TopicPartition(application.topic("frames"), 0, 1)], asynchronous=False)
    consumer.close()
    output = application.run("--until-end", exit_code=7)
    assert "contains no state of this program" in output
    assert "CONSUMER_GROUP_ID" in output


def delete_group(application: Application) -> None:
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    admin.delete_consumer_groups([application.name])[application.name].result(timeout=30)


def test_results_without_a_state_are_an_error(application: Application, tmp_path: Path) -> None:
    """Offsets expire, a week after their last commit by default; starting afresh would double every window."""
    application.prepare(tmp_path, [frame(T, "a")])
    application.run("--until-end")
    delete_group(application)
    output = application.run("--until-end", exit_code=7)
    assert f"the group {application.name} has no state, but {application.topic('seconds')} holds results" in output
    assert len(application.seconds()) == 1
    application.run("--until-end", "--accept-loss")
    assert len(application.seconds()) == 2


def test_aborted_results_do_not_count_as_results(application: Application, tmp_path: Path) -> None:
    """What a first run sent before it was killed leaves offsets behind, but no records."""
    application.prepare(tmp_path, [frame(T, "a")])
    producer = application.producer_in_transactions()
    producer.begin_transaction()
    producer.produce(application.topic("seconds"), b"aborted")
    producer.flush(30)
    producer.abort_transaction(30)
    application.run("--until-end")
    assert application.seconds() == [(T, 1, 1.0, 0)]


def test_an_input_topic_that_was_recreated_is_an_error(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, [frame(T, "a")])
    application.run("--until-end")
    saved = consumer_offsets(application)
    application.delete_topic("frames")
    application.prepare(tmp_path, [frame(T + 90, "b"), frame(T + 91, "c")])
    # A broker forgets the offsets of a topic that is deleted. One that was away then does not.
    consumer = Consumer({"bootstrap.servers": application.bootstrap_servers, "group.id": application.name})
    consumer.commit(offsets=saved, asynchronous=False)
    consumer.close()
    output = application.run("--until-end", exit_code=7)
    assert f"the topic {application.topic('frames')} was deleted and recreated" in output
    output = application.run("--until-end", "--accept-loss")
    assert "accepted: the topic" in output
    assert [start - T for start, frames, *_ in application.seconds() if frames] == [0, 90, 91]


def test_frames_of_open_windows_that_are_gone_can_be_accepted_as_lost(application: Application, tmp_path: Path) -> None:
    #  a@0 b@1 c@2 | stopped, none closed | a and b are removed | d@3
    application.prepare(tmp_path, [frame(T, "a"), frame(T + 1, "b"), frame(T + 2, "c")])
    stop_when_read(application, 3)
    remove_frames_before(application, 2)
    output = application.run("--until-end", exit_code=7)
    assert f"{application.topic('frames')}/0: the topic holds offsets 2 to 3, open windows need 0 to 2" in output
    application.send([frame(T + 3, "d")])
    output = application.run("--until-end", "--accept-loss")
    assert "accepted: frames of open windows that are gone: 2" in output
    assert [(start - T, frames) for start, frames, *_ in application.seconds()] == [(2, 1), (3, 1)]
    saved = application.saved_state()
    assert saved is not None
    assert saved.state.partitions[0].tally.lost == 2
    assert saved.state.partitions[0].tally.is_conserved()


def test_deleting_the_input_topic_while_it_is_read_stops_the_job(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, [frame(T, "a")])
    process = application.start()
    wait_until(lambda: application.position(0) == 1, "the frame is read")
    application.delete_topic("frames")
    output = finish(process, exit_code=5)
    assert f"the topic {application.topic('frames')} is gone" in output


def test_an_instance_that_rebuilds_windows_sends_heartbeats(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take longer than a standby waits for a heartbeat."""
    application.prepare(tmp_path, [frame(T, "a")] * 3_000)
    stop_when_read(application, 3_000)
    saved = application.saved_state()
    assert saved is not None
    settings = Settings.load(application.environment())
    monkeypatch.setattr(rebuild, "HEARTBEAT_S", 0)
    heartbeats: list[float] = []
    consumer = open_consumer(settings)
    rebuild.rebuilt(consumer, settings, saved.state, lambda: heartbeats.append(monotonic()))
    consumer.close()
    assert len(heartbeats) > 3


def stop_when_read(application: Application, position: int) -> None:
    """Let the application read so far, and stop it."""
    process = application.start()
    try:
        wait_until(lambda: application.position(0) == position, "all is read")
    finally:
        process.send_signal(signal.SIGINT)
        finish(process)


def consumer_offsets(application: Application) -> list[TopicPartition]:
    consumer = Consumer({"bootstrap.servers": application.bootstrap_servers, "group.id": application.name})
    try:
        return consumer.committed([TopicPartition(application.topic("frames"), 0)], timeout=30)
    finally:
        consumer.close()


def test_another_lateness_is_an_error_while_windows_are_open(application: Application, tmp_path: Path) -> None:
    #  LATENESS_S=5    a@0  b@6      second 0 is closed, its minute and second 6 are open
    #  LATENESS_S=60                 would open second 0 again
    application.prepare(tmp_path, [frame(T, "a"), frame(T + 6, "b")])
    stop_when_read(application, 2)
    application.variables["LATENESS_S"] = "60"
    output = application.run("--until-end", exit_code=7)
    assert "the frames of open windows were judged by LATENESS_S=5" in output
    assert "LATENESS_S=5 FUTURE_LIMIT_S=300 python app.py --until-end" in output

    application.variables["LATENESS_S"] = "5"
    application.run("--until-end")
    application.variables["LATENESS_S"] = "60"
    application.run("--until-end")
    assert [frames for _, frames, *_ in application.seconds()] == [1, 0, 0, 0, 0, 0, 1]


def test_nothing_is_published_from_a_topic_that_was_recreated_while_it_was_read(
    application: Application, tmp_path: Path
) -> None:
    """Longer than before, it is read on from the old offset, and the client says nothing.

    The job sleeps meanwhile, so that it does not see that there is no topic for a while.
    """
    application.prepare(tmp_path, [frame(T + second, "a") for second in range(500)])
    process = application.start()
    wait_until(lambda: application.position(0) == 500, "all is read")
    before = len(application.seconds())
    process.send_signal(signal.SIGSTOP)
    application.delete_topic("frames")
    application.create_topics()
    application.send([frame(T + 500 + second, "b") for second in range(3_000)])
    process.send_signal(signal.SIGCONT)
    output = finish(process, exit_code=7)
    assert f"the topic {application.topic('frames')} was deleted and recreated" in output
    assert len(application.seconds()) == before
