"""The catalogue while its database is missing, busy or away."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.rows import TupleRow

from metrics.catalogue.web import answering, loading, routes
from metrics.postgres import local_server
from metrics.postgres.connect import connect
from metrics.web import database
from tests.catalogue.web.serving import create_tables, expect_problem, serving
from tests.kafka.application import wait_until

QUERY = "/catalogue/queries/mean-session-seconds"
HEAT = {"title": "Heat", "duration_mins": 170, "original_language": "en", "size_mb": 2_000}
NOT_READY = "the catalogue's database does not answer; the log of `serve` says why"
NO_DATABASE = "the catalogue has no database yet; create one: python app.py catalogue init-db; or set DATABASE_URL"


@contextmanager
def locked(url: str, table: str = "stream") -> Iterator[None]:
    """Lock a table, so that queries of it wait."""
    with closing(connect(url)) as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table}".encode())
        yield


def outages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines of the log about outages."""
    return [record.getMessage() for record in caplog.records if record.name == "metrics.web.outages"]


def waiting(connection: psycopg.Connection[TupleRow]) -> int:
    """Return how many requests wait for a lock."""
    [number] = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone() or (0,)
    return int(number)


def test_without_a_database_it_says_how_to_get_one_and_is_ready_for_others(tmp_path: Path) -> None:
    folder = tmp_path / "database"
    with serving(None, folder) as client:
        for path in ("/catalogue/loads", QUERY):
            assert expect_problem(client.get(path), 503)["detail"] == NO_DATABASE
        assert expect_problem(client.post("/catalogue/movie", json=[HEAT]), 503)["detail"] == NO_DATABASE
        assert client.get("/catalogue/queries").status_code == 200
        assert client.get("/readyz").status_code == 200
    assert not folder.exists()


def test_a_local_database_is_used_once_a_command_has_created_it(tmp_path: Path) -> None:
    folder = tmp_path / "database"
    with serving(None, folder) as client:
        expect_problem(client.get("/catalogue/loads"), 503)
        with local_server.shared(folder, print) as url:
            create_tables(url)
        assert not local_server.is_running(folder)
        assert client.post("/catalogue/movie", json=[HEAT]).status_code == 201
        assert local_server.is_running(folder)
    assert not local_server.is_running(folder)


