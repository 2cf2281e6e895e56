"""`results` on a real broker: what is committed and nothing else, as it was published, and as it comes."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import time

from confluent_kafka import Producer
from pyarrow.parquet import read_table

from metrics.frames.records import Record
from metrics.frames.results.read import Result, by_ends
from metrics.frames.sizes import MINUTE, SECOND, Size
from tests.frames.windows import second_record
from tests.kafka.application import PROJECT, TIMEOUT_S, Application, finish, frame
from tests.terminal.pseudo_terminal import printed_on_a_terminal

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute


def counted(application: Application) -> None:
    """Count 130 seconds, of 1, 2, 3, 1, 2, … frames: with them, three minutes are closed."""
    application.create_topics()
    count(application, 0, 130)


def count(application: Application, first: int, end: int) -> None:
    """Feed the frames of some seconds after T, and close them."""
    frames = [frame(T + second, f"u{number}") for second in range(first, end) for number in range(second % 3 + 1)]
    application.send(frames, timestamp=(T + first) * 1000)
    application.run("--until-end")


def publish(producer: Producer, topic: str, record: Record) -> None:
    producer.produce(topic, record.value(), record.key.encode(), timestamp=record.start * 1000)
    assert producer.flush(TIMEOUT_S) == 0


def producer_of(application: Application) -> Producer:
    return Producer({"bootstrap.servers": application.bootstrap_servers})


def values(application: Application, role: str) -> list[str]:
    """Return the committed records of a topic, as they were published."""
    return [(message.value() or b"").decode() for message in application.read(role)]


def test_only_committed_results_are_shown_and_the_group_is_unchanged(application: Application) -> None:
    counted(application)
    seconds, minutes = values(application, "seconds"), values(application, "minutes")
    assert (len(seconds), len(minutes)) == (130, 3)
    both = [*seconds[:60], minutes[0], *seconds[60:120], minutes[1], *seconds[120:], minutes[2]]
    state = application.saved_state()
    assert application.run("results").splitlines() == both
    assert application.run("results", "--minutes", "--json").splitlines() == minutes

    producer = application.producer_in_transactions()
    producer.begin_transaction()
    publish(producer, application.topic("seconds"), second_record(T + 130, 7, 2.0, 0))
    assert application.run("results", "--seconds").splitlines() == seconds
    producer.abort_transaction(TIMEOUT_S)
    assert application.run("results", "--seconds").splitlines() == seconds
    assert application.saved_state() == state


def test_follow_shows_later_results_and_ends_cleanly_on_ctrl_c(application: Application) -> None:
    counted(application)
    process = application.start("results", "--follow", "--from", str(T + 120))
    assert process.stdout is not None
    there = [process.stdout.readline() for _ in range(11)]
    count(application, 180, 200)
    seconds, minutes = values(application, "seconds")[120:], values(application, "minutes")[2:]
    assert [line.rstrip("\n") for line in there] == [*seconds[:10], minutes[0]]
    assert len(seconds) > 10
    later = [process.stdout.readline().rstrip("\n") for _ in range(len(seconds) + len(minutes) - 11)]
    assert sorted(later) == sorted([*seconds[10:], *minutes[1:]])
    process.send_signal(signal.SIGINT)
    assert finish(process) == ""


def test_a_range_is_shown_in_the_order_of_the_log_and_records_before_it_are_not_read(application: Application) -> None:
    counted(application)
    producer, topic = producer_of(application), application.topic("seconds")
    seconds, again = values(application, "seconds"), second_record(T + 65, 9, 2.0, 0)
    publish(producer, topic, again)
    chosen = application.run("results", "--from", str(T + 63), "--to", "2016-07-11T13:40:08Z")
    assert chosen.splitlines() == [*seconds[63:68], again.value().decode()]

    application.variables["SEC_METRICS_OUTPUT_TOPIC"] = application.topic("other")
    application.create_topic("other", cleanup_policy="compact", message_timestamp_after_max_ms=str(2**63 - 1))
    producer.produce(application.topic("other"), b"nonsense", b"", timestamp=T * 1000)
    publish(producer, application.topic("other"), again)
    warned = f"warning: skipped {application.topic('other')}/0 offset 0: not a record of a second"
    assert application.run("results", "--seconds").splitlines() == [again.value().decode(), warned]
    assert application.run("results", "--seconds", "--from", str(T + 1)).splitlines() == [again.value().decode()]


def test_a_range_may_be_relative_to_now_and_last_ends_now_unless_it_is_followed(application: Application) -> None:
    application.create_topics()
    producer, topic, now = producer_of(application), application.topic("seconds"), int(time())
    old, recent, ahead = (second_record(start, 1, 1.0, 0) for start in (now - 7_200, now - 600, now + 600))
    for record in (old, recent, ahead):
        publish(producer, topic, record)

    def shown(*options: str) -> list[str]:
        return application.run("results", "--seconds", *options).splitlines()

    lines = [record.value().decode() for record in (old, recent, ahead)]
    assert shown("--from", "-1h") == lines[1:]
    assert shown("--from=-1h", "--to=now") == lines[1:2]
    assert shown("--last", "1h") == lines[1:2]
    assert shown("--to", "-1h") == lines[:1]
    process = application.start("results", "--seconds", "--last", "1h", "--follow")
    assert process.stdout is not None
    assert [process.stdout.readline().rstrip("\n") for _ in range(2)] == lines[1:]
    process.send_signal(signal.SIGINT)
    assert finish(process) == ""


def test_a_topic_that_changes_timestamps_is_read_from_its_start(application: Application) -> None:
    application.create_topic("seconds", message_timestamp_type="LogAppendTime")
    record = second_record(int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()), 9, 2.0, 0)
    publish(producer_of(application), application.topic("seconds"), record)
    assert application.run("results", "--seconds", "--from", "2099-01-01") == record.value().decode() + "\n"


def test_csv_and_parquet_contain_the_same_results_as_json(application: Application, tmp_path: Path) -> None:
    counted(application)
    count(application, 8000, 8005)  # after a gap that gets no rows
    records = [
        {"kind": "minute" if "unique_users" in record else "second"} | record
        for record in sorted(
            application.records("seconds") + application.records("minutes"),
            key=lambda record: (record["end"], record["end"] - record["timestamp"]),
        )
    ]
    assert [record["gap_s"] for record in records if "gap_s" in record] == [7870, 7800]
    rows = csv.DictReader(io.StringIO(application.run("results", "--csv")))
    assert [{name: text for name, text in row.items() if text} for row in rows] == [
        {name: str(value) for name, value in record.items()} for record in records
    ]

    path = tmp_path / "results.parquet"
    assert (
        application.run("results", "--parquet", path)
        == f"wrote {path}: 135 one-second windows and 4 one-minute windows\n"
    )
    read_back = [
        {name: value for name, value in row.items() if value is not None} for row in read_table(path).to_pylist()
    ]
    for record in records:
        del record["datetime"]
        record |= {name: datetime.fromtimestamp(record[name], UTC) for name in ("timestamp", "end")}
    assert read_back == records


def test_keys_show_where_each_record_is_beside_its_value(application: Application, tmp_path: Path) -> None:
    counted(application)
    minutes = application.read("minutes")
    assert [json.loads(line) for line in application.run("results", "--minutes", "--keys").splitlines()] == [
        {
            "topic": application.topic("minutes"),
            "partition": 0,
            "offset": message.offset(),
            "timestamp_ms": (T + 60 * number) * 1000,
            "key": f"2016-07-11T13:{39 + number}:00Z",
            "value": json.loads(message.value() or b""),
        }
        for number, message in enumerate(minutes)
    ]
    rows = [*csv.DictReader(io.StringIO(application.run("results", "--minutes", "--keys", "--csv")))]
    assert [(row["offset"], row["key"]) for row in rows] == [
        (f"{message.offset()}", (message.key() or b"").decode()) for message in minutes
    ]
    path = tmp_path / "results.parquet"
    application.run("results", "--minutes", "--keys", "--parquet", path)
    columns = ["topic", "partition", "offset", "timestamp_ms", "key"]
    assert read_table(path, columns=columns).to_pylist() == [
        {
            "topic": application.topic("minutes"),
            "partition": 0,
            "offset": message.offset(),
            "timestamp_ms": message.timestamp()[1],
            "key": (message.key() or b"").decode(),
        }
        for message in minutes
    ]


def test_a_table_in_a_pipe_is_plain_and_complete_and_grows_row_by_row(application: Application) -> None:
    application.create_topics()
    application.variables["COLUMNS"] = "30"
    producer, topic = producer_of(application), application.topic("seconds")
    process = application.start("results", "--seconds", "--table", "--keys", "--follow", "--from", f"{T}")
    assert process.stdout is not None
    for number in range(3):  # each row is read before the next record exists
        publish(producer, topic, second_record(T + number, 9 * 10**9, 9_999_999.5, 0))
        if number == 0:
            heading = process.stdout.readline().split()
            assert heading == ["window", "frames", "average", "partition", "offset", "timestamp_ms"]
        cells = [f"2016-07-11T13:39:0{number}Z", "9,000,000,000", "9,999,999.500", "0", f"{number}", f"{T + number}000"]
        assert process.stdout.readline().split() == cells
    process.send_signal(signal.SIGINT)
    assert "\x1b" not in finish(process)


def test_on_a_terminal_results_are_a_table_whose_bars_are_scaled_to_the_largest(application: Application) -> None:
    counted(application)
    count(application, 8000, 8002)  # after a gap that gets no rows
    own = dict(application.environment().items() - os.environ.items())
    shown = printed_on_a_terminal(
        f"import os, runpy, sys; os.environ |= {own}; sys.argv = ['app.py', 'results', '--from', '{T + 127}']; "
        "runpy.run_path('app.py', run_name='__main__')"
    )
    lines = [re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", line).strip() for line in shown.splitlines()]
    heading = next(at for at, line in enumerate(lines) if "window  " in line)
    assert [re.split("  +", line) for line in lines[heading + 1 :]] == [
        ["2016-07-11T13:41:07Z", "second", "2", "1.992", "█" * 10],
        ["2016-07-11T13:41:08Z", "second", "3", "2.000", "█" * 15],
        ["2016-07-11T13:41:09Z", "second", "1", "1.992", "█" * 5],
        ["gap of 7,870 s"],
        ["2016-07-11T15:52:20Z", "second", "3", "2.000", "█" * 15],
        ["2016-07-11T15:52:21Z", "second", "1", "1.992", "█" * 5],
        ["gap of 7,800 s"],
        ["2016-07-11T15:52:00Z", "minute", "3", "4", "3.000", "█" * 15],
    ]


def test_missing_topics_are_an_error(application: Application) -> None:
    said = application.run("results", exit_code=5)
    assert f"topics are missing on {application.bootstrap_servers}" in said
    assert f"MIN_METRICS_OUTPUT_TOPIC={application.topic('minutes')}" in said
    assert "python app.py prepare-topics" in said


def test_follow_ends_when_its_reader_has_gone_even_without_new_results(application: Application) -> None:
    application.create_topics()
    publish(producer_of(application), application.topic("seconds"), second_record(T, 9, 2.0, 0))
    finished = subprocess.run(
        ["bash", "-c", f"{sys.executable} {PROJECT}/app.py results --follow | head -1; exit ${{PIPESTATUS[0]}}"],
        env=application.environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert finished.stdout == second_record(T, 9, 2.0, 0).value().decode() + "\n"
    assert (finished.returncode, finished.stderr) == (141, "")


def test_ctrl_c_that_also_ends_the_reader_is_not_an_error(application: Application) -> None:
    application.create_topics()
    publish(producer_of(application), application.topic("seconds"), second_record(T, 9, 2.0, 0))
    pipe = f"trap : INT; {sys.executable} {PROJECT}/app.py results --follow | cat; exit ${{PIPESTATUS[0]}}"
    with subprocess.Popen(
        ["bash", "-c", pipe],
        env=application.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == second_record(T, 9, 2.0, 0).value().decode() + "\n"
        os.killpg(process.pid, signal.SIGINT)
        _, warned = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, warned) == (0, "")


def test_partitions_are_merged_by_ends_and_late_records_stay_after_those_published_before_them() -> None:
    #  seconds/0  0 59 61 58
    #  seconds/1  1 60
    #  minutes/0  0 60
    def result(size: Size, start: int) -> Result:
        return Result(Record(size, start, 1, 1, 1.0), b"")

    parts = [
        [result(MINUTE, 0), result(MINUTE, 60)],
        [result(SECOND, start) for start in (0, 59, 61, 58)],
        [result(SECOND, 1), result(SECOND, 60)],
    ]
    assert [(at.window.size.size_s, at.window.start) for at in by_ends(parts)] == [
        *((1, 0), (1, 1), (1, 59), (60, 0), (1, 60), (1, 61), (1, 58), (60, 60)),
    ]
