"""`feed` on a real broker: the records it sends, and how an interrupted feed is resumed."""

import gzip
import json
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.producer.resume import HEADER, mark_of
from tests.examples import examples
from tests.kafka.application import TIMEOUT_S, Application, finish, frame, wait_until

T = 1468244340
PARTITIONS = 3


def lines(count: int) -> list[bytes]:
    return [
        b'{"ts":%d,"uid":"%d","x":"\xd0\xb6 \\"ts\\": 1"}' % (T + number // 1000, number) for number in range(count)
    ]


def write(path: Path, frames: Sequence[bytes]) -> Path:
    path.write_bytes(b"".join(frame + b"\n" for frame in frames))
    return path


def create_topics(application: Application, partitions: int = 1) -> None:
    application.create_topics(partitions)


def values(application: Application) -> list[bytes | None]:
    return [message.value() for message in application.read("frames")]


def by_partition(application: Application) -> list[list[bytes | None]]:
    messages = application.read("frames")
    return [[it.value() for it in messages if it.partition() == number] for number in range(PARTITIONS)]


def fed_so_far(application: Application) -> int:
    """Return how many frames the topic contains."""
    consumer = Consumer({"bootstrap.servers": application.bootstrap_servers, "group.id": application.name})
    try:
        topic = application.topic("frames")
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        return sum(consumer.get_watermark_offsets(place, TIMEOUT_S)[1] for place in places)
    finally:
        consumer.close()


def stop_when(application: Application, process: subprocess.Popen[str], frames: int, number: signal.Signals) -> None:
    """Send a signal once the topic contains a number of frames, but not all."""
    wait_until(lambda: fed_so_far(application) >= frames, f"{frames} frames are fed")
    assert process.poll() is None
    process.send_signal(number)


def test_files_and_folders_are_fed_in_order(application: Application, tmp_path: Path) -> None:
    first, folder = write(tmp_path / "first.jsonl", [frame(T, "a"), b"no JSON", b""]), tmp_path / "folder"
    folder.mkdir()
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(frame(T, "c")))
    write(folder / "a.jsonl", [frame(T, "b")])
    write(folder / ".hidden.jsonl", [frame(T, "d")])
    write(folder / "notes.txt", [frame(T, "e")])
    assert f"the topic {application.topic('frames')} is missing" in application.run("feed", first, exit_code=5)
    create_topics(application)
    assert "fed 3 files: 5 frames in" in application.run("feed", first, folder)
    fed = [frame(T, "a"), b"no JSON", b"", frame(T, "b"), frame(T, "c")]
    assert values(application) == fed
    assert "already has up to 5 frames" in application.run("feed", folder)
    assert values(application) == [*fed, frame(T, "b"), frame(T, "c")]


def test_frames_of_a_pipe_are_sent_as_they_arrive_and_can_be_shifted_to_now(application: Application) -> None:
    create_topics(application)
    before_s = time.time()
    process = application.start("feed", "-", "--now", stdin=subprocess.PIPE)
    assert process.stdin is not None
    for number, line in enumerate(['{"ts":1468244340, "uid" : "é"}', "no JSON", '{"ts":1468244350, "uid" : "é"}'], 1):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        wait_until(lambda number=number: len(values(application)) == number, "the line is fed")  # type: ignore[misc]
    assert "fed standard input: 3 frames in" in finish(process)
    first, invalid, last = values(application)
    ts = json.loads(first or b"")["ts"]
    assert int(before_s) <= ts <= time.time()
    assert first == f'{{"ts":{ts}, "uid" : "é"}}'.encode()
    assert invalid == b"no JSON"
    assert last == f'{{"ts":{ts + 10}, "uid" : "é"}}'.encode()


def test_a_killed_feed_resumes_with_the_missing_frames(application: Application, tmp_path: Path) -> None:
    frames = lines(15_000)
    file = write(tmp_path / "frames.jsonl", frames)
    create_topics(application, PARTITIONS)
    for stop_at, arguments in ((2_000, []), (6_000, ["--resume"])):
        process = application.start("feed", file, "--rate", "4000", *arguments)
        stop_when(application, process, stop_at, signal.SIGKILL)
        process.communicate()
    application.run("feed", file, "--resume")
    assert by_partition(application) == [frames[number::PARTITIONS] for number in range(PARTITIONS)]