def test_a_local_database_that_was_killed_is_started_again(tmp_path: Path) -> None:
    folder = tmp_path / "database"
    with local_server.shared(folder, print) as url:
        create_tables(url)
    with serving(None, folder) as client:
        assert client.post("/catalogue/movie", json=[HEAT]).status_code == 201
        os.kill(int((folder / "data/postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
        wait_until(lambda: client.get("/catalogue/loads").status_code == 200, "it is started again")
        assert len(client.get("/catalogue/loads").json()["loads"]) == 1


def test_a_local_database_that_was_killed_is_not_ready_until_it_answers_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "database"
    with local_server.shared(folder, print) as url:
        create_tables(url)
    version = folder / "data/PG_VERSION"
    with serving(None, folder) as client:
        assert client.get("/catalogue/loads").status_code == 200
        written = version.read_text()
        version.write_text("17\n")  # so that it cannot be started again
        os.kill(int((folder / "data/postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
        wait_until(lambda: not local_server.is_running(folder), "all of its processes have ended")
        for _ in range(3):
            assert expect_problem(client.get("/readyz"), 503)["detail"] == NOT_READY
        assert "created by PostgreSQL 17" in outages(caplog)[-1]
        version.write_text(written)
        wait_until(lambda: client.get("/readyz").status_code == 200, "it is started again")
        assert local_server.is_running(folder)


def test_without_tables_it_says_how_to_create_them(database_url: str) -> None:
    with serving(database_url) as client:
        assert "catalogue init-db" in expect_problem(client.get("/catalogue/loads"), 503)["detail"]
        create_tables(database_url)
        assert client.get("/catalogue/loads").status_code == 200


def test_an_outage_is_a_problem_until_the_database_answers_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "database"
    with local_server.shared(folder, print) as url:
        create_tables(url)
    with caplog.at_level("INFO", "metrics.web.outages"), serving(url) as client:
        for _ in range(2):
            problem = expect_problem(client.get("/catalogue/loads"), 503)
            assert problem["detail"].startswith("the database cannot be reached: ")
        assert expect_problem(client.get("/readyz"), 503)["detail"] == NOT_READY
        assert client.get("/healthz").status_code == 200
        with local_server.shared(folder, print) as again:
            assert again == url
            assert client.get("/catalogue/loads").json() == {"loads": [], "has_more": False}
            assert client.get("/readyz").status_code == 200
    began, ended = outages(caplog)
    assert began == problem["detail"]
    assert ended == "reconnected to the catalogue's database"


def test_readyz_does_not_show_where_the_database_is_but_the_log_does(caplog: pytest.LogCaptureFixture) -> None:
    with serving("postgresql://bob:hunter2@127.0.0.1:1/x", token="secret") as client:
        assert expect_problem(client.get("/readyz"), 503)["detail"] == NOT_READY
        assert expect_problem(client.get("/catalogue/loads"), 401)
        answer = client.get("/catalogue/loads", headers={"Authorization": "Bearer secret"})
    [logged] = outages(caplog)
    assert 'connection to server at "127.0.0.1", port 1 failed' in logged
    assert expect_problem(answer, 503)["detail"] == logged
    assert "hunter2" not in logged


def test_requests_beyond_those_that_the_database_is_busy_with_are_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "WAIT_S", 0.2)
    create_tables(database_url)
    with serving(database_url) as client, closing(connect(database_url)) as watching, ThreadPoolExecutor(8) as pool:
        with locked(database_url):
            asked = [pool.submit(client.get, QUERY) for _ in range(database.MAX_CONNECTIONS)]
            wait_until(lambda: waiting(watching) == database.MAX_CONNECTIONS, "all wait for the table")
            refused = client.get("/catalogue/loads")
            assert "busy" in expect_problem(refused, 503)["detail"]
            assert client.get("/healthz").status_code == 200
        assert [answer.result().status_code for answer in asked] == [200] * database.MAX_CONNECTIONS
        assert client.get("/catalogue/loads").status_code == 200


def test_a_query_that_takes_too_long_is_cancelled(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "TIMEOUT_S", 0.2)
    create_tables(database_url)
    with serving(database_url) as client, locked(database_url):
        assert "took longer than 0.2 s" in expect_problem(client.get(QUERY), 504)["detail"]


def test_records_wait_for_another_load_of_their_model_and_give_up_in_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "LOCK_TIMEOUT_S", 1)
    create_tables(database_url)
    with serving(database_url) as client:
        with closing(connect(database_url)) as other:
            other.execute("SELECT pg_advisory_lock(catalogue_lock('model.movie'), 0)")
            refused = client.post("/catalogue/movie", json=[HEAT])
            detail = "another load of movie is running; try again later"
            assert expect_problem(refused, 503)["detail"] == detail
            assert refused.headers["Retry-After"] == "1"
        assert client.post("/catalogue/movie", json=[HEAT]).status_code == 201


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("LOCK TABLE movie IN SHARE ROW EXCLUSIVE MODE", "another program is changing the table movie"),
        ("SELECT FROM movie FOR UPDATE", "another program has locked rows of the table movie"),
    ],
)
def test_a_lock_of_another_program_is_not_called_a_load(
    database_url: str, monkeypatch: pytest.MonkeyPatch, statement: str, what: str
) -> None:
    monkeypatch.setattr(loading, "LOCK_TIMEOUT_S", 1)
    create_tables(database_url)
    with serving(database_url) as client:
        assert client.post("/catalogue/movie", json=[HEAT]).status_code == 201
        changed = [HEAT | {"size_mb": 1}]
        with closing(connect(database_url)) as other, other.transaction():
            other.execute(statement.encode())
            refused = client.post("/catalogue/movie", json=changed)
            assert expect_problem(refused, 503)["detail"] == f"{what}; try again later"
            assert refused.headers["Retry-After"] == "1"
        assert client.post("/catalogue/movie", json=changed).json()["updated"] == 1


@contextmanager
def loading_others(url: str, *models: str) -> Iterator[None]:
    """Keep loads of models waiting, as other loads do."""
    with closing(connect(url)) as connection:
        for model in models:
            connection.execute("SELECT pg_advisory_lock(catalogue_lock('model.' || %s), 0)", [model])
        yield


def test_requests_that_wait_for_a_model_do_not_keep_out_those_of_others(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "LOADING_WAIT_S", 0.5)
    create_tables(database_url)
    with serving(database_url) as client, closing(connect(database_url)) as watching, ThreadPoolExecutor(1) as pool:
        with loading_others(database_url, "movie"):
            first = pool.submit(client.post, "/catalogue/movie", json=[HEAT])
            wait_until(lambda: waiting(watching) == 1, "it waits for the other load")
            refused = client.post("/catalogue/movie", json=[HEAT])
            detail = "another request is loading movie records; try again later"
            assert expect_problem(refused, 503)["detail"] == detail
            assert client.post("/catalogue/user", json=[]).status_code == 201
        assert first.result().status_code == 201


def test_more_than_two_loads_do_not_run_at_once(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "LOADING_WAIT_S", 0.5)
    create_tables(database_url)
    with serving(database_url) as client, closing(connect(database_url)) as watching, ThreadPoolExecutor(2) as pool:
        with loading_others(database_url, "movie", "book"):
            loading_two = [pool.submit(client.post, f"/catalogue/{model}", json=[]) for model in ("movie", "book")]
            wait_until(lambda: waiting(watching) == 2, "both wait for the other loads")
            refused = client.post("/catalogue/user", json=[])
            assert "others are loading records" in expect_problem(refused, 503)["detail"]
            assert client.get("/catalogue/loads").status_code == 200
        assert [answer.result().status_code for answer in loading_two] == [201, 201]
        assert client.post("/catalogue/user", json=[]).status_code == 201


def test_it_stops_soon_while_the_database_works_on_requests(database_url: str) -> None:
    create_tables(database_url)
    with locked(database_url), closing(connect(database_url)) as watching, ThreadPoolExecutor() as pool:
        with serving(database_url) as client:
            asked = [pool.submit(client.get, QUERY) for _ in range(3)]
            wait_until(lambda: waiting(watching) == 3, "they wait for the table")
            since_s = time.monotonic()
        assert time.monotonic() - since_s < 5
        for answer in asked:
            error = answer.exception()
            assert isinstance(error, httpx.TransportError) or answer.result().status_code == 503
        wait_until(lambda: waiting(watching) == 0, "the server notices that nobody waits for them")
