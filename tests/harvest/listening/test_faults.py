"""Runs against local streams over real HTTP, one of which has a fault. The others are read all the while."""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from metrics.harvest.core.event import STREAMS
from metrics.harvest.listening.progress import Progress
from metrics.harvest.simulator.faults import Answer, Cut, End, Faults, NoAnswer, Oversize, Quiet, Step
from metrics.harvest.simulator.server import Endpoint
from tests.harvest.listening.harvested import SMALL, Harvested, Until, frames, harvest, series, state

Serve = Callable[..., Endpoint]
EVENT = (
    b'id:1\nevent:stream-started\ndata:{"show":{"show_id":"s1"},"event_date":"19-05-2023 14:58:26.624",'
    b'"user":{"id":1,"first_name":"Ada"}}\n\n'
)
FAULTY, SOUND = "sysney", ("sytflix", "sytazon")


def frames_of_all(count: int) -> Until:
    return frames(count, *STREAMS)


def require_whole(harvested: Harvested, *streams: str) -> None:
    """Assert that streams without a malformed message were read from their first one on, each message once."""
    for stream in streams:
        ids = harvested.ids(stream)
        assert ids == series(stream, len(ids))
        assert len(ids) == harvested.stream(stream).frames > 0


@pytest.mark.parametrize(
    "three",
    [
        (Faults(line_end="\r"), Faults(line_end="\r\n"), Faults(line_end="mixed", comments=True, bom=True)),
        (Faults(ids="slash"), Faults(heartbeat_s=0.01), Faults(byte_s=0, gap_s=(0.05, 0.1))),
    ],
    ids=["line ends", "others"],
)
def test_every_message_is_taken_whatever_the_form_of_the_bytes(
    serve_streams: Serve, tmp_path: Path, three: tuple[Faults, Faults, Faults]
) -> None:
    faults = dict(zip(STREAMS, three, strict=True))
    harvested = harvest(serve_streams(**SMALL, faults=faults), tmp_path, until=frames_of_all(6))
    for stream in STREAMS:
        ids = [its_id.removeprefix(b"a/") for its_id in harvested.ids(stream)]
        assert ids == series(stream, len(ids))
        assert len(ids) == harvested.stream(stream).frames
        assert harvested.stream(stream).outcome == "read"
    assert harvested.ids("sytflix")[0].startswith(b"a/") == (three[0].ids == "slash")


