"""Runs that the server runs, over real streams: started, watched, stopped, refused, failed."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from threading import Event as ThreadEvent
from typing import Any, NamedTuple

import httpx
import pytest

from metrics.harvest.core.run_report import RunFigures
from metrics.harvest.listening.run import run_harvest
from metrics.harvest.simulator.server import Endpoint
from metrics.harvest.web import running, stream
from metrics.web import sse
from tests.harvest.web.serving import Sent, expect_problem, message, record, serving, wrong_fields
from tests.kafka.application import PROJECT, STARTED, wait_until

FAST = {"seed": 7, "gap_s": (0.01, 0.02), "malformed": 0.05}
RUNS = "/harvest/runs"
LOCKING = """
import sys
from pathlib import Path
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.lock import lock_folder
with lock_folder(Folders(Path(sys.argv[1]))):
    print("locked", flush=True)
    sys.stdin.read()
"""

Serve = Callable[..., Endpoint]


class Event(NamedTuple):
    name: str
    data: dict[str, Any]
    id: str


@contextmanager
def listening(client: httpx.Client, last_event_id: str = "") -> Iterator[Iterator[Event]]:
    """Give the events that come, from when the server has let us in."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    with client.stream("GET", "/harvest/stream", headers=headers) as answer:
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
            yield Event(fields["event"], json.loads(fields["data"]), fields["id"])
            fields = {}


def start(client: httpx.Client, **rule: Any) -> str:
    """Start a run, and return where it is."""
    answer = client.post(RUNS, json=rule)
    assert answer.status_code == 202, answer.text
    location = answer.headers["Location"]
    assert answer.json() == {"run": location.rpartition("/")[2], "location": location}
    return str(location)


def ended(client: httpx.Client, location: str) -> dict[str, Any]:
    """Wait until a run has ended, and return it."""
    wait_until(lambda: client.get(location).json()["state"] == "finished", "the run has ended")
    return dict(client.get(location).json())


def test_a_run_is_where_it_was_said_to_be_while_it_runs_and_afterwards(serve_streams: Serve, tmp_path: Path) -> None:
    with serving(tmp_path, serve_streams(**FAST)) as client:
        location = start(client, seconds=600, name="nobody")
        running = client.get(location).json()
        assert (running["state"], running["name"], running["times"], running["name_seen"]) == (
            "running",
            "nobody",
            3,
            0,
        )
        assert 0 < running["seconds_left"] <= running["seconds"] == 600
        assert [stream["stream"] for stream in running["streams"]] == ["sytflix", "sytazon", "sysney"]
        assert client.get(RUNS).json()["running"] == running["run"]
        for path in ("/users", "/events", "/events?format=csv"):
            assert (
                f"has not ended; its progress is at {location}"
                in expect_problem(client.get(location + path), 404)["detail"]
            )
        wait_until(lambda: client.get(location).json()["streams"][2]["events"] > 5, "events were read")
        stopping = client.post(f"{location}/stop")
        assert (stopping.status_code, stopping.headers["Location"]) == (202, location)
        run = ended(client, location)
        assert (run["stopped_by"], run["seconds"], run["name"], run["times"]) == ("signal", 600.0, "nobody", 3)
        assert all(one["outcome"] == "read" and one["events"] > 0 for one in run["streams"])
        assert client.get(f"{location}/users").json()["users"]
        assert [one["run"] for one in client.get(RUNS).json()["runs"]] == [run["run"]]
        expect_problem(client.post(f"{location}/stop"), 404)


def test_a_run_stops_at_its_name(serve_streams: Serve, tmp_path: Path) -> None:
    with serving(tmp_path, serve_streams(**FAST), harvest_seconds=600.0) as client:
        run = ended(client, start(client, times=2.0))
        assert (run["stopped_by"], run["name"], run["times"], run["name_seen"]) == ("name", "Sytac", 2, 2)


