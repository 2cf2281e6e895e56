"""Partitions that send, but say nothing about time, on a real broker: they keep no window open, and pause no other."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from tests.kafka.application import Application, finish, frame, wait_until

T = 1468244340  # 2016-07-11T13:39:00Z
LIVE_MS = T * 1000
SAYS_NOTHING: dict[str, Callable[[int], bytes | None]] = {
    "rejected": lambda number: b"no frame %d" % number,
    "tombstones": lambda _: None,
    "milliseconds": lambda number: frame((T + number) * 1000, "a"),
    "far ahead": lambda number: frame(T + number * 100_000_000, "a"),
    "a clock that stands still": lambda _: frame(T, "a"),
}


@contextmanager
def sending(send: Callable[[int], None], every_s: float) -> Iterator[None]:
    """Call a function with 0, 1, 2 … in a thread, for as long as the context lasts."""
    ending = Event()

    def run() -> None:
        number = 0
        while not ending.wait(every_s):
            send(number)
            number += 1

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def closed(application: Application) -> int:
    return application.committed_windows("seconds")


@pytest.mark.parametrize("kind", SAYS_NOTHING)
def test_a_partition_without_new_event_time_keeps_no_window_open_and_pauses_no_other(
    application: Application, kind: str
) -> None:
    #  wall time      0    0.1  0.2  0.3 …
    #  partition 0    T    T+1  T+2  T+3 …       after 0.5 s, more than ALIGN_S ahead of partition 1
    #  partition 1    T+1  what says nothing about time
    application.variables |= {"IDLE_S": "1", "ALIGN_S": "5", "LATENESS_S": "1"}
    application.create_topics(2)
    bad = SAYS_NOTHING[kind]

    def send(number: int) -> None:
        application.send([frame(T + number, "a")], partition=0, timestamp=LIVE_MS)
        application.send([bad(number)], partition=1, timestamp=LIVE_MS)

    application.send([frame(T + 1, "b")], partition=1, timestamp=LIVE_MS)
    process = application.start()
    with sending(send, 0.1):
        wait_until(lambda: application.position(1) > 0, "it counts")
        began_s = time.monotonic()
        wait_until(lambda: closed(application) >= 3, "seconds are closed")
        assert time.monotonic() - began_s < 1 + 4
        seconds = closed(application)
        wait_until(lambda: closed(application) >= seconds + 20, "further ones are closed as they come")
        assert time.monotonic() - began_s < 1 + 4 + 2 + 4
    process.send_signal(signal.SIGINT)
    finish(process)


def test_without_new_event_time_anywhere_it_advances_with_wall_time(application: Application) -> None:
    application.variables |= {"IDLE_S": "1", "LATENESS_S": "0"}
    application.create_topics()
    application.send([frame(T, "a")], timestamp=LIVE_MS)
    process = application.start()
    with sending(lambda _: application.send([None]), 0.1):
        wait_until(lambda: closed(application) == 1, "the second is closed")
    process.send_signal(signal.SIGINT)
    finish(process)
    assert [json.loads(message.value() or b"")["num_of_frames"] for message in application.read("seconds")] == [1]


def test_a_partition_that_keeps_windows_open_too_long_is_reported_once_with_its_cause_and_once_at_the_end(
    application: Application,
) -> None:
    #  wall time      0     2    …
    #  partition 0    T     T+2  …     goes on
    #  partition 1    T  (open transaction)             holds all from T on, until it is aborted
    application.variables |= {"IDLE_S": "1", "LATENESS_S": "1", "ALIGN_S": "5"}
    application.create_topics(2)
    application.send([frame(T, "b")], partition=1, timestamp=LIVE_MS)
    producer = application.producer_in_transactions()
    producer.begin_transaction()
    producer.produce(application.topic("frames"), frame(T + 1, "b"), partition=1, timestamp=LIVE_MS)
    producer.flush(30)
    process = application.start()
    with sending(lambda number: application.send([frame(T + number, "a")], timestamp=LIVE_MS), 0.2):
        wait_until(lambda: kept_open_by(application) == [(1, "transaction")], "the state shows it")
        status, text = application.status(), application.run("status")
        producer.abort_transaction(30)
        wait_until(lambda: not kept_open_by(application), "it is over")
        wait_until(lambda: closed(application) >= 20, "seconds close")
    process.send_signal(signal.SIGINT)
    output = finish(process)
    assert status["held_open"]["by"] == [{"partition": 1, "waits_for": "transaction"}]
    assert status["held_open"]["start"]["datetime"] == "2016-07-11T13:39:00Z"
    assert status["held_open"]["paused"] == 1
    assert [partition["waits_for"] for partition in status["partitions"]] == ["paused", "transaction"]
    expected = "partition 1 keeps them open (a producer's transaction is open)"
    assert expected in text
    warnings = [line for line in output.splitlines() if line.startswith("warning: seconds")]
    assert len(warnings) == 2
    assert warnings[0].startswith("warning: seconds from 2016-07-11T13:39:00Z have been open for ")
    assert expected in warnings[0]
    assert warnings[1].startswith("warning: seconds are no longer kept open; some were, for ")


def kept_open_by(application: Application) -> list[tuple[int, str]]:
    saved = application.saved_state()
    return [*saved.health.overdue.partitions] if saved and saved.health.overdue else []


def test_a_wrong_stream_is_reported_unasked(application: Application) -> None:
    application.create_topics()
    process = application.start()
    application.send([b"none"] * 90 + [frame(T + second, "a") for second in range(10)], timestamp=LIVE_MS)
    wait_until(lambda: application.position(0) == 100, "all is read")
    wait_until(lambda: application.status()["last_minute"]["is_wrong"], "the state tells")
    status, text = application.status(), application.run("status")
    process.send_signal(signal.SIGINT)
    output = finish(process)
    assert (status["last_minute"]["frames"], status["last_minute"]["error"]["parts"]) == (100, {"not_json": 90})
    expected = "are late or rejected (90 of 100): 90 not_json"
    assert expected in text
    assert sum(line.startswith("warning: 90.0% of the frames since ") for line in output.splitlines()) == 1
    assert expected in output


def test_a_stream_with_a_few_wrong_frames_raises_no_warning(application: Application) -> None:
    application.create_topics()
    application.send([b"none"] * 2 + [frame(T + second, "a") for second in range(98)], timestamp=LIVE_MS)
    assert "warning" not in application.run("--until-end")


def test_a_short_run_reports_a_wrong_stream_too(application: Application) -> None:
    application.create_topics()
    application.send([b"none"] * 10)
    output = application.run("--until-end")
    assert sum(line.startswith("warning: 100.0% of the frames since ") for line in output.splitlines()) == 1
