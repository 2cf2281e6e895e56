"""The main job on a real broker, as its user runs it."""

import re
import signal
import time
from pathlib import Path

import pytest

from metrics.frames.producer import generator
from tests.kafka.application import LIVE, Application, finish, frame, timeline, wait_until
from tests.reference import count_all

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute


@pytest.mark.parametrize("partitions", [1, 3])
def test_counts_equal_those_of_a_plain_count_over_the_file(
    application: Application, tmp_path: Path, partitions: int
) -> None:
    frames = list(generator.frames(count=12_000, rate=100, users=500, delay_s=9, delay_probability=0.05, seed=3))
    application.prepare(tmp_path, frames, "--partitions", str(partitions))
    application.run("--until-end")

    dealt = {number: timeline(frames[number::partitions]) for number in range(partitions)}
    answer = count_all(dealt, lateness_s=5, gap_limit_s=3600)
    assert application.seconds() == answer.seconds
    assert application.minutes() == answer.minutes
    assert answer.late > 50


def test_records_are_those_of_the_design(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, [frame(T + 44, "a"), frame(T + 44, "b")])
    application.run("--until-end")
    [second], [minute] = application.read("seconds"), application.read("minutes")
    assert second.key() == b"2016-07-11T13:39:44Z"
    assert second.timestamp()[1] == 1468244384_000
    assert second.value() == (
        b'{"timestamp":1468244384,"datetime":"2016-07-11T13:39:44Z","end":1468244385,'
        b'"num_of_frames":2,"avg_num_of_frames":2.0}'
    )
    assert minute.key() == b"2016-07-11T13:39:00Z"
    assert minute.timestamp()[1] == 1468244340_000
    assert minute.value() == (
        b'{"timestamp":1468244340,"datetime":"2016-07-11T13:39:00Z","end":1468244400,'
        b'"unique_users":2,"avg_users_per_minute":2.0,"num_of_frames":2}'
    )


def test_an_invalid_message_is_rejected_with_its_reason_and_bytes_and_changes_nothing(application: Application) -> None:
    bad = {
        b"no JSON": b"not_json",
        b"[1]": b"not_an_object",
        b"{}": b"no_ts",
        b'{"ts":1468244384}': b"no_uid",
        b'{"ts":1468244384,"uid":7}': b"wrong_uid",
        b'{"ts":1468244384,"uid":""}': b"empty_uid",
        b'{"ts":"abc","uid":"x"}': b"wrong_ts",
        b'{"ts":null,"uid":"x"}': b"wrong_ts",
        b'{"ts":true,"uid":"x"}': b"wrong_ts",
        b'{"ts":"1.5.","uid":"x"}': b"wrong_ts",
        b'{"ts":-1,"uid":"x"}': b"ts_out_of_range",
        b"": b"empty",
        b'{"ts":1468244384,"uid":"\xff"}': b"not_json",
        b'{"ts":1468244384,"uid":"x","skipped":"\xff"}': b"not_json",
        b"[" * 1_048_576: b"not_json",
    }
    good = [frame(T, "a"), b'{"ts": "1468244340", "uid": "b"}', frame(T + 1, "a")]
    application.create_topics()
    application.send([good[0], *bad, None, good[1], good[2]])
    output = application.run("--until-end")

    rejected = application.read("rejected")
    assert [message.value() for message in rejected] == [*bad, None]
    headers = [dict(message.headers() or []) for message in rejected]
    assert [header["reason"] for header in headers] == [*bad.values(), b"empty"]
    assert [header["offset"] for header in headers] == [b"%d" % offset for offset in range(1, len(bad) + 2)]
    assert all(header["topic"] == application.topic("frames").encode() for header in headers)
    assert all(header["partition"] == b"0" and header["detail"] for header in headers)
    assert not any(header.keys() & {"ts", "event_time"} for header in headers)  # the one frame before is held
    assert application.seconds() == [(T, 2, 2.0, 0), (T + 1, 1, 1.5, 0)]
    assert application.minutes() == [(T, 2, 2.0, 0, 3)]
    assert "rejected as not_json" in output


