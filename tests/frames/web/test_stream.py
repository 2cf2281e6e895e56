"""Server-sent events, read by real clients: ones that read, and one that does not."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count, islice
from typing import NamedTuple

import httpx
import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from metrics.frames.live.view import MAX_LISTENERS, LiveView
from metrics.web import sse
from tests.frames.live.results import T, minute, second
from tests.frames.web.serving import KEEP, Serving, serving
from tests.kafka.application import wait_until

HIGH_WATER_BYTES = 64 * 1024


class Event(NamedTuple):
    name: str
    data: str
    id: str


@contextmanager
def listening(served: Serving, last_event_id: str | None = None) -> Iterator[Iterator[Event]]:
    """Give the events that come, from when the server has let us in."""
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    with served.client.stream("GET", "/stream", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        lines = answer.iter_lines()
        assert next(lines) == "retry: 1000"
        yield events(lines)


def events(lines: Iterator[str]) -> Iterator[Event]:
    """Read events as the HTML standard says; comments are passed over."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif "data" in fields:
            yield Event(fields["event"], fields["data"], fields.get("id", ""))
            fields = {}


def starts(events: list[Event]) -> list[tuple[str, int]]:
    return [(event.name, json.loads(event.data)["timestamp"] - T) for event in events]


def test_each_record_comes_as_an_event_with_its_bytes() -> None:
    with serving() as served:
        served.live.add([second(T - 1)])
        with listening(served) as coming:
            served.live.add([second(T, 7), minute(T - 60, 9)])
            assert [*islice(coming, 2)] == [
                Event("second", second(T, 7).value.decode(), f"1={T},60=-1"),
                Event("minute", minute(T - 60, 9).value.decode(), f"1={T},60={T - 60}"),
            ]


def test_a_client_that_reconnects_gets_the_events_it_missed_and_then_new_ones() -> None:
    with serving() as served:
        with listening(served) as coming:
            served.live.add([second(T), minute(T - 60), second(T + 1)])
            last = [*islice(coming, 3)][-1]
        served.live.add([second(T + 2), minute(T), second(T + 3)])
        with listening(served, last.id) as coming:
            assert starts([*islice(coming, 3)]) == [("second", 2), ("second", 3), ("minute", 0)]
            served.live.add([second(T + 4)])
            assert starts([next(coming)]) == [("second", 4)]


def test_a_client_that_reconnects_gets_everything_that_is_kept() -> None:
    with serving() as served:
        served.live.add([second(T + at) for at in range(3_000)])
        with listening(served, f"1={T - 1}") as coming:
            assert starts([*islice(coming, 3_000)]) == [("second", at) for at in range(3_000)]


def test_unknown_sizes_in_an_event_id_are_ignored() -> None:
    with serving() as served:
        served.live.add([second(T), second(T + 1)])
        with listening(served, f"7=0,1={T}") as coming:
            assert next(coming).id == f"1={T + 1},60=-1"


def test_a_malformed_event_id_is_a_problem() -> None:
    with serving() as served:
        answer = served.client.get("/stream", headers={"Last-Event-ID": "the last one"})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "last-event-id"


def test_a_client_waits_until_the_results_are_read() -> None:
    live = LiveView(KEEP)
    headers = {"Last-Event-ID": f"1={T}"}
    with serving(live=live) as served, served.client.stream("GET", "/stream", headers=headers) as answer:
        lines = answer.iter_lines()
        assert next(lines) == ": the results have not been read yet"
        live.begin([second(T), second(T + 1)])
        assert starts([next(events(lines))]) == [("second", 1)]


def test_a_comment_is_sent_if_nothing_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.05)
    with serving() as served, served.client.stream("GET", "/stream") as answer:
        assert [*islice(answer.iter_lines(), 5)] == ["retry: 1000", "", ": nothing new", "", ": nothing new"]


def test_the_number_of_streams_is_limited() -> None:
    with serving() as served, ExitStack() as closing:
        clients = [closing.enter_context(httpx.Client(base_url=served.client.base_url)) for _ in range(MAX_LISTENERS)]
        streams = [client.stream("GET", "/stream") for client in clients]
        for one in streams:
            assert closing.enter_context(one).status_code == 200
        refused = served.client.get("/stream")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
        assert "too many clients are listening" in refused.json()["detail"]
        clients[7].close()
        wait_until(lambda: len(served.live._listeners) == MAX_LISTENERS - 1, "its place is free")
        with listening(served) as coming:
            served.live.add([second(T)])
            assert starts([next(coming)]) == [("second", 0)]


def test_a_client_that_disconnects_is_forgotten_at_once() -> None:
    with serving() as served:
        with listening(served):
            assert len(served.live._listeners) == 1
        wait_until(lambda: not served.live._listeners, "its place is free")


def test_a_client_that_never_reads_takes_no_memory_and_gets_an_overflow() -> None:
    """It is sent events until the connection takes no more; what comes then waits, until that is too much, too."""
    with serving() as served, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", served.port))
        client.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: len(served.live._listeners) == 1, "it listens")
        (subscription,) = served.live._listeners
        (connection,) = (
            at
            for at in served.web.server_state.connections
            if at.transport.get_extra_info("peername") == client.getsockname()
        )
        assert isinstance(connection, HttpToolsProtocol | H11Protocol)
        most_bytes = 0
        for at in count():
            if subscription.has_overflowed:
                break
            served.live.add([second(T + at * 100 + offset) for offset in range(100)])
            wait_until(lambda: not subscription._waiting or connection.flow.write_paused, "what came is sent, or waits")
            most_bytes = max(most_bytes, connection.transport.get_write_buffer_size())
        assert HIGH_WATER_BYTES <= most_bytes < 2 * HIGH_WATER_BYTES
        assert not subscription._waiting
        assert not served.live._listeners
        received = b""
        client.settimeout(30)
        while not received.endswith(b"0\r\n\r\n"):
            received += client.recv(1_000_000)
        assert b"event: overflow\n" in received[-200:]


def test_a_slow_client_does_not_delay_a_fast_one() -> None:
    with serving() as served, socket.socket() as slow, listening(served) as coming:
        slow.connect(("127.0.0.1", served.port))
        slow.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: len(served.live._listeners) == 2, "both listen")
        for at in range(20_000):
            served.live.add([second(T + at)])
            if at % 500 == 499:
                assert starts([*islice(coming, 500)]) == [("second", at - 499 + offset) for offset in range(500)]


def test_at_the_end_of_the_server_every_stream_ends() -> None:
    with serving() as served, listening(served) as coming:
        served.stopping.set()
        assert [*coming] == []
