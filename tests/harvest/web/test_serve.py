"""`harvest serve`, and `serve` with harvest beside the other systems, as their users run them."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from metrics.harvest.simulator.faults import Answer, Faults
from metrics.harvest.simulator.server import Endpoint
from tests.frames.web.test_serve import serving as serving_all
from tests.harvest.web.serving import expect_problem, record
from tests.harvest.web.test_running import FAST, RUNS, start
from tests.harvest.web.test_running import ended as run_ended
from tests.harvest.web.test_runs import EVENTS
from tests.kafka.application import PROJECT, STARTED, Application, finish, wait_until

Serve = Callable[..., Endpoint]


@contextmanager
def serving(
    folder: Path, *arguments: str, streams: Endpoint | None = None, **variables: str
) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """Give a server of harvest alone that has begun, and a client of it."""
    settings = {"HARVEST_DIR": str(folder), "STREAM_ENDPOINT": "", "STREAM_PASSWORD": ""}
    if streams is not None:
        settings |= {"STREAM_ENDPOINT": streams.url, "STREAM_PASSWORD": streams.password}
    process = subprocess.Popen(
        [sys.executable, PROJECT / "app.py", "harvest", "serve", "--port", "0", *arguments],
        env=os.environ | settings | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    STARTED.append(process)
    assert process.stdout is not None
    address = re.match(r"the page is at (http://\S+)/ and the API at \S+/docs", process.stdout.readline())
    assert address is not None
    with httpx.Client(base_url=address[1], timeout=60) as client:
        yield process, client


def ended(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> str:
    """End a server as its user does, see that it ends well, and return what it said."""
    process.send_signal(number)
    return finish(process)


def test_harvest_alone_needs_no_kafka_and_no_database(tmp_path: Path) -> None:
    record(tmp_path / "data", EVENTS)
    others: Any = {"LOCAL_BROKER_DIR": str(tmp_path / "broker"), "LOCAL_DATABASE_DIR": str(tmp_path / "database")}
    with serving(tmp_path / "data", **others) as (process, client):
        assert client.get("/recent_shows").json() == {"recent_shows": "2"}
        assert client.get("/").headers["Location"] == "/harvest"
        assert client.get("/readyz").status_code == 200
        assert client.get("/seconds").status_code == 404
        paths = client.get("/openapi.json").json()["paths"]
        assert {*paths} == {
            "/user_report",
            "/recent_shows",
            "/successful_streams",
            "/start_events",
            "/harvest/runs",
            "/harvest/runs/{run}",
            "/harvest/runs/{run}/users",
            "/harvest/runs/{run}/events",
            "/harvest/runs/{run}/stop",
            "/harvest/stream",
            "/healthz",
            "/readyz",
        }
        assert ended(process) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_is_stopped_stops_its_run_and_reports_it(
    serve_streams: Serve, tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path, streams=serve_streams(**FAST)) as (process, client):
        location = start(client, seconds=600, name="nobody")
        wait_until(lambda: client.get(location).json()["streams"][1]["events"] > 5, "events were read")
        assert ended(process, number) == ""
    with serving(tmp_path) as (process, client):
        run = client.get(location).json()
        assert (run["stopped_by"], run["streams"][1]["events"] > 5) == ("signal", True)
        assert ended(process) == ""


def test_a_run_of_a_server_that_was_killed_is_finished_when_it_starts_again(
    serve_streams: Serve, tmp_path: Path
) -> None:
    with serving(tmp_path, streams=serve_streams(**FAST)) as (process, client):
        location = start(client, seconds=600, name="nobody")
        wait_until(lambda: client.get(location).json()["streams"][1]["events"] > 5, "events were read")
        process.kill()
        process.wait()
    with serving(tmp_path) as (process, client):
        wait_until(lambda: client.get(location).status_code == 200, "it is finished")
        assert client.get(location).json()["stopped_by"] == "killed"
        said = ended(process)
    assert f"run {location.rpartition('/')[2]} has no report (was it killed?): finishing it" in said


def test_a_password_is_never_shown_and_the_log_names_the_stream_that_refuses_it(
    serve_streams: Serve, tmp_path: Path
) -> None:
    streams = serve_streams(**FAST, password="a-secret-password", faults={"sysney": Faults(script=[Answer(401)])})
    with serving(tmp_path, streams=streams) as (process, client):
        location = start(client, seconds=1)
        run = run_ended(client, location)
        assert [one["outcome"] for one in run["streams"]] == ["read", "read", "refused"]
        answers = [client.get(path).text for path in (RUNS, location, "/openapi.json", "/harvest", f"{location}/users")]
        said = ended(process)
    assert "sysney refuses the user sytac (401)" in said
    assert not [text for text in (*answers, said) if "a-secret-password" in text]
    assert not [path for path in tmp_path.rglob("*.*") if b"a-secret-password" in path.read_bytes()]


def test_it_warns_if_others_can_reach_it_without_a_token_and_lets_them_start_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, "--host", "0.0.0.0") as (process, client):
        expect_problem(client.post(RUNS), 403)
        assert "warning: anyone who can reach 0.0.0.0 can read the results, and POST is refused" in ended(process)


def test_a_folder_that_cannot_be_used_is_a_problem_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with serving(tmp_path / "data") as (process, client):
        assert str(tmp_path / "data") in expect_problem(client.post(RUNS), 503)["detail"]
        expect_problem(client.get("/user_report"), 404)
        assert "Traceback" not in ended(process)


def test_one_server_has_all_systems(application: Application, tmp_path: Path) -> None:
    record(tmp_path / "data", EVENTS)
    application.variables |= {
        "DATABASE_URL": "",
        "LOCAL_DATABASE_DIR": str(tmp_path / "database"),
        "HARVEST_DIR": str(tmp_path / "data"),
    }
    application.run("prepare-topics", "/dev/null")
    with serving_all(application) as (process, client):
        assert client.get("/user_report?run=latest").status_code == 200
        run_ended(client, start(client, seconds=0.2))
        paths = client.get("/openapi.json").json()["paths"]
        for page in ("/", "/catalogue", "/harvest"):
            assert all(f"/{other}" in client.get(page).text for other in ("frames", "views", "harvest", "catalogue"))
        assert {"/seconds", "/catalogue/loads", "/harvest/runs", "/user_report"} <= paths.keys()
        ended(process)
