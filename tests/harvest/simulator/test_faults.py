"""Each fault of local streams, as a bare socket sees it."""

import re
import time
import zlib
from collections.abc import Callable
from itertools import repeat
from typing import Any

import pytest

from metrics.harvest.simulator.channel import KEPT
from metrics.harvest.simulator.faults import Answer, Cut, End, Faults, NoAnswer, Oversize, Quiet, Step, Whole
from metrics.harvest.simulator.series import Series
from metrics.harvest.simulator.server import Endpoint
from tests.harvest.simulator.raw_client import RawClient

Serve = Callable[..., Endpoint]
QUICK = (0.001, 0.003)


@pytest.fixture
def sysney(serve_streams: Serve) -> Callable[..., Endpoint]:
    """Serve with faults of Sysney, which sends valid messages quickly."""

    def serve(**faults: Any) -> Endpoint:
        return serve_streams(seed=3, malformed=0, gap_s=QUICK, faults={"sysney": Faults(**faults)})

    return serve


def drawn(count: int) -> list[bytes]:
    """Return the ids of the first messages of Sysney."""
    series = Series("sysney", 3, 0)
    return [series.next(0).id for _ in range(count)]


def ids(body: bytes) -> list[bytes]:
    return re.findall(rb"^id:(.*)$", body, re.MULTILINE)


def read_all(endpoint: Endpoint, last_id: bytes | None = None) -> RawClient:
    """Return a client that has read until the end."""
    with RawClient(endpoint, "sysney", last_id=last_id) as client:
        client.read()
    return client


def test_a_cut_is_in_the_middle_of_a_character(sysney: Serve) -> None:
    client = read_all(sysney(script=[Cut(after=3)]))
    assert client.status == 200
    assert not client.is_complete
    assert not client.is_reset
    whole, part = client.body.rsplit(b"\n\n", 1)
    assert ids(whole) == drawn(3)
    assert ids(part) == drawn(4)[3:]
    with pytest.raises(UnicodeDecodeError, match="unexpected end of data"):
        part.decode()


def test_a_reset_is_seen_as_one(sysney: Serve) -> None:
    client = read_all(sysney(script=[Cut(after=3, resets=True)]))
    assert client.is_reset
    assert client.body.count(b"\n\n") == 3


@pytest.mark.parametrize("step", [Cut(after=3), Cut(after=3, resets=True), End(after=3)])
def test_a_client_resumes_after_each_end_without_loss_or_repetition(sysney: Serve, step: Step) -> None:
    endpoint = sysney(script=repeat(step))
    seen: list[bytes] = []
    for _ in range(5):
        seen += ids(read_all(endpoint, seen[-1] if seen else None).body.rpartition(b"\n\n")[0])
    assert seen == drawn(15)


def test_a_clean_end_is_one(sysney: Serve) -> None:
    client = read_all(sysney(script=[End(after=2)]))
    assert client.is_complete
    assert ids(client.body) == drawn(2)
    assert client.body.endswith(b"}\n\n")


def test_a_stream_that_does_not_resume_goes_on_with_what_comes(serve_streams: Serve) -> None:
    faults = Faults(script=[End(after=2)], resumes=False)
    endpoint = serve_streams(seed=3, malformed=0, gap_s=(0.05, 0.05), faults={"sysney": faults})
    first = read_all(endpoint)
    time.sleep(0.5)  # messages that nobody gets
    with RawClient(endpoint, "sysney", last_id=ids(first.body)[-1]) as client:
        (next_id,) = ids(client.read(frames=1))
    assert drawn(60).index(next_id) > 6


def test_a_script_has_a_step_for_each_request(sysney: Serve) -> None:
    busy = Answer(503, {"Retry-After": "2"})
    endpoint = sysney(script=[Answer(503), busy, Whole(), End(after=1), Answer(429)])
    seen = []
    for _ in range(6):
        with RawClient(endpoint, "sysney") as client:
            seen.append((client.status, client.header("Retry-After")))
    assert seen == [(503, None), (503, "2"), (200, None), (200, None), (429, None), (200, None)]
    with RawClient(endpoint, "sytflix") as client:
        assert client.status == 200


