"""When a run stopped and why, and how long each stream was listened to."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.journal import AnyEntry, Closed, Failed, Opened, Started, Stopped, Taken
from metrics.harvest.core.timeline import Listening, StreamEntry, StreamTimeline, Timeline

STARTED = Started(at_us=1_000_000, run="20231207_170121", seconds=20, name="Sytac", times=3, frame_limit_bytes=1 << 20)


def timeline(*entries: AnyEntry) -> Timeline:
    run = Timeline(STARTED)
    for entry in entries:
        run.take(entry)
    return run


def opened(at_us: int, requested_us: int, connection: int = 1, stream: str = "sytflix") -> Opened:
    return Opened(at_us=at_us, stream=stream, connection=connection, requested_us=requested_us)


def closed(at_us: int, connection: int = 1) -> Closed:
    return Closed(at_us=at_us, stream="sytflix", connection=connection, why="cut")


def failed(at_us: int, status: int | None = None, *, is_final: bool = False) -> Failed:
    return Failed(at_us=at_us, stream="sytflix", why=f"answered {status}", is_final=is_final, status=status)


def stopped(at_us: int) -> Stopped:
    return Stopped(at_us=at_us, by="time")


def test_a_stream_is_listened_to_from_its_request_to_the_stop() -> None:
    # µs       1,000,000  1,000,007  1,250,000       20,695,779
    # sytflix  start      request    opened          stop
    run = timeline(opened(1_250_000, 1_000_007), stopped(20_695_779))
    assert run.listening("sytflix") == Listening(19_695_772, 1, "read", None)
    assert (run.stopped_at_us, run.stopped_by) == (20_695_779, "time")


def test_the_time_without_a_connection_and_failed_requests_are_not_listened_to() -> None:
    # s        1 ...... 2 ... 3 .... 5 ........ 6 ....... 7 ....... 8 ... 9 ..... 11
    # sytflix  request  open         closed     request   failed    req.  open    stop
    # listened |----------- 4 s -----|                              |--- 3 s -----|
    run = timeline(
        opened(2_000_000, 1_000_000),
        Taken(at_us=3_000_000, stream="sytflix", connection=1),
        closed(5_000_000),
        failed(7_000_000, 503),
        opened(9_000_000, 8_000_000, 2),
        stopped(11_000_000),
    )
    assert run.listening("sytflix") == Listening(7_000_000, 2, "read", None)


def test_a_killed_run_is_over_with_the_last_entry_of_its_journal() -> None:
    run = timeline(opened(2_000_000, 1_000_000), Taken(at_us=3_500_000, stream="sysney", connection=1))
    assert (run.stopped_at_us, run.stopped_by) == (3_500_000, "killed")
    assert run.listening("sytflix") == Listening(2_500_000, 1, "read", None)


def test_a_run_that_was_killed_at_once_listened_to_nothing() -> None:
    run = Timeline(STARTED)
    assert (run.stopped_at_us, run.stopped_by) == (1_000_000, "killed")
    assert {run.listening(stream) for stream in STREAMS} == {
        Listening(0, 0, "away", "did not answer before the run stopped")
    }


def taken(at_us: int, connection: int = 1) -> Taken:
    return Taken(at_us=at_us, stream="sytflix", connection=connection)


@pytest.mark.parametrize(
    ("entries", "outcome", "why"),
    [
        ([], "away", "did not answer before the run stopped"),
        ([opened(2, 1)], "read", None),
        ([opened(2, 1), closed(3)], "away", "cut"),  # without a frame
        ([opened(2, 1), taken(3), closed(4)], "read", None),  # stopped before the next request
        ([opened(2, 1), taken(3), closed(4), opened(6, 5, 2), closed(7, 2)], "away", "cut"),
        ([opened(2, 1), taken(3), closed(4), opened(6, 5, 2)], "read", None),
        ([failed(2, 503), opened(4, 3)], "read", None),
        ([failed(2, 503), failed(3)], "away", "answered None"),
        ([opened(2, 1), taken(3), closed(3), failed(4, 503)], "away", "answered 503"),
        ([opened(2, 1), closed(3), failed(4, 503), opened(6, 5, 2)], "read", None),
        ([failed(2, 401, is_final=True)], "refused", "answered 401"),
        ([failed(2, 503), failed(3, 404, is_final=True)], "refused", "answered 404"),
        ([opened(2, 1), closed(3), failed(4, 401, is_final=True)], "refused", "answered 401"),
        ([opened(2, 1), closed(3), failed(4, 204, is_final=True)], "ended", "answered 204"),
        ([failed(2, 204, is_final=True)], "refused", "answered 204"),  # it never had anything to say
        ([opened(2, 1), closed(3), failed(4, 200, is_final=True)], "refused", "answered 200"),  # no event stream
    ],
)
def test_an_outcome_is_that_of_the_last_connection_or_failure(
    entries: list[AnyEntry], outcome: str, why: str | None
) -> None:
    found = timeline(*entries, stopped(9)).listening("sytflix")
    assert (found.outcome, found.why) == (outcome, why)


@pytest.mark.parametrize(("after_us", "outcome"), [(2_000_000, "read"), (2_000_001, "away")])
def test_a_stream_whose_connection_ended_more_than_two_seconds_before_the_stop_is_away(
    after_us: int, outcome: str
) -> None:
    run = timeline(opened(2_000_000, 1_000_000), taken(3_000_000), closed(4_000_000), stopped(4_000_000 + after_us))
    assert run.listening("sytflix").outcome == outcome


@pytest.mark.parametrize(
    ("entries", "state", "why"),
    [
        ([], "connecting", None),
        ([failed(2, 503)], "waiting", "answered 503"),
        ([failed(2, 503), opened(4, 3)], "open", None),
        ([opened(2, 1), taken(3)], "open", None),
        ([opened(2, 1), closed(3)], "waiting", "cut"),
        ([failed(2, 204, is_final=True)], "refused", "answered 204"),
        ([opened(2, 1), closed(3), failed(4, 204, is_final=True)], "ended", "answered 204"),
    ],
)
def test_a_state_is_that_of_the_last_entry(entries: list[StreamEntry], state: str, why: str | None) -> None:
    stream = StreamTimeline()
    for entry in entries:
        stream.take(entry)
    assert (stream.state, stream.why) == (state, why)


class Try(NamedTuple):
    """A try to open a stream, after a pause; how long it takes to be answered and then stays open, in microseconds."""

    pause_us: int
    answer_us: int
    open_us: int | None  # None: it fails


duration = st.integers(0, 50)
tries = st.lists(st.builds(Try, duration, duration, st.none() | duration), max_size=6)


def journal(stream: str, of_stream: list[Try]) -> Iterator[AnyEntry]:
    now_us = connection = 0
    for pause_us, answer_us, open_us in of_stream:
        requested_us = now_us + pause_us
        now_us = requested_us + answer_us
        if open_us is None:
            yield Failed(at_us=now_us, stream=stream, why="", is_final=False)
        else:
            connection += 1
            yield opened(now_us, requested_us, connection, stream)
            now_us += open_us
            yield Closed(at_us=now_us, stream=stream, connection=connection, why="")


@given(st.tuples(tries, tries, tries), st.integers(0, 40))
def test_wherever_a_run_is_killed_each_microsecond_of_a_connection_was_listened_to(
    of_streams: tuple[list[Try], list[Try], list[Try]], entries: int
) -> None:
    all_entries = [entry for stream, of in zip(STREAMS, of_streams, strict=True) for entry in journal(stream, of)]
    taken = sorted(all_entries, key=lambda entry: entry.at_us)[:entries]
    end_us = taken[-1].at_us if taken else STARTED.at_us
    run = timeline(*taken)
    assert (run.stopped_at_us, run.stopped_by) == (end_us, "killed")
    for stream in STREAMS:
        begins = {entry.connection: entry for entry in taken if isinstance(entry, Opened) and entry.stream == stream}
        ends = {entry.connection: entry for entry in taken if isinstance(entry, Closed) and entry.stream == stream}
        listened = {
            microsecond
            for connection, begin in begins.items()
            for microsecond in range(begin.requested_us, ends[connection].at_us if connection in ends else end_us)
        }
        found = run.listening(stream)
        assert (found.listened_us, found.connections) == (len(listened), len(begins))
