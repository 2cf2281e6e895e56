"""`verify` on a real broker: it agrees with what the job did, and names whatever was done to the outputs since."""

import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from metrics.frames.producer import generator
from tests.kafka.application import LIVE, TIMEOUT_S, Application, finish, frame, wait_until

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute

Rows = list[tuple[bytes | None, bytes | None]]


def verdict(application: Application, *arguments: str, exit_code: int = 0) -> dict[str, Any]:
    """Verify, and return what machines read."""
    found = application.answer("verify", "--json", *arguments, exit_code=exit_code)
    assert found["agrees"] == (exit_code == 0)
    return found


def differences(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the differences of windows: kind, window, recount, outputs."""
    kept = [tuple(at[name] or "" for name in ("kind", "window", "recount", "published")) for at in found["differences"]]
    return [row for row in kept if row[1]]


def send(application: Application, topic: str, rows: Rows, partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": application.bootstrap_servers})
    for key, value in rows:
        producer.produce(topic, value, key, partition)
    assert producer.flush(TIMEOUT_S) == 0


def forge_seconds(application: Application, forge: Callable[[Rows], object], partitions: int = 1) -> None:
    """Put a copy of the seconds with changes in their place."""
    rows: Rows = [(message.key(), message.value()) for message in application.read("seconds")]
    forge(rows)
    topic = application.topic("forged")
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    admin.create_topics([NewTopic(topic, partitions, 1, config={"retention.ms": "-1"})])[topic].result(TIMEOUT_S)
    for number, row in enumerate(rows):
        send(application, topic, [row], number % partitions)
    application.variables["SEC_METRICS_OUTPUT_TOPIC"] = topic


def forge_rejected(application: Application, headers: dict[str, str | bytes | None]) -> None:
    """Put one record with other headers in the place of the rejected frames."""
    topic = application.topic(f"rejected-{uuid4().hex}")
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(TIMEOUT_S)
    producer = Producer({"bootstrap.servers": application.bootstrap_servers})
    producer.produce(topic, b"", partition=0, headers=headers)
    assert producer.flush(TIMEOUT_S) == 0
    application.variables["REJECTED_TOPIC"] = topic


def ten_seconds(application: Application) -> None:
    """Count ten seconds: 1 frame in the first, 2 in the second, …."""
    application.create_topics()
    frames = [frame(T + second, f"u{number}") for second in range(10) for number in range(second + 1)]
    application.send(frames, timestamp=LIVE)
    application.run("--until-end")


@pytest.mark.parametrize("partitions", [1, 3])
def test_the_outputs_of_disorder_and_rubbish_agree(application: Application, tmp_path: Path, partitions: int) -> None:
    frames = list(generator.frames(count=20_000, rate=100, users=500, delay_s=90, delay_probability=0.05, seed=3))
    frames[500:500] = [b"no frame", b"{}", frame(T * 2, "wild"), frame(T + 10**9, "wild")]
    application.prepare(tmp_path, frames, "--partitions", str(partitions))
    application.run("--until-end")
    found = verdict(application)
    assert found["differences"] == []
    assert found["compared"]["seconds"] == len(application.seconds())
    assert found["compared"]["minutes"] == len(application.minutes())
    terms = {term["name"]: (term["state"], term["recount"]) for term in found["conservation"]}
    assert terms["consumed"] == (20_004, 20_004)
    assert terms["invalid"] == (2, 2)
    assert terms["future"] == (2, 2)
    assert terms["late"][0] == terms["late"][1] > 100
    assert "the outputs agree with the input\n" in application.run("verify")


def test_what_is_still_open_is_not_missing(application: Application) -> None:
    application.create_topics()
    application.send([frame(T + second, "a") for second in range(10)], timestamp=LIVE)
    process = application.start()
    wait_until(lambda: application.committed_windows("seconds") == 4, "the seconds that event time has passed")
    process.send_signal(signal.SIGINT)
    finish(process)
    found = verdict(application)
    assert found["compared"] == {"seconds": 4, "minutes": 0}
    assert found["not_closed_yet"] == {"seconds": 6, "minutes": 1}


def test_a_falsified_record_is_named_with_both_values(application: Application) -> None:
    ten_seconds(application)

    def forge(rows: Rows) -> None:
        key, value = rows[3]
        rows[3] = key, (value or b"").replace(b'"num_of_frames":4', b'"num_of_frames":5')

    forge_seconds(application, forge)
    found = verdict(application, exit_code=1)
    assert differences(found) == [("differs", "2016-07-11T13:39:03Z", "4 frames, avg 2.500", "5 frames, avg 2.500")]
    assert found["counts"] == {"differs": 1}
    printed = application.run("verify", exit_code=1)
    assert "2016-07-11T13:39:03Z" in printed
    assert "the outputs differ from the input: differs 1" in printed


def test_a_count_falsified_downwards_is_refuted_by_its_average(application: Application) -> None:
    ten_seconds(application)

    def forge(rows: Rows) -> None:
        key, value = rows[3]
        rows[3] = key, (value or b"").replace(b'"num_of_frames":4', b'"num_of_frames":3')

    forge_seconds(application, forge)
    assert differences(verdict(application, exit_code=1)) == [
        ("differs", "2016-07-11T13:39:03Z", "4 frames, avg 2.500", "3 frames, avg 2.500")
    ]


def test_a_doubled_record_is_named_with_all_its_values(application: Application) -> None:
    ten_seconds(application)
    [*_, first] = [message for message in application.read("seconds") if message.key() == b"2016-07-11T13:39:01Z"]
    other = (first.value() or b"").replace(b'"num_of_frames":2', b'"num_of_frames":9')
    send(application, application.topic("seconds"), [(first.key(), other)])
    assert differences(verdict(application, exit_code=1)) == [
        ("doubled", "2016-07-11T13:39:01Z", "2 frames, avg 1.500", "2 frames, avg 1.500; 9 frames, avg 1.500")
    ]


def test_a_record_that_is_not_there_is_missing(application: Application) -> None:
    ten_seconds(application)
    forge_seconds(application, lambda rows: rows.pop(5))
    assert differences(verdict(application, exit_code=1)) == [
        ("missing", "2016-07-11T13:39:05Z", "6 frames, avg 3.500", "")
    ]


@pytest.mark.parametrize("number", [0, 9])
def test_the_first_and_the_last_record_are_missed_too(application: Application, number: int) -> None:
    ten_seconds(application)
    forge_seconds(application, lambda rows: rows.pop(number))
    [(kind, window, *_)] = differences(verdict(application, exit_code=1))
    assert (kind, window) == ("missing", f"2016-07-11T13:39:0{number}Z")


def test_a_record_without_value_deletes_its_window(application: Application) -> None:
    ten_seconds(application)
    send(application, application.topic("minutes"), [(b"2016-07-11T13:39:00Z", None)])
    values = "10 users, 55 frames, avg 10.000"
    assert differences(verdict(application, exit_code=1)) == [("deleted", "2016-07-11T13:39:00Z", values, values)]


def test_records_of_windows_that_never_were_are_too_many(application: Application) -> None:
    ten_seconds(application)
    value = (
        b'{"timestamp":1468244400,"datetime":"2016-07-11T13:40:00Z","end":1468244401,'
        b'"num_of_frames":7,"avg_num_of_frames":5.636}'
    )
    send(application, application.topic("seconds"), [(b"2016-07-11T13:40:00Z", value), (b"key", b"no record")])
    found = verdict(application, exit_code=1)
    assert differences(found) == [("too many", "2016-07-11T13:40:00Z", "", "7 frames, avg 5.636")]
    assert found["counts"] == {"too many": 1, "unreadable": 1}


def test_results_in_several_partitions_are_read_in_the_order_of_their_windows(application: Application) -> None:
    ten_seconds(application)
    forge_seconds(application, lambda _: None, partitions=3)
    assert verdict(application)["compared"] == {"seconds": 10, "minutes": 1}


def test_a_range_compares_its_windows_alone_with_their_averages(application: Application) -> None:
    ten_seconds(application)

    def forge(rows: Rows) -> None:
        key, value = rows[3]
        rows[3] = key, (value or b"").replace(b'"num_of_frames":4', b'"num_of_frames":5')
        key, value = rows[8]
        rows[8] = key, (value or b"").replace(b'"avg_num_of_frames":5.0', b'"avg_num_of_frames":6.0')

    forge_seconds(application, forge)
    before = ["--from", "2016-07-11T13:39:00Z", "--to", "2016-07-11T13:39:03Z"]
    assert verdict(application, *before)["compared"] == {"seconds": 3, "minutes": 0}
    assert verdict(application, "--from", str(T + 60))["verdict"] == "nothing to compare"
    within = ["--from", "2016-07-11T13:39:03Z", "--to", str(T + 6)]
    assert differences(verdict(application, *within, exit_code=1)) == [
        ("differs", "2016-07-11T13:39:03Z", "4 frames, avg 2.500", "5 frames, avg 2.500")
    ]


def test_an_average_alone_is_verified_in_a_range(application: Application) -> None:
    ten_seconds(application)

    def forge(rows: Rows) -> None:
        key, value = rows[8]
        rows[8] = key, (value or b"").replace(b'"avg_num_of_frames":5.0', b'"avg_num_of_frames":6.0')

    forge_seconds(application, forge)
    assert differences(verdict(application, "--from", str(T + 7), exit_code=1)) == [
        ("average", "2016-07-11T13:39:08Z", "9 frames, avg 5.000", "9 frames, avg 6.000")
    ]


def test_rows_of_zero_and_longer_gaps_agree(application: Application) -> None:
    application.variables["GAP_LIMIT_S"] = "20"
    application.create_topics()
    application.send([frame(T + second, "a") for second in (0, 1, 15, 200, 201)], timestamp=LIVE)
    application.run("--until-end")
    assert verdict(application)["compared"] == {"seconds": 18, "minutes": 2}


def test_restarts_and_input_that_comes_later_agree(application: Application) -> None:
    application.create_topics(2)
    for part in range(3):
        seconds = range(part * 100, part * 100 + 100)
        application.send([frame(T + second, f"u{second % 7}") for second in seconds], part % 2, timestamp=LIVE)
        application.run("--until-end")
    assert verdict(application)["differences"] == []


def test_frames_that_came_after_idle_time_had_closed_their_second_do_not_contradict_the_state(
    application: Application,
) -> None:
    #   partition 0   T+39                    (idle: closed to T+60)       T+49
    #   partition 1   T+39   T+49   T+59
    application.variables["IDLE_S"] = "1"
    application.create_topics(2)
    application.send([frame(T + 39, "a")], 0, timestamp=LIVE)
    process = application.start()
    wait_until(lambda: application.position(0) == 1, "partition 0 is read")
    application.send([frame(T + second, "b") for second in (39, 49, 59)], 1, timestamp=LIVE)
    wait_until(lambda: application.committed_windows("minutes") == 1, "idle time closes all")
    application.send([frame(T + 49, "c")], 0, timestamp=LIVE)
    wait_until(lambda: application.position(0) == 2, "the late frame is read")
    process.send_signal(signal.SIGINT)
    finish(process)
    late = {"name": "late", "state": 1, "recount": 1}
    assert verdict(application)["conservation"][2] == late

    [rejected] = application.read("rejected")
    headers = dict(rejected.headers() or [])
    forge_rejected(application, headers | {"detail": b"in other words"})
    assert verdict(application)["conservation"][2] == late
    forge_rejected(application, headers | {"event_time": b"%d" % (T + 65)})  # its own event time had passed its minute
    assert verdict(application, exit_code=1)["differences"]
    del headers["ts"], headers["event_time"]
    forge_rejected(application, headers)
    found = verdict(application)
    assert found["conservation"][2] == late
    assert found["remarks"][0].startswith("1 late frame in ")
    assert found["remarks"][0].endswith(
        "without the headers ts and event_time (earlier versions wrote none): taken to be late, not verified"
    )


def test_a_second_closed_by_idle_time_whose_minute_was_open_is_reported_as_undecided(application: Application) -> None:
    #   partition 0   T     (idle)           T+10: late for its second, counted for its minute
    #   partition 1   T  T+10 T+20  T+21 …   it goes on, so only what it has passed is closed
    application.variables["IDLE_S"] = "1"
    application.create_topics(2)
    process = application.start()
    application.send([frame(T, "a")], 0, timestamp=LIVE)
    second = 0

    def is_closed_without_partition_0() -> bool:
        nonlocal second
        second = min(second + 1, 50)
        application.send([frame(T + second, "b")], 1, timestamp=LIVE)
        return application.committed_windows("seconds") > 11

    wait_until(is_closed_without_partition_0, "partition 0 is silent")
    assert application.committed_windows("minutes") == 0
    application.send([frame(T + 10, "c")], 0, timestamp=LIVE)
    wait_until(lambda: application.position(0) == 2, "the late frame is read")
    process.send_signal(signal.SIGINT)
    finish(process)
    found = verdict(application)
    assert differences(found) == [("closed early", "2016-07-11T13:39:10Z", "2 frames", "1 frame")]
    assert found["late_by_early_closing"] == 1
    printed = application.run("verify")
    assert "closed early: 1 second; 1 frame arrived afterwards; the log proves neither value" in printed


def test_an_input_without_its_first_frames_is_verified_from_the_first_complete_window(application: Application) -> None:
    application.create_topics()
    application.send([frame(T + second // 2, "a") for second in range(600)], timestamp=LIVE)
    application.run("--until-end")
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    place = TopicPartition(application.topic("frames"), 0, 101)
    admin.delete_records([place])[place].result(TIMEOUT_S)
    found = verdict(application)
    assert found["from"] == "2016-07-11T13:41:00Z"
    assert found["compared"] == {"seconds": 180, "minutes": 3}
    assert found["conservation"] == []
    assert "no longer has its first frames" in found["remarks"][0]


def test_outputs_of_an_input_that_is_gone_could_not_be_compared(application: Application) -> None:
    ten_seconds(application)
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    for first in (1, 55):  # its first frame, and all
        place = TopicPartition(application.topic("frames"), 0, first)
        admin.delete_records([place])[place].result(TIMEOUT_S)
        found = verdict(application, exit_code=1)
        assert (found["verdict"], found["counts"]) == ("not compared", {})
        assert found["published"] == {"seconds": 10, "minutes": 1}
        assert "before 2016-07-11T13:40:00Z" in found["why_not_compared"]
    assert "no window could be compared (published: 10 one-second windows and 1 one-minute window)" in application.run(
        "verify", exit_code=1
    )


def test_a_rejected_frame_that_is_not_in_its_topic_is_missed(application: Application) -> None:
    application.create_topics()
    application.send([b"no frame", frame(T, "a")], timestamp=LIVE)
    application.run("--until-end")
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    place = TopicPartition(application.topic("rejected"), 0, 1)
    admin.delete_records([place])[place].result(TIMEOUT_S)
    assert verdict(application, exit_code=1)["differences"] == [
        {
            "kind": "rejected",
            "of": "not_json, partition 0",
            "window": None,
            "recount": "1 frame",
            "published": "0 frames",
            "note": "",
        }
    ]


STAMP = T * 1000
TRACE: list[tuple[str, str | bytes | None]] = [("trace", b"\x00\xff"), ("none", None)]


def send_ten(application: Application, partitions: int = 1) -> list[bytes]:
    """Send ten frames to each partition, some rubbish before the first and the fifth, and return them."""
    frames = [frame(T + second, f"u{second}") for second in range(10)]
    for partition in range(partitions):
        how = {"key": b"k%d" % partition, "headers": TRACE, "timestamp": STAMP}
        application.send([b"no frame", *frames[:4], b"no frame", *frames[4:]], partition, **how)
    return frames


def forge_stream(application: Application, forged: dict[int, list[tuple[bytes, int]]]) -> None:
    """Put other records, value and timestamp, in the place of the republished stream."""
    topic = application.topic("forged")
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    config = {"retention.ms": "-1", "message.timestamp.after.max.ms": str(2**63 - 1)}
    admin.create_topics([NewTopic(topic, len(forged), 1, config=config)])[topic].result(TIMEOUT_S)
    producer = Producer({"bootstrap.servers": application.bootstrap_servers})
    for partition, rows in forged.items():
        for value, timestamp in rows:
            producer.produce(topic, value, b"k%d" % partition, partition, headers=TRACE, timestamp=timestamp)
    assert producer.flush(TIMEOUT_S) == 0
    application.variables["OUTPUT_STREAM"] = topic


def test_any_change_to_republished_frames_is_found_in_its_partition(application: Application) -> None:
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.create_topics(6)
    frames = send_ten(application, 6)
    application.run("--until-end")
    assert "compared 60 republished frames\n" in application.run("verify")
    right = [(value, STAMP) for value in frames]
    forge_stream(
        application,
        {
            0: [*right[:3], *right[4:]],  # one is missing
            1: [*right[:8], right[7], *right[8:]],  # doubled
            2: [*right[:5], (right[5][0] + b" ", STAMP), *right[6:]],
            3: [*right[:9], (right[9][0], STAMP + 1)],
            4: [*right, (b"no frame", STAMP)],
            5: [*right[:2], right[3], right[2], *right[4:]],  # out of order, which is not compared
        },
    )
    found = verdict(application, exit_code=1)
    name, forged = application.topic("frames"), application.topic("forged")
    assert [(at["kind"], at["recount"], at["published"], at["note"]) for at in found["differences"]] == [
        ("frame missing", f"10 frames of {name}/0", f"9 frames in {forged}/0", ""),
        ("frame too many", f"10 frames of {name}/1", f"11 frames in {forged}/1", ""),
        ("frame differs", f"10 frames of {name}/2", f"10 frames in {forged}/2", "not the same frames"),
        ("frame differs", f"10 frames of {name}/3", f"10 frames in {forged}/3", "not the same timestamps"),
        ("frame too many", f"10 frames of {name}/4", f"11 frames in {forged}/4", ""),
    ]
    assert found["republished"]["compared"] == 20


def test_a_key_or_a_header_that_differs_from_the_frame_is_found(application: Application) -> None:
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.create_topics(2)
    frames = send_ten(application, 2)
    application.run("--until-end")
    right = [(value, STAMP) for value in frames]
    forge_stream(application, {0: right[:9], 1: right[:9]})
    how: dict[str, Any] = {"partition": 0, "key": b"k0", "headers": TRACE, "timestamp": STAMP}
    producer = Producer({"bootstrap.servers": application.bootstrap_servers})
    for other in ({"key": b"k1"}, {"partition": 1, "key": b"k1", "headers": TRACE[:1]}):
        producer.produce(application.topic("forged"), frames[9], **how | other)
    assert producer.flush(TIMEOUT_S) == 0
    found = verdict(application, exit_code=1)
    assert found["counts"] == {"frame differs": 2}


def test_frames_that_a_reset_let_republish_again_are_too_many_and_the_reset_is_named(application: Application) -> None:
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.create_topics()
    send_ten(application)
    application.run("--until-end")
    application.run("reset-offsets", "--to", "offset:6", "--execute")
    application.run("--until-end")
    found = verdict(application, exit_code=1)
    [doubled] = [difference for difference in found["differences"] if difference["of"] == "republished"]
    assert (doubled["kind"], doubled["recount"].split()[0]) == ("frame too many", "10")
    assert (doubled["published"].split()[0], doubled["note"][:19]) == ("16", "the group was reset")


def test_a_stream_that_begins_later_than_the_input_is_compared_from_its_first_frame(
    application: Application,
) -> None:
    #   input offsets    0 … 4   (5)  6 7 8 9  (10)  11 … 16
    #   gone later       ———————————————————
    #   republished                   6 7 8 9        11 … 16
    #   gone later                    ———
    application.create_topics()
    application.send([frame(T, "early")] * 5, timestamp=LIVE)
    application.run("--until-end")
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.create_topic("republished", retention_ms="-1")
    send_ten(application)
    application.run("--until-end")
    found = verdict(application)
    assert (found["republished"]["compared"], found["republished"]["from_offsets"]) == (10, {"0": 6})
    assert f"{application.topic('frames')}/0 from offset 6 on" in found["remarks"][0]
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    for role, first in (("republished", 2), ("frames", 9)):
        place = TopicPartition(application.topic(role), 0, first)
        admin.delete_records([place])[place].result(TIMEOUT_S)
    found = verdict(application, exit_code=1)  # the input no longer tells what the windows must be
    assert (found["verdict"], found["counts"]) == ("not compared", {})
    assert (found["republished"]["compared"], found["republished"]["older"]) == (7, 1)


def test_a_stream_of_fewer_partitions_than_the_input_may_mix_their_frames(application: Application) -> None:
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.create_topic("republished", retention_ms="-1")
    application.create_topics(3)
    send_ten(application, 3)
    application.run("--until-end")
    assert verdict(application)["republished"]["compared"] == 30
    assert verdict(application, "--from", str(T))["republished"] is None


def test_a_group_that_never_ran_has_nothing_to_verify(application: Application) -> None:
    application.create_topics()
    assert "has no state" in application.run("verify", exit_code=7)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "yesterday"], "invalid --from time 'yesterday'"),
        (["--to", "99999999999999"], "invalid --to time '99999999999999'"),
        (["--from", "20", "--to", "10"], "--from 20 is not before --to 10"),
    ],
)
def test_an_invalid_range_is_refused(application: Application, arguments: Sequence[str], said: str) -> None:
    assert said in application.run("verify", *arguments, exit_code=2)


def test_rows_are_limited_and_the_rest_is_counted(application: Application) -> None:
    ten_seconds(application)
    forge_seconds(application, lambda rows: rows.clear())
    printed = application.run("verify", "--rows", "3", exit_code=1)
    assert printed.count("missing") == 4
    assert "and 7 more differences" in printed