HTML = Answer(200, {"Content-Type": "text/html"}, b"<p>id:1\n\n")
REDIRECT = Answer(307, {"Location": "http://127.0.0.1:9/sysney"})


@pytest.mark.parametrize(
    ("answer", "header", "value"),
    [
        (Answer(204), "Content-Type", None),
        (Answer(401, {"WWW-Authenticate": "Basic"}), "WWW-Authenticate", "Basic"),
        (Answer(404), "Content-Length", "0"),
        (REDIRECT, "Location", "http://127.0.0.1:9/sysney"),
        (HTML, "Content-Type", "text/html"),
    ],
)
def test_an_answer_may_be_any(sysney: Serve, answer: Answer, header: str, value: str | None) -> None:
    endpoint = sysney(script=repeat(answer))
    for _ in range(3):
        with RawClient(endpoint, "sysney") as client:
            assert client.status == answer.status
            assert client.header(header) == value
            assert answer.status == 204 or client.read() == answer.body


def test_a_quiet_connection_has_headers_only(sysney: Serve) -> None:
    with RawClient(sysney(script=[Quiet()]), "sysney") as client:
        assert client.status == 200
        assert client.read_for(0.5) == b""
        assert not client.is_complete


def test_a_connection_may_fall_quiet_with_heartbeats(sysney: Serve) -> None:
    with RawClient(sysney(script=[Quiet(after=2)], heartbeat_s=0.01), "sysney") as client:
        head, end, rest = client.read(frames=12).partition(b"}\n\n: still here")
        assert ids(head) == drawn(2)
        assert end
        assert set(rest.split(b"\n\n")) <= {b"", b": still here"}


def test_no_answer_has_not_even_headers(sysney: Serve) -> None:
    endpoint = sysney(script=[NoAnswer()])
    with RawClient(endpoint, "sysney") as client:
        client.read_for(0.5)
        assert client.head == []
        assert [asked.is_known for asked in endpoint.asked] == [True]


def test_a_slow_stream_comes_byte_by_byte(sysney: Serve) -> None:
    started_s = time.monotonic()
    with RawClient(sysney(byte_s=0.001), "sysney") as client:
        frame = client.read(frames=1)
        assert client.longest_chunk == 1
    assert time.monotonic() - started_s > 0.001 * len(frame)
    assert ids(frame) == drawn(1)


@pytest.mark.parametrize(("name", "end"), [("CR", b"\r"), ("CRLF", b"\r\n")])
def test_lines_may_end_otherwise(sysney: Serve, name: str, end: bytes) -> None:
    assert name
    with RawClient(sysney(line_end=end.decode()), "sysney") as client:
        frames = client.read(5, end=end * 2).split(end * 2)[:5]
    assert [frame.split(end)[0] for frame in frames] == [b"id:" + each for each in drawn(5)]
    assert all(frame.count(b"\n") + frame.count(b"\r") == 2 * len(end) for frame in frames)