def test_without_an_address_it_reads_local_streams(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        answer = client.post(RUNS)
        assert answer.status_code == 202
        location = answer.headers["Location"]
        wait_until(lambda: all(one["events"] for one in client.get(location).json()["streams"]), "all streams are read")
        client.post(f"{location}/stop")
        assert [one["connections"] for one in ended(client, location)["streams"]] == [1, 1, 1]


def test_only_one_runs_at_a_time(serve_streams: Serve, tmp_path: Path) -> None:
    with serving(tmp_path, serve_streams(**FAST)) as client:
        location = start(client, seconds=600, name="nobody")
        assert "a harvest is running" in expect_problem(client.post(RUNS), 409)["detail"]
        client.post(f"{location}/stop")
        ended(client, location)
        second = start(client, seconds=0.2)
        assert second != location
        ended(client, second)


def test_none_is_started_while_another_process_harvests_into_the_folder(serve_streams: Serve, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOCKING, f"{tmp_path}"]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        STARTED.append(other)
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "locked\n"
        with serving(tmp_path, serve_streams(**FAST)) as client:
            assert f"another harvest runs in {tmp_path}" in expect_problem(client.post(RUNS), 409)["detail"]
            assert client.get(RUNS).json()["running"] is None
            other.stdin.close()
            other.wait()
            ended(client, start(client, seconds=0.2))


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"seconds": 0.09}, {"seconds"}),
        ({"seconds": 86_401, "times": 0}, {"seconds", "times"}),
        ({"seconds": "20", "name": "", "times": 1.5}, {"seconds", "name", "times"}),
        ({"second": 20}, {"second"}),
    ],
)
def test_a_rule_that_is_not_allowed_is_refused(tmp_path: Path, body: Any, fields: set[str]) -> None:
    with serving(tmp_path) as client:
        assert {*wrong_fields(client.post(RUNS, json=body))} == fields
    assert not [*tmp_path.iterdir()]


def test_a_body_that_is_not_json_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        as_json = {"Content-Type": "application/json"}
        for body, detail in (
            (b'{"seconds": 1', "the body is not JSON: Input data was truncated"),
            (b"\xff", "the body is not JSON: "),
            (b"[20]", "the body must be a JSON object"),
            (b"null", "the body must be a JSON object"),
        ):
            assert expect_problem(client.post(RUNS, content=body, headers=as_json), 422)["detail"].startswith(detail)
        expect_problem(client.post(RUNS, content=b'{"seconds": 1}', headers={"Content-Type": "text/plain"}), 415)
        too_long = expect_problem(client.post(RUNS, content=b" " * 20_000, headers=as_json), 413)["detail"]
        assert too_long == "the body is longer than 16,384 bytes: it may have `seconds`, `name` and `times` only"
    assert not [*tmp_path.iterdir()]


def test_without_a_token_only_this_machine_may_start_or_stop(tmp_path: Path) -> None:
    with serving(tmp_path, is_loopback=False) as client:
        for path in (RUNS, f"{RUNS}/20231207_170121/stop"):
            assert "set API_TOKEN" in expect_problem(client.post(path), 403)["detail"]
    with serving(tmp_path, token="secret", is_loopback=False) as client:
        expect_problem(client.post(RUNS), 401)
        client.headers["Authorization"] = "Bearer secret"
        ended(client, start(client, seconds=0.2))
        foreign = client.post(RUNS, headers={"Origin": "https://elsewhere.example"})
        assert "another site" in expect_problem(foreign, 403)["detail"]


def test_progress_is_sent_as_events_that_end_with_the_report(serve_streams: Serve, tmp_path: Path) -> None:
    with serving(tmp_path, serve_streams(**FAST)) as client, listening(client) as waiting:
        with httpx.Client(base_url=client.base_url, timeout=60) as other:
            location = start(other, seconds=1.5, name="nobody")
        *progress, last = waiting
        run = location.rpartition("/")[2]
        assert {(event.name, event.data["state"], event.data["run"]) for event in progress} == {
            ("progress", "running", run)
        }
        numbers = [int(event.id.removeprefix(f"{run}/")) for event in progress]
        assert numbers == sorted({*numbers})
        assert len(progress) >= 4
        left = [event.data["seconds_left"] for event in progress]
        assert left == sorted(left, reverse=True)
        counts = [sum(one["events"] for one in event.data["streams"]) for event in progress]
        assert counts == sorted(counts)
        assert (last.name, last.id) == ("report", f"{run}/end")
        assert last.data == client.get(location).json()
        assert last.data["events"] >= counts[-1] > 0


def test_a_client_that_reconnects_gets_the_report_that_it_missed(serve_streams: Serve, tmp_path: Path) -> None:
    with serving(tmp_path, serve_streams(**FAST)) as client:
        location = start(client, seconds=600, name="nobody")
        with listening(client) as coming:
            seen = [*islice(coming, 2)][-1]
        client.post(f"{location}/stop")
        run = ended(client, location)
        with listening(client, seen.id) as coming:
            assert [*coming] == [Event("report", run, f"{run['run']}/end")]
        later = start(client, seconds=0.5, name="nobody")
        with listening(client, f"{run['run']}/end") as coming:
            assert {event.data["run"] for event in coming} == {later.rpartition("/")[2]}


@pytest.mark.parametrize("foreign", ["20231207_170121/7", "../x", "1=1468244583,60=1468244520", "end", "\xe9"])
def test_an_unknown_id_is_ignored_for_an_event_source_would_give_up_on_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, foreign: str
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.05)
    headers = httpx.Headers({"Last-Event-ID": foreign}, encoding="latin-1")
    with serving(tmp_path) as client, client.stream("GET", "/harvest/stream", headers=headers) as answer:
        assert [*islice(answer.iter_lines(), 3)] == ["retry: 1000", "", ": nothing new"]


