"""Local streams over real HTTP, as a bare socket sees them."""

import re
import time
from collections.abc import Callable

import pytest

from metrics.harvest.core.event import STREAMS
from metrics.harvest.simulator.series import Series
from metrics.harvest.simulator.server import Endpoint, local_streams
from metrics.wording.errors import SettingsError
from tests.harvest.simulator.raw_client import RawClient

Serve = Callable[..., Endpoint]
QUICK = (0.001, 0.003)


def ids(body: bytes) -> list[bytes]:
    return re.findall(rb"^id:(.*)$", body, re.MULTILINE)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_stream_is_served_as_frames_of_three_lines(serve_streams: Serve, stream: str) -> None:
    endpoint = serve_streams(seed=7, malformed=0, gap_s=QUICK)
    with RawClient(endpoint, stream) as client:
        assert client.status == 200
        assert client.header("Content-Type") == "text/event-stream;charset=UTF-8"
        frames = client.read(frames=20).split(b"\n\n")
    for frame in frames[:20]:
        assert re.fullmatch(
            rb"id:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n"
            rb"event:(stream-started|stream-finished|stream-ended|show-liked|stream-interrupted)\n"
            rb'data:{"show":{"show_id":"s\d+","cast":[^\n]*,"platform":"%b"},'
            rb'"event_date":"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d\.\d{3}","user":{"id":\d+,[^\n]*}}'
            % stream.title().encode(),
            frame,
        )


def test_the_first_client_gets_the_series_from_its_first_message(serve_streams: Serve) -> None:
    endpoint = serve_streams(seed=7, gap_s=QUICK)
    series = Series("sysney", 7, 0.02)
    with RawClient(endpoint, "sysney") as client:
        assert ids(client.read(frames=30))[:30] == [series.next(0).id for _ in range(30)]


def test_a_client_gets_what_comes_from_now_on(serve_streams: Serve) -> None:
    endpoint = serve_streams(seed=7, malformed=0, gap_s=QUICK)
    with RawClient(endpoint, "sysney") as first:
        first.read(frames=5)
        with RawClient(endpoint, "sysney") as second:
            seen = ids(second.read(frames=5))[:5]
        everything = ids(first.read(frames=first.body.count(b"\n\n") + 5))
    at = everything.index(seen[0])
    assert at >= 5
    assert everything[at : at + 5] == seen[: len(everything) - at]


@pytest.mark.parametrize("kept", [1, 3, 40])
def test_clients_that_resume_lose_and_repeat_nothing(serve_streams: Serve, kept: int) -> None:
    endpoint = serve_streams(seed=7, malformed=0, gap_s=QUICK)
    seen: list[bytes] = []
    while len(seen) < 100:
        with RawClient(endpoint, "sytazon", last_id=seen[-1] if seen else None) as client:
            seen += ids(client.read(frames=kept))[:kept]
    series = Series("sytazon", 7, 0)
    assert seen == [series.next(0).id for _ in seen]
    assert [asked.last_id for asked in endpoint.asked_for("sytazon")] == [None, *seen[kept - 1 : -1 : kept]]


def test_an_unknown_last_id_gets_everything_that_is_kept(serve_streams: Serve) -> None:
    endpoint = serve_streams(seed=7, malformed=0, gap_s=QUICK)
    with RawClient(endpoint, "sytflix") as first:
        first.read(frames=5)
        with RawClient(endpoint, "sytflix", last_id=b"of another server") as second:
            assert ids(second.read(frames=5))[:5] == ids(first.body)[:5]


@pytest.mark.parametrize("credentials", ["sytac:wrong", "other:sytac", "sytac:", ":", "sytac:sytacs", "sytac:Sytac"])
def test_wrong_credentials_are_refused(serve_streams: Serve, credentials: str) -> None:
    endpoint = serve_streams()
    with RawClient(endpoint, "sytflix", credentials=credentials) as client:
        assert client.status == 401
        assert client.header("WWW-Authenticate") == 'Basic realm="streams"'
    (asked,) = endpoint.asked
    assert not asked.is_known
    assert "authorization" not in asked.headers


def test_credentials_may_be_any_text(serve_streams: Serve) -> None:
    endpoint = serve_streams(user="zoë", password="pass:wörd", gap_s=QUICK)
    with RawClient(endpoint, "sytflix") as client:
        assert client.status == 200
    assert endpoint.asked[0].is_known


@pytest.mark.parametrize("path", ["", "other", "sytflix/", "sytflix/1", "Sytflix"])
def test_other_paths_are_not_found(serve_streams: Serve, path: str) -> None:
    with RawClient(serve_streams(), path) as client:
        assert client.status == 404


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
def test_other_methods_are_not_allowed(serve_streams: Serve, method: str) -> None:
    with RawClient(serve_streams(), "sytflix", method=method) as client:
        assert client.status == 405
        assert client.header("Allow") == "GET"


def test_the_moment_is_noted_at_which_a_client_goes_away(serve_streams: Serve) -> None:
    endpoint = serve_streams(gap_s=(60, 60))  # so that nothing is sent that could fail
    with RawClient(endpoint, "sytflix") as client:
        assert client.status == 200
        (asked,) = endpoint.asked
        assert not asked.closed.is_set()
        left_us = time.time_ns() // 1000
    assert asked.closed.wait(10)
    assert asked.at_us < left_us <= asked.closed_us < left_us + 5_000_000


def test_a_used_port_is_an_error_with_a_hint() -> None:
    with local_streams() as endpoint:
        port = int(endpoint.url.rstrip("/").rpartition(":")[2])
        with pytest.raises(SettingsError, match=f"cannot bind to 127.0.0.1:{port}") as caught, local_streams(port=port):
            pass
    assert "--port 0" in caught.value.hint


def test_a_server_stops_at_once_and_frees_its_port() -> None:
    started_s = time.monotonic()
    for _ in range(3):
        with local_streams(gap_s=(60, 60)) as endpoint, RawClient(endpoint, "sytflix") as client:
            assert client.status == 200
    assert time.monotonic() - started_s < 10
    with local_streams(port=int(endpoint.url.rstrip("/").rpartition(":")[2])):
        pass