def test_mixed_line_ends_are_all_there_and_never_make_one_of_two(sysney: Serve) -> None:
    with RawClient(sysney(line_end="mixed"), "sysney") as client:
        body = client.read(200, end=b"data:")
    assert set(re.findall(rb"\r\n|\r|\n", body)) == {b"\r\n", b"\r", b"\n"}
    lines = re.split(rb"\r\n|\r|\n", body.rpartition(b"id:")[0])
    assert [lines[at][3:] for at in range(0, len(lines) - 1, 4)] == drawn(len(lines) // 4)
    assert {lines[at] for at in range(3, len(lines), 4)} == {b""}


@pytest.mark.parametrize(
    ("kind", "form"),
    [("none", rb"event:"), ("slash", rb"id:a/[0-9a-f-]{36}\nevent:"), ("nul", rb"id:[0-9a-f-]{36}\x00\nevent:")],
)
def test_ids_may_be_missing_or_odd(sysney: Serve, kind: str, form: bytes) -> None:
    with RawClient(sysney(ids=kind), "sysney") as client:
        frames = client.read(frames=10).split(b"\n\n")[:10]
    assert all(re.match(form, frame) for frame in frames)


def test_a_client_resumes_from_an_id_with_a_slash(sysney: Serve) -> None:
    endpoint = sysney(ids="slash", script=repeat(End(after=4)))
    first = ids(read_all(endpoint).body)
    assert first + ids(read_all(endpoint, first[-1]).body) == [b"a/" + each for each in drawn(8)]


def test_frames_may_be_sent_twice(sysney: Serve) -> None:
    with RawClient(sysney(repeat_every=3), "sysney") as client:
        frames = client.read(frames=8).split(b"\n\n")[:8]
    one, two, three, four, five, six = drawn(6)
    assert [ids(frame)[0] for frame in frames] == [one, two, three, three, four, five, six, six]
    assert frames[2] == frames[3]


def test_comments_are_before_inside_and_after_frames(sysney: Serve) -> None:
    with RawClient(sysney(comments=True), "sysney") as client:
        blocks = client.read(frames=6).split(b"\n\n")[:6]
    assert [block.split(b"\n")[0] for block in blocks] == [
        b": still here",
        b"id:" + drawn(1)[0],
        b": still here",
        b": still here",
        b"id:" + drawn(2)[1],
        b": still here",
    ]
    assert blocks[1].split(b"\n")[2] == b": still here"


def test_each_connection_may_begin_with_a_mark_and_a_delay(sysney: Serve) -> None:
    endpoint = sysney(bom=True, retry_ms=250, script=repeat(End(after=1)))
    for at in range(2):
        body = read_all(endpoint, drawn(at)[-1] if at else None).body
        assert body.startswith(b"\xef\xbb\xbfretry:250\n\nid:" + drawn(at + 1)[at])


def test_one_frame_may_be_longer_than_any_limit(sysney: Serve) -> None:
    with RawClient(sysney(script=[Oversize(after=1, size_bytes=3_000_000)]), "sysney") as client:
        first, long, last = client.read(frames=3).split(b"\n\n")[:3]
    assert ids(first) + ids(last) == drawn(2)
    assert long == b"event:stream-started\ndata:" + b"x" * 3_000_000


def test_the_body_may_be_compressed_and_each_frame_is_sent_at_once(sysney: Serve) -> None:
    with RawClient(sysney(gzip=True, script=[Quiet(after=2)]), "sysney") as client:
        assert client.status == 200
        assert client.header("Content-Encoding") == "gzip"
        text = b""
        while text.count(b"\n\n") < 2 and client.read_part():
            text = zlib.decompressobj(wbits=31).decompress(client.body)
    assert ids(text) == drawn(2)


@pytest.mark.parametrize("gap_s", [(0, 0), (0.00005, 0.00005)])
def test_a_flood_takes_less_than_a_second_of_cpu_for_10000_messages(
    serve_streams: Serve, gap_s: tuple[float, float]
) -> None:
    endpoint = serve_streams(seed=3, faults={"sysney": Faults(gap_s=gap_s)})
    with RawClient(endpoint, "sysney") as client:
        client.read_part()
        started_s = time.process_time()  # of server and client
        frames = client.drop(20_000)
    assert frames / (time.process_time() - started_s) > 10_000


def test_a_flood_loses_nothing_for_two_clients_of_different_pace(serve_streams: Serve) -> None:
    endpoint = serve_streams(seed=3, malformed=0, gap_s=(0, 0))
    with RawClient(endpoint, "sysney") as quick, RawClient(endpoint, "sysney", last_id=b"") as slow:
        for frames in range(1_000, 8_000, 1_000):
            quick.read(frames)
            time.sleep(0.01)
            slow.read(frames)
    assert ids(quick.body)[:7_000] == ids(slow.body)[:7_000] == drawn(7_000)


def test_a_client_too_slow_for_what_is_kept_is_disconnected(serve_streams: Serve) -> None:
    endpoint = serve_streams(seed=3, gap_s=(0.00005, 0.00005))
    with RawClient(endpoint, "sysney") as slow, RawClient(endpoint, "sysney") as quick:
        slow.read_part()
        quick.drop(4 * KEPT)  # the buffers of the connection have the beginning of these
        slow.read()
    assert slow.head
    assert not slow.is_complete
    assert slow.body.count(b"\n\n") < 4 * KEPT