def test_repeats_are_counted_once_and_frames_without_an_id_are_no_repeats(serve_streams: Serve, tmp_path: Path) -> None:
    faults = dict(zip(STREAMS, (Faults(ids=ids, repeat_every=3) for ids in ("own", "none", "nul")), strict=True))
    harvested = harvest(serve_streams(**SMALL, faults=faults), tmp_path, until=frames_of_all(9))
    own, *others = harvested.report.streams
    assert (own.events, own.repeated) == (own.frames - own.frames // 4, own.frames // 4)
    assert [(report.events, report.repeated) for report in others] == [(report.frames, 0) for report in others]
    assert {*harvested.ids("sytazon"), *harvested.ids("sysney")} == {b""}


def test_a_connection_that_ends_is_resumed_after_the_last_frame_taken(serve_streams: Serve, tmp_path: Path) -> None:
    steps: dict[str, Step] = {"sytflix": Cut(3), "sytazon": Cut(3, resets=True), "sysney": End(3)}
    faults = {stream: Faults(script=[step, step], retry_ms=1) for stream, step in steps.items()}
    endpoint = serve_streams(**SMALL, faults=faults)
    harvested = harvest(endpoint, tmp_path, until=frames_of_all(30))
    for stream in STREAMS:
        ids = harvested.ids(stream)
        assert ids == series(stream, len(ids))
        assert [asked.last_id for asked in endpoint.asked_for(stream)] == [None, ids[2], ids[5]]
        assert harvested.stream(stream).connections == 3
        assert harvested.raw(stream, 1).count(b"\nid:") == 3
        assert harvested.raw(stream, 1).endswith(b"\n\n")


def test_without_resumption_the_messages_of_the_pause_are_missing_and_nothing_else(
    serve_streams: Serve, tmp_path: Path
) -> None:
    faults = {FAULTY: Faults(script=[Cut(5), Cut(5)], resumes=False, retry_ms=1)}
    endpoint = serve_streams(**SMALL, faults=faults)
    harvested = harvest(endpoint, tmp_path, until=frames_of_all(30))
    require_whole(harvested, *SOUND)
    ids, everything = harvested.ids(FAULTY), series(FAULTY, 10_000)
    assert ids[:5] == everything[:5]
    places = [everything.index(its_id) for its_id in ids]
    assert places == sorted(set(places))
    assert [asked.last_id for asked in endpoint.asked_for(FAULTY)] == [None, ids[4], ids[9]]


def test_a_server_in_need_is_asked_again_after_a_pause(serve_streams: Serve, tmp_path: Path) -> None:
    scripts: dict[str, list[Step]] = {
        "sytflix": [Answer(503), Answer(503)],
        "sytazon": [Answer(503, {"Retry-After": "1"})],
        "sysney": [Answer(429, {"Retry-After": "0"}), Answer(408), Answer(500, body=b"x" * 10_000_000)],
    }
    least_s = {"sytflix": 0.05 + 0.1, "sytazon": 1, "sysney": 0.05 + 0.1 + 0.2}  # half of the backoff, by jitter
    faults = {stream: Faults(script=script) for stream, script in scripts.items()}
    endpoint = serve_streams(**SMALL, faults=faults)
    harvested = harvest(endpoint, tmp_path, until=frames_of_all(6))
    require_whole(harvested, *STREAMS)
    for stream, script in scripts.items():
        asked = endpoint.asked_for(stream)
        assert len(asked) == len(script) + 1
        assert asked[-1].at_us - asked[0].at_us >= least_s[stream] * 1e6
        assert harvested.stream(stream).outcome == "read"
        assert harvested.stream(stream).connections == 1


FINAL = {
    "refuses the user sytac (401)": Answer(401),
    "forbids access to its stream (403)": Answer(403),
    "does not exist at this address (404)": Answer(404),
    "has ended its stream (204)": Answer(204),
    "answers with text/html instead of text/event-stream": Answer(200, {"Content-Type": "text/html"}, b"<p>"),
    "is compressed by gzip, which was not requested": Answer(
        200, {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}, b"\x1f\x8b"
    ),
}


@pytest.mark.parametrize("whys", [*zip([*FINAL][::2], [*FINAL][1::2], strict=True)], ids=str)
def test_a_final_answer_is_never_asked_for_again_and_another_stream_is_read(
    serve_streams: Serve, tmp_path: Path, whys: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    refused = dict(zip(("sytazon", "sysney"), whys, strict=True))
    faults = {stream: Faults(script=repeat(FINAL[why])) for stream, why in refused.items()}
    endpoint = serve_streams(**SMALL, faults=faults)
    harvested = harvest(endpoint, tmp_path, until=frames(80, "sytflix"))
    require_whole(harvested, "sytflix")
    for stream, why in refused.items():
        report = harvested.stream(stream)
        assert (report.outcome, report.why, report.frames, report.listened_ms) == ("refused", why, 0, 0)
        assert len(endpoint.asked_for(stream)) == 1
        assert state(harvested.progress[-1], stream).state == "refused"
    lines = {record.getMessage() for record in caplog.records if record.name.startswith("metrics.")}
    assert lines == {f"{stream} {why}; giving up" for stream, why in refused.items()}


def test_a_204_after_frames_is_the_end_of_a_stream_and_no_failure(serve_streams: Serve, tmp_path: Path) -> None:
    faults = {FAULTY: Faults(script=[End(3), Answer(204)], retry_ms=1)}
    harvested = harvest(serve_streams(**SMALL, faults=faults), tmp_path, until=frames(80, *SOUND))
    assert harvested.stream(FAULTY).outcome == "ended"
    assert harvested.stream(FAULTY).frames == 3
    assert harvested.report.missed == []


def test_redirects_are_not_followed_so_the_password_goes_nowhere_else_and_without_a_stream_the_run_stops(
    serve_streams: Serve, tmp_path: Path
) -> None:
    elsewhere = serve_streams()
    answers = (Answer(status, {"Location": f"{elsewhere.url}sytflix"}) for status in (301, 303, 308))
    faults = {stream: Faults(script=repeat(answer)) for stream, answer in zip(STREAMS, answers, strict=True)}
    endpoint = serve_streams(faults=faults)
    harvested = harvest(endpoint, tmp_path)
    assert not elsewhere.asked
    assert len(endpoint.asked) == 3
    assert harvested.report.stopped_by == "no-stream"
    assert harvested.report.lasted_s < 5
    assert [(stream.outcome, stream.why) for stream in harvested.report.missed] == [
        ("refused", f"redirects to another address, which must not get the password ({status})")
        for status in (301, 303, 308)
    ]


def test_a_stream_without_a_byte_is_reported_once_but_a_heartbeat_is_a_byte(
    serve_streams: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faults = {"sytazon": Faults(script=[Quiet(2)], heartbeat_s=0.2), "sysney": Faults(script=[Quiet(2)])}
    harvested = harvest(serve_streams(**SMALL, faults=faults), tmp_path, seconds=2.5, harvest_silent_s=1)
    require_whole(harvested, *STREAMS)
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert lines == ["sysney has sent nothing for 1 s"]
    assert [any(state(progress, stream).is_silent for progress in harvested.progress) for stream in STREAMS] == [
        False,
        False,
        True,
    ]
    assert [report.outcome for report in harvested.report.streams] == ["read"] * 3


def test_a_failure_is_reported_again_if_the_stream_was_open_meanwhile(
    serve_streams: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    busy = Answer(503, {"Retry-After": "0"})
    faults = {FAULTY: Faults(script=[busy, busy, End(2), busy], retry_ms=1)}
    harvested = harvest(serve_streams(**SMALL, faults=faults), tmp_path, until=frames(4, FAULTY))
    assert harvested.stream(FAULTY).connections == 2
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    ended = f"{FAULTY} ended the connection; retrying"
    assert lines == [f"{FAULTY} is unavailable (503); retrying", ended, f"{FAULTY} is unavailable (503); retrying"]


def test_a_connection_that_is_cut_again_and_again_is_reported_once(
    serve_streams: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faults = {FAULTY: Faults(script=[Cut(2, resets=True), Cut(2, resets=True), End(2), End(2)], retry_ms=1)}
    harvested = harvest(serve_streams(**SMALL, faults=faults), tmp_path, until=frames_of_all(12))
    assert harvested.stream(FAULTY).connections == 5
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"{FAULTY} broke the connection: Connection reset by peer; retrying",
        f"{FAULTY} ended the connection; retrying",
    ]


def test_streams_that_end_and_then_never_answer_are_away(serve_streams: Serve, tmp_path: Path) -> None:
    faults = {stream: Faults(script=chain([End(1)], repeat(NoAnswer()))) for stream in STREAMS}
    harvested = harvest(serve_streams(**SMALL, faults=faults), tmp_path, seconds=2.7, harvest_connect_s=60)
    assert [(stream.frames, stream.outcome, stream.why) for stream in harvested.report.missed] == [
        (1, "away", "ended the connection")
    ] * 3


def test_a_stream_whose_connections_bring_nothing_is_away(serve_streams: Serve, tmp_path: Path) -> None:
    nothing = Answer(200, {"Content-Type": "text/event-stream"})
    endpoint = serve_streams(**SMALL, faults={FAULTY: Faults(script=repeat(nothing))})
    harvested = harvest(endpoint, tmp_path, until=lambda _: len(endpoint.asked_for(FAULTY)) >= 4)
    assert [(stream.stream, stream.outcome) for stream in harvested.report.missed] == [(FAULTY, "away")]


def test_no_server_is_asked_more_than_ten_times_a_second_and_one_that_only_repeats_less_and_less(
    serve_streams: Serve, tmp_path: Path
) -> None:
    #                       requests, at the soonest
    # one event each        0   0.1   0.2   0.3   0.4   0.5 …   1.4
    # the same event        0   0.1   0.2   0.3         0.5 …   0.9 …   1.7
    same = Answer(200, {"Content-Type": "text/event-stream"}, b"retry:0\n" + EVENT)
    faults = {"sytflix": Faults(script=repeat(End(1)), retry_ms=0), "sytazon": Faults(script=repeat(same))}
    endpoint = serve_streams(**SMALL, faults=faults)
    harvested = harvest(endpoint, tmp_path, seconds=1.45)
    assert 3 <= len(endpoint.asked_for("sytflix")) <= 15
    assert 3 <= len(endpoint.asked_for("sytazon")) <= 6
    assert harvested.stream("sytazon").events == 1


def sockets_to(port: int) -> Iterator[socket.socket]:
    """Yield the open sockets of this process that are connected to a port."""
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError), socket.socket(fileno=os.dup(int(path.name))) as copy:
            if copy.getpeername()[1:2] == (port,):  # of a pair of Unix sockets it is a text
                yield copy


def test_the_system_probes_a_connection_without_traffic(serve_streams: Serve, tmp_path: Path) -> None:
    endpoint = serve_streams(faults=dict.fromkeys(STREAMS, Faults(script=[Quiet()])))
    port, options = urlsplit(endpoint.url).port or 0, []

    def look(progress: Progress) -> bool:
        if all(stream.state == "open" for stream in progress.streams):
            for connected in sockets_to(port):
                idle_s = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
                options.append((connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), idle_s))
        return len(options) > 0

    harvest(endpoint, tmp_path, seconds=20, until=look)
    assert options == [(1, 10)] * 3


def test_a_frame_over_the_limit_is_malformed_and_those_after_it_are_read(serve_streams: Serve, tmp_path: Path) -> None:
    faults = {FAULTY: Faults(script=[Oversize(2, 3_000_000)])}
    endpoint = serve_streams(**SMALL, faults=faults)
    harvested = harvest(endpoint, tmp_path, until=frames_of_all(10), harvest_frame_limit=100_000)
    report = harvested.stream(FAULTY)
    assert report.malformed == {"too-long": 1}
    assert harvested.ids(FAULTY) == series(FAULTY, report.frames - 1)
    assert len(harvested.raw(FAULTY)) > 3_000_000


def test_a_stream_that_never_answers_is_asked_again_and_delays_no_other(
    serve_streams: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faults = {FAULTY: Faults(script=repeat(NoAnswer()))}
    endpoint = serve_streams(**SMALL, faults=faults)
    harvested = harvest(endpoint, tmp_path, seconds=4, harvest_connect_s=1)
    require_whole(harvested, *SOUND)
    report = harvested.stream(FAULTY)
    assert (report.outcome, report.why) == ("away", "did not answer within 1 s")
    assert len(endpoint.asked_for(FAULTY)) >= 3
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"{FAULTY} did not answer within 1 s; retrying"
    ]
