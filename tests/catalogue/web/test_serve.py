"""`catalogue serve`, and `serve` with the catalogue beside frames, as their users run them."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.catalogue.web.serving import create_tables, expect_problem
from tests.frames.web.test_serve import is_ready
from tests.frames.web.test_serve import serving as serving_all
from tests.kafka.application import PROJECT, STARTED, Application, finish, wait_until

HEAT = {"title": "Heat", "duration_mins": 170, "original_language": "en", "size_mb": 2_000}


@contextmanager
def serving(*arguments: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """Give a server of the catalogue alone that has begun, and a client of it."""
    environment = {name: value for name, value in os.environ.items() if name != "BOOTSTRAP_SERVERS"}
    process = subprocess.Popen(
        [sys.executable, PROJECT / "app.py", "catalogue", "serve", "--port", "0", *arguments],
        env=environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    STARTED.append(process)
    assert process.stdout is not None
    address = re.match(r"the page is at (http://\S+)/ and the API at \S+/docs", process.stdout.readline())
    assert address is not None
    with httpx.Client(base_url=address[1], timeout=30) as client:
        yield process, client


def ended(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> str:
    """End a server as its user does, see that it ends well, and return what it said."""
    process.send_signal(number)
    return finish(process)


def test_the_catalogue_alone_needs_no_kafka(database_url: str, tmp_path: Path) -> None:
    create_tables(database_url)
    broker = tmp_path / "broker"
    with serving(DATABASE_URL=database_url, LOCAL_BROKER_DIR=str(broker)) as (process, client):
        assert client.post("/catalogue/movie", json=[HEAT]).status_code == 201
        assert client.get("/catalogue/loads").json()["loads"][0]["inserted"] == 1
        assert client.get("/readyz").status_code == 200
        assert client.get("/seconds").status_code == 404
        assert ended(process) == ""
    assert not broker.exists()


def test_a_driver_in_the_url_of_the_database_is_ignored(database_url: str) -> None:
    create_tables(database_url)
    with serving(DATABASE_URL=database_url.replace("postgresql:", "postgresql+psycopg2:")) as (process, client):
        assert client.get("/catalogue/loads").status_code == 200
        ended(process)


def test_it_warns_if_others_can_reach_it_without_a_token_and_lets_them_load_nothing(database_url: str) -> None:
    create_tables(database_url)
    with serving("--host", "0.0.0.0", DATABASE_URL=database_url) as (process, client):
        expect_problem(client.post("/catalogue/movie", json=[HEAT]), 403)
        assert (
            "warning: anyone who can reach 0.0.0.0 can read the results, and POST is refused: set API_TOKEN"
            in ended(process)
        )


def test_a_password_is_never_shown() -> None:
    url = "postgresql://someone:a-secret-password@127.0.0.1:1/metrics"
    with serving(DATABASE_URL=url) as (process, client):
        for path, what in (("/catalogue/loads", "cannot be reached"), ("/readyz", "does not answer")):
            problem = expect_problem(client.get(path), 503)
            assert what in problem["detail"]
            assert "a-secret-password" not in str(problem)
        said = ended(process, signal.SIGTERM)
    assert said.count("warning: the database cannot be reached") == 1
    assert "a-secret-password" not in said


@pytest.mark.parametrize("has_database", [True, False])
def test_one_server_has_frames_and_the_catalogue(
    application: Application, database_url: str, tmp_path: Path, *, has_database: bool
) -> None:
    create_tables(database_url)
    folder = tmp_path / "database"
    application.variables |= {"DATABASE_URL": database_url if has_database else "", "LOCAL_DATABASE_DIR": str(folder)}
    application.create_topics()
    with serving_all(application) as (process, client):
        wait_until(lambda: is_ready(client), "it is ready")
        assert client.get("/seconds").json()["windows"] == []
        assert client.get("/catalogue/loads").status_code == (200 if has_database else 503)
        paths = client.get("/openapi.json").json()["paths"]
        for page in ("/", "/catalogue"):
            assert all(f"/{other}" in client.get(page).text for other in ("frames", "views", "harvest", "catalogue"))
        assert {"/seconds", "/status", "/catalogue/loads", "/catalogue/movie", "/readyz"} <= paths.keys()
        assert ended(process) == ""
    assert not folder.exists()
