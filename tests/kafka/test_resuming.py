"""What a run does when the saved state and the input do not fit, on a real broker."""

from pathlib import Path

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.kafka.application import Application, frame

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
    assert f"frames of {application.topic('frames')}/0 that were still needed are gone" in output


def test_offsets_that_another_program_committed_are_an_error(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, [frame(T, "a")])
    consumer = Consumer({"bootstrap.servers": application.bootstrap_servers, "group.id": application.name})
    consumer.commit(offsets=[TopicPartition(application.topic("frames"), 0, 1)], asynchronous=False)
    consumer.close()
    output = application.run("--until-end", exit_code=7)
    assert "holds no state of this program" in output
    assert "CONSUMER_GROUP_ID" in output