def test_a_comment_is_sent_while_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.05)
    with serving(tmp_path) as client, client.stream("GET", "/harvest/stream") as answer:
        assert [*islice(answer.iter_lines(), 5)] == ["retry: 1000", "", ": nothing new", "", ": nothing new"]


def test_the_number_of_streams_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_LISTENERS", 3)
    with serving(tmp_path) as client, ExitStack() as closing:
        clients = [closing.enter_context(httpx.Client(base_url=client.base_url, timeout=60)) for _ in range(3)]
        for one in clients:
            assert closing.enter_context(one.stream("GET", "/harvest/stream")).status_code == 200
        refused = client.get("/harvest/stream")
        assert "too many clients are listening" in expect_problem(refused, 503)["detail"]
        assert refused.headers["Retry-After"] == "10"
        assert client.head("/harvest/stream").status_code == 200
        clients[1].close()

        def is_let_in() -> bool:
            with client.stream("GET", "/harvest/stream") as answer:
                return answer.status_code == 200

        wait_until(is_let_in, "a place is free")


def test_a_run_that_cannot_be_reported_says_why_and_the_next_one_reports_it(
    serve_streams: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(tmp_path, serve_streams(**FAST)) as client, listening(client) as coming:
        with httpx.Client(base_url=client.base_url, timeout=60) as other:
            location = start(other, seconds=600, name="nobody")
            (tmp_path / "processed").rmdir()
            (tmp_path / "processed").write_text("in the way")
            other.post(f"{location}/stop")
        last = [*coming][-1]
        assert (last.name, last.data["status"]) == ("failure", 503)
        assert "cannot be written" in last.data["detail"]
        assert expect_problem(client.get(location), 503)["detail"] == last.data["detail"]
        assert expect_problem(client.post(RUNS), 503)
        assert "cannot be written" in caplog.text
        (tmp_path / "processed").unlink()
        second = start(client, seconds=0.3)
        ended(client, second)
        assert ended(client, location)["stopped_by"] == "signal"
        assert len(client.get(RUNS).json()["runs"]) == 2


def test_at_the_end_of_the_server_a_run_stops_and_is_reported(serve_streams: Serve, tmp_path: Path) -> None:
    with serving(tmp_path, serve_streams(**FAST)) as client:
        location = start(client, seconds=600, name="nobody")
        wait_until(lambda: client.get(location).json()["streams"][0]["events"] > 5, "events were read")
    with serving(tmp_path) as client:
        run = client.get(location).json()
        assert (run["state"], run["stopped_by"]) == ("finished", "signal")
        assert run["events"] > 5


@pytest.mark.parametrize("is_slow", [False, True])
def test_at_the_end_of_the_server_listeners_get_the_report_or_the_end_of_the_response(
    serve_streams: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_slow: bool
) -> None:
    may_end = ThreadEvent()
    if is_slow:

        def slow_harvest(*how: Any) -> RunFigures:
            report = run_harvest(*how)
            assert may_end.wait(60)
            return report

        monkeypatch.setattr(running, "run_harvest", slow_harvest)
    with ExitStack() as open_for_longer:
        with serving(tmp_path, serve_streams(**FAST)) as client:
            start(client, seconds=600, name="nobody")
            other = open_for_longer.enter_context(httpx.Client(base_url=client.base_url, timeout=60))
            coming = open_for_longer.enter_context(listening(other))
            assert next(coming).name == "progress"
            reader = open_for_longer.enter_context(ThreadPoolExecutor(1))
            received = reader.submit(lambda: [*coming])
            received.add_done_callback(lambda _: may_end.set())
        names = {event.name for event in received.result()}  # without the end of the response, an error
    assert ("report" in names) is not is_slow


def test_at_the_end_of_the_server_streams_of_events_end(tmp_path: Path) -> None:
    with ExitStack() as open_for_longer:
        with serving(tmp_path) as client:
            other = open_for_longer.enter_context(httpx.Client(base_url=client.base_url, timeout=60))
            coming = open_for_longer.enter_context(listening(other))
        assert [*coming] == []


def test_a_run_is_known_as_stored_even_if_another_process_made_it(serve_streams: Serve, tmp_path: Path) -> None:
    sent = [Sent("sytflix", "a", "show-liked", message(9, "s1", "17:01:22.000"))]
    with serving(tmp_path, serve_streams(**FAST)) as client:
        assert client.get(RUNS).json()["runs"] == []
        run = record(tmp_path, sent).run
        assert client.get(f"{RUNS}/latest").json()["run"] == run