def test_a_feed_ended_by_ctrl_c_reports_its_progress_and_resumes_as_it_began(
    application: Application, tmp_path: Path
) -> None:
    frames = lines(15_000)
    file = write(tmp_path / "frames.jsonl", frames)
    create_topics(application, PARTITIONS)
    process = application.start("feed", file, "--now", "--realtime", "--speed", "3")
    stop_when(application, process, 2_000, signal.SIGINT)
    output = finish(process, 128 + signal.SIGINT)
    sent = f"{file}: interrupted after {fed_so_far(application):,} acknowledged frames"
    assert f"{sent}; to send the rest, if any: the same command with --resume" in output
    application.run("feed", file, "--resume")
    fed = by_partition(application)
    shift = json.loads(fed[0][0] or b"")["ts"] - T
    expected = [
        line.replace(b"%d" % (T + number // 1000), b"%d" % (T + number // 1000 + shift), 1)
        for number, line in enumerate(frames)
    ]
    assert fed == [expected[number::PARTITIONS] for number in range(PARTITIONS)]


def test_a_feed_interrupted_after_its_last_frame_does_not_claim_that_some_are_missing(application: Application) -> None:
    create_topics(application)
    process = application.start("feed", "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("a\nb\n")
    process.stdin.flush()
    wait_until(lambda: len(values(application)) == 2, "all frames are fed")
    process.send_signal(signal.SIGINT)
    output = finish(process, 128 + signal.SIGINT)
    assert "standard input: interrupted after 2 acknowledged frames; to send the rest, if any: " in output
    assert "partial" not in output


def test_a_frame_that_the_topic_refuses_leaves_no_gap_after_it(application: Application, tmp_path: Path) -> None:
    frames = [*(frame(T, "a" * 2_000) for _ in range(2_000)), b"x" * 2_000_000, *lines(2_000)]
    file = write(tmp_path / "frames.jsonl", frames)
    application.create_topic("frames", max_message_bytes="1100000")
    output = application.run("feed", file, exit_code=4)
    assert "were acknowledged" in output
    assert "too large" in output
    fed = values(application)
    assert len(fed) <= 2_000
    assert fed == frames[: len(fed)]
    assert "too large" in application.run("feed", file, "--resume", exit_code=4)
    assert values(application) == frames[:2_000]
    resource = ConfigResource(
        ResourceType.TOPIC,
        application.topic("frames"),
        incremental_configs=[ConfigEntry("max.message.bytes", "4000000", incremental_operation=AlterConfigOpType.SET)],
    )
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    admin.incremental_alter_configs([resource])[resource].result(TIMEOUT_S)
    application.run("feed", file, "--resume")
    assert values(application) == frames


def test_if_the_progress_cannot_be_determined_nothing_is_sent(application: Application, tmp_path: Path) -> None:
    file, other = write(tmp_path / "one.jsonl", lines(250)), write(tmp_path / "other.jsonl", lines(250)[::-1])
    create_topics(application)
    assert "is empty" in application.run("feed", file, "--resume")
    assert f"line 201 differs from {application.topic('frames')}/" in application.run(
        "feed", other, "--resume", exit_code=7
    )
    shorter = write(tmp_path / "shorter.jsonl", lines(249))
    assert "249 lines" in application.run("feed", shorter, "--resume", exit_code=7)
    grown = write(tmp_path / "grown.jsonl", lines(260))
    assert "10 frames in" in application.run("feed", grown, "--resume")
    application.send([b"another producer's"])
    assert "another producer" in application.run("feed", grown, "--resume", exit_code=7)
    assert values(application) == [*lines(260), b"another producer's"]
    admin, place = AdminClient({"bootstrap.servers": application.bootstrap_servers}), application.topic("frames")
    [deleted] = admin.delete_records([TopicPartition(place, 0, 261)]).values()
    deleted.result(TIMEOUT_S)
    assert "contains no feed" in application.run("feed", grown, "--resume", exit_code=7)
    assert values(application) == []


def test_feed_warns_before_sending_frames_that_the_group_will_find_late(
    application: Application, tmp_path: Path
) -> None:
    #  fed first, and counted   now  …  now + 3,600        event time of the group is then an hour ahead of wall time
    #  fed next                 now  …                     late
    create_topics(application)
    file = write(tmp_path / "frames.jsonl", [frame(T, "a"), frame(T + 3_600, "b"), frame(T + 3_601, "c")])
    assert "warning" not in application.run("feed", file, "--now")
    application.run("--until-end")
    fed = application.run("feed", file, "--now")
    assert "warning: these frames begin at 20" in fed
    assert f"event time of the group {application.name} is already 20" in fed
    assert "hint: run feed --now again after 20" in fed
    assert len(values(application)) == 6
    again = application.run("prepare-topics", file, "--again")
    assert "warning: these frames begin at 2016-07-11T13:39:00Z, but event time of the group" in again


def test_a_feed_that_the_group_finds_in_time_raises_no_warning(application: Application, tmp_path: Path) -> None:
    create_topics(application)
    application.send([frame(T, "a"), frame(T + 10, "b")], timestamp=T * 1000)
    application.run("--until-end")
    file = write(tmp_path / "frames.jsonl", [b"no frame", frame(T + 60, "a"), frame(T, "b")])
    assert "warning" not in application.run("feed", file)


FOREIGN = {
    "more partitions than there are": b"[1, 0, 8, null]",
    "no partition": b"[1, 0, 0, null]",
    "fewer than no partition": b"[1, 0, -2, null]",
    "a line before the first": b"[1, -2, 2, null]",
    "a line of another partition": b"[1, 1, 2, null]",
    "a line that cannot have come yet": b"[1, 9223372036854775806, 2, null]",
    "a shift out of all time": b"[1, 0, 2, %d]" % 10**400,
}


@pytest.mark.parametrize("mark", FOREIGN.values(), ids=FOREIGN)
def test_another_program_s_header_with_the_name_of_a_mark_is_not_a_mark(
    application: Application, tmp_path: Path, mark: bytes
) -> None:
    create_topics(application, 2)
    application.send([frame(T, "a")], headers={"feed": mark})
    file = write(tmp_path / "frames.jsonl", lines(10))
    assert "contains no feed to resume" in application.run("feed", file, "--resume", exit_code=7)
    assert len(values(application)) == 1


def test_a_feed_whose_marks_disagree_cannot_be_resumed(application: Application, tmp_path: Path) -> None:
    create_topics(application, 2)
    file = write(tmp_path / "frames.jsonl", lines(10))
    for partition, mark in enumerate((b"[1, 0, 2, null]", b"[1, 1, 3, null]")):
        application.send([frame(T, "a")], partition, headers={"feed": mark})
    assert "contains no feed" not in application.run("feed", file, "--resume", exit_code=7)


NUMBERS = st.integers(-3, 12) | st.integers()
FIELDS = st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=3) | NUMBERS
VALUES = st.binary() | st.lists(FIELDS, max_size=6).map(json.dumps).map(str.encode)


@settings(max_examples=examples(2_000))
@example(b"[" * 100_000)
@example(b"[1,2,3,4," + b"[" * 100_000)
@given(VALUES | st.lists(NUMBERS, min_size=4, max_size=4).map(json.dumps).map(str.encode) | st.none())
def test_any_header_is_a_mark_that_fits_its_record_or_not_a_mark(value: bytes | None) -> None:
    message = Message(topic="frames", partition=1, offset=3, headers=[(HEADER, value)])
    mark = mark_of(message)
    if mark is not None:
        assert mark.feed >= 0
        assert mark.line % mark.partitions == 1
        assert 0 <= mark.line // mark.partitions <= 3


def test_a_line_longer_than_a_frame_may_be_ends_the_feed_before_it(application: Application, tmp_path: Path) -> None:
    application.create_topics()
    file = tmp_path / "frames.jsonl"
    file.write_bytes(b"one\n" + b"x" * (MAX_FRAME_BYTES + 1) + b"\nthree\n")
    said = application.run("feed", file, exit_code=3)
    assert f"line 2 of {file} is longer than 4,194,304 bytes" in said
    assert "interrupted after 1 acknowledged frame;" in said
    file.write_bytes(b"one\n" + b"x" * MAX_FRAME_BYTES + b"\nthree\n")
    application.variables["INPUT_TOPIC"] = application.topic("larger")
    application.create_topic("larger", max_message_bytes="5000000")
    application.run("feed", file)
    assert [len(message.value() or b"") for message in application.read("larger")] == [3, MAX_FRAME_BYTES, 5]