def test_late_frames_of_closed_minutes_are_rejected_and_conserved(application: Application) -> None:
    frames = [frame(T, "a"), frame(T + 65, "b"), frame(T + 59, "late"), frame(T + 58, "later")]
    application.create_topics()
    application.send(frames, timestamp=LIVE)
    application.run("--until-end")
    assert [message.value() for message in application.read("rejected")] == frames[2:]
    headers = [dict(message.headers() or []) for message in application.read("rejected")]
    assert [header["reason"] for header in headers] == [b"late"] * 2
    assert [header["ts"] for header in headers] == [b"%d" % (T + 59), b"%d" % (T + 58)]
    assert [header["event_time"] for header in headers] == [b"%d" % (T + 65)] * 2
    assert application.minutes() == [(T, 1, 1.0, 0, 1), (T + 60, 1, 1.0, 0, 1)]


def test_valid_frames_are_republished_unchanged(application: Application, tmp_path: Path) -> None:
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    frames = list(generator.frames(count=2_000, seed=5))
    application.prepare(tmp_path, [*frames, b"no frame"])
    application.run("--until-end")
    assert [message.value() for message in application.read("republished")] == frames
    assert [message.value() for message in application.read("rejected")] == [b"no frame"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_resumes_without_a_repeated_or_missing_window(
    application: Application, tmp_path: Path, number: signal.Signals
) -> None:
    frames = list(generator.frames(count=6_000, rate=50, users=300, delay_s=5, seed=7))
    application.prepare(tmp_path, frames[:3_517])
    process = application.start()
    wait_until(lambda: len(application.records("seconds")) > 50, "the first seconds are committed")
    process.send_signal(number)
    output = finish(process, exit_code=0)
    assert "frames consumed" in output

    application.send(frames[3_517:])
    application.run("--until-end")
    answer = count_all({0: timeline(frames)}, lateness_s=5, gap_limit_s=3600)
    assert application.seconds() == answer.seconds
    assert application.minutes() == answer.minutes


def test_a_run_to_the_end_can_be_repeated_and_adds_nothing(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, [frame(T, "a"), frame(T + 90, "b")])
    application.run("--until-end")
    before = application.seconds(), application.minutes()
    application.run("--until-end")
    assert (application.seconds(), application.minutes()) == before


def test_until_end_stops_at_the_end_that_the_input_had(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, [frame(T, "a"), frame(T, "b")])
    process = application.start("--until-end")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("counting ")  # the end is known by now
    application.send([frame(T + 1, "after the end")])
    finish(process)
    assert application.seconds() == [(T, 2, 2.0, 0)]


def test_idle_time_closes_windows_when_wall_time_has_passed_them(application: Application) -> None:
    application.variables |= {"IDLE_S": "1", "LATENESS_S": "0"}
    application.create_topics()
    application.send([frame(T + 59, "a"), frame(T + 59, "b")], timestamp=LIVE)
    process = application.start("--verbose")
    try:
        wait_until(lambda: application.minutes() == [(T, 2, 2.0, 0, 2)], "idle time closes the minute")
        assert application.seconds() == [(T + 59, 2, 2.0, 0)]
        application.send([frame(T + 59, "too late"), frame(T + 60, "c")], timestamp=LIVE)
        wait_until(lambda: len(application.minutes()) == 1 and len(application.read("rejected")) == 1, "it is rejected")
    finally:
        process.send_signal(signal.SIGINT)
        output = finish(process)
    assert "2016-07-11T13:39:59Z  second         2 frames" in output
    assert "2016-07-11T13:39:00Z  minute         2 users" in output


def test_nothing_is_visible_before_the_commit(application: Application, tmp_path: Path) -> None:
    """Each record that a reader sees is already covered by the committed state."""
    application.prepare(tmp_path, generator.frames(count=40_000, rate=100, seed=2))
    process = application.start("--until-end")
    seen = 0
    while process.poll() is None:
        visible = len(application.seconds())
        committed = application.committed_windows("seconds")
        assert seen <= visible <= committed
        seen = visible
    finish(process)
    assert len(application.seconds()) == application.committed_windows("seconds")


def test_verbose_prints_windows_and_execution_metrics_without_escape_codes(
    application: Application, tmp_path: Path
) -> None:
    application.variables["PRINT_INTERVAL"] = "1000"
    application.prepare(tmp_path, generator.frames(count=3_000, rate=100, seed=2))
    output = application.run("--verbose", "--until-end")
    assert "\x1b" not in output
    assert output.count("  second  ") == len(application.seconds())
    assert output.count("  minute  ") == len(application.minutes())
    assert sum("frames/s" in line and "error rate" in line for line in output.splitlines()) >= 3


def test_without_verbose_only_the_summary_is_printed(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, generator.frames(count=3_000, rate=100, seed=2))
    output = application.run("--until-end")
    assert "  second  " not in output
    assert "seconds published" in output


def test_an_input_written_in_transactions_is_read_to_its_end(application: Application) -> None:
    """A partition ends with the marker of a transaction, which is not a record but has an offset."""
    application.create_topics(2)
    producer = application.producer_in_transactions()
    for second in range(3):
        producer.begin_transaction()
        for partition in range(2):
            producer.produce(application.topic("frames"), frame(T + second, f"user {partition}"), partition=partition)
        producer.commit_transaction(30)
    application.run("--until-end")
    assert application.seconds() == [(T, 2, 2.0, 0), (T + 1, 2, 2.0, 0), (T + 2, 2, 2.0, 0)]
    before = application.minutes()
    assert before == [(T, 2, 2.0, 0, 6)]
    application.run("--until-end")
    assert application.minutes() == before


def test_idle_time_after_a_transaction_marker_keeps_no_window_open(application: Application) -> None:
    application.variables |= {"IDLE_S": "1", "LATENESS_S": "0"}
    application.create_topics(2)
    producer = application.producer_in_transactions()
    producer.begin_transaction()
    producer.produce(application.topic("frames"), frame(T, "a"), partition=0, timestamp=T * 1000)
    producer.produce(application.topic("frames"), frame(T + 90, "b"), partition=1, timestamp=(T + 90) * 1000)
    producer.commit_transaction(30)
    process = application.start()
    try:
        wait_until(lambda: application.minutes() == [(T, 1, 1.0, 0, 1)], "partition 0 holds nothing open")
    finally:
        process.send_signal(signal.SIGINT)
        finish(process)


def test_frames_of_an_aborted_transaction_are_not_counted(application: Application) -> None:
    application.create_topics()
    producer = application.producer_in_transactions()
    producer.begin_transaction()
    producer.produce(application.topic("frames"), frame(T, "aborted"))
    producer.flush(30)
    producer.abort_transaction(30)
    application.send([frame(T, "a")])
    application.run("--until-end")
    assert application.seconds() == [(T, 1, 1.0, 0)]


def test_a_partition_in_an_open_transaction_is_not_idle(application: Application) -> None:
    #  partition 0   a@0  b@90
    #  partition 1   c@1 in a transaction that stays open for longer than IDLE_S: not late once it commits
    application.variables |= {"IDLE_S": "1", "LATENESS_S": "0"}
    application.create_topics(2)
    producer = application.producer_in_transactions()
    producer.begin_transaction()
    producer.produce(application.topic("frames"), frame(T + 1, "c"), partition=1, timestamp=T * 1000)
    producer.flush(30)
    application.send([frame(T, "a"), frame(T + 90, "b")], timestamp=LIVE)
    process = application.start()
    try:
        wait_until(lambda: application.position(0) == 2, "partition 0 is read")
        time.sleep(3)  # no luck is needed: longer than IDLE_S, and nothing may be seen
        assert application.seconds() == []
        producer.commit_transaction(30)
        wait_until(lambda: len(application.minutes()) == 1, "idle time after it closes the minute")
    finally:
        process.send_signal(signal.SIGINT)
        output = finish(process)
    assert application.minutes() == [(T, 2, 2.0, 0, 2)]
    assert re.search(r"^late +0 +0$", output, re.MULTILINE)


def test_a_quiet_job_keeps_committing_its_state(application: Application, tmp_path: Path) -> None:
    """Brokers forget offsets some time after their commit; and a standby sees that the job is alive."""
    application.prepare(tmp_path, [frame(T, "a")])
    process = application.start()
    try:
        wait_until(lambda: application.position(0) == 1, "the frame is read")
        beat = application.heartbeats()
        wait_until(lambda: application.heartbeats() >= beat + 2, "it has committed twice more")
    finally:
        process.send_signal(signal.SIGINT)
        finish(process)
    saved = application.saved_state()
    assert saved is not None
    assert not saved.instance.is_active


def test_a_wild_timestamp_closes_nothing_and_is_rejected(application: Application) -> None:
    #  history    a@0  WILD  b@1  c@2        held, until b refutes it
    #  live       d@3  WILD  e@4             its record's timestamp does not explain it, and nothing proves it
    application.create_topics()
    wild = frame(T + 31_536_000, "wild")
    application.send([frame(T, "a"), frame(T, "a"), frame(T, "a"), wild, frame(T + 1, "b"), frame(T + 2, "c")])
    application.send([frame(T + 3, "d"), wild, frame(T + 4, "e")], timestamp=T * 1000)
    output = application.run("--until-end")
    rejected = application.read("rejected")
    assert [message.value() for message in rejected] == [wild, wild]
    headers = [dict(message.headers() or []) for message in rejected]
    assert [(header["reason"], header["offset"]) for header in headers] == [(b"future", b"3"), (b"future", b"7")]
    assert [frames for _, frames, *_ in application.seconds()] == [3, 1, 1, 1, 1]
    assert application.minutes() == [(T, 5, 5.0, 0, 7)]
    assert "rejected as future" in output


def test_a_true_gap_of_a_day_is_proved_by_what_follows(application: Application, tmp_path: Path) -> None:
    day = [frame(T + second, "a") for second in (0, 1, 2)]
    next_day = [frame(T + 86_400 + second, "b") for second in (0, 1, 2)]
    application.prepare(tmp_path, day + next_day)
    application.run("--until-end")
    assert [(start - T, gap_s) for start, _, _, gap_s in application.seconds()] == [
        (0, 0),
        (1, 0),
        (2, 0),
        (86_400, 86_397),
        (86_401, 0),
        (86_402, 0),
    ]
    assert application.read("rejected") == []


def test_a_held_frame_survives_a_restart(application: Application, tmp_path: Path) -> None:
    #  a@0 a@0 a@0 b@86400 | restart | c@86401  d@86402       two followers prove b
    application.prepare(tmp_path, [*[frame(T, "a")] * 3, frame(T + 86_400, "b")])
    process = application.start()
    try:
        wait_until(lambda: application.position(0) == 4, "b is read, and held")
    finally:
        process.send_signal(signal.SIGINT)
        output = finish(process)
    assert "held" in output
    application.send([frame(T + 86_401, "c"), frame(T + 86_402, "d")])
    application.run("--until-end")
    assert [(start - T, frames) for start, frames, *_ in application.seconds()] == [
        (0, 3),
        (86_400, 1),
        (86_401, 1),
        (86_402, 1),
    ]


def test_two_years_of_history_are_counted_in_one_run(application: Application, tmp_path: Path) -> None:
    """Every twelve hours some frames: each gap is longer than the future guard lets pass without proof."""
    starts = range(T, T + 2 * 365 * 86_400, 12 * 3_600)
    frames = [frame(start + second, "a") for start in starts for second in (0, 0, 1)]
    application.prepare(tmp_path, frames)
    application.run("--until-end")
    assert [(start, count) for start, count, *_ in application.seconds()] == [
        row for start in starts for row in ((start, 2), (start + 1, 1))
    ]
    assert len(application.minutes()) == 1_460
    assert application.read("rejected") == []
