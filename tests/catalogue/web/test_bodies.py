"""Bodies of requests that arrive slowly, in part, or several at once, over real sockets."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPResponse
from socket import create_connection, socket
from typing import Any

import httpx
import pytest

from metrics.catalogue.web import routes
from metrics.web import connections, writing
from tests.catalogue.web.serving import TIMEOUT_S, create_tables, expect_problem, serving
from tests.kafka.application import wait_until

HEAD = "POST /catalogue/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
USER = {"email": "ann@b.c", "first_name": "Ann", "last_name": ""}


@contextmanager
def unfinished(client: httpx.Client, received: bytes, *, model: str = "movie", length: int = 100) -> Iterator[socket]:
    """Give a connection on which a part of a body was sent."""
    with closing(connected(client)) as connection:
        connection.sendall(HEAD.format(model, length).encode() + received)
        yield connection


def connected(client: httpx.Client) -> socket:
    assert client.base_url.port is not None
    return create_connection(("127.0.0.1", client.base_url.port), timeout=TIMEOUT_S)


def answer_on(connection: socket) -> tuple[int, dict[str, Any]]:
    with closing(HTTPResponse(connection)) as answer:
        answer.begin()
        return answer.status, json.loads(answer.read())


@pytest.fixture
def client(database_url: str) -> Iterator[httpx.Client]:
    """Serve a catalogue whose tables are empty."""
    create_tables(database_url)
    with serving(database_url) as client:
        yield client


def test_bodies_that_do_not_arrive_keep_no_others_waiting(client: httpx.Client) -> None:
    with (
        unfinished(client, b"["),
        unfinished(client, b"["),
        unfinished(client, b"[", model="user"),
        unfinished(client, b""),
    ):
        for number in range(4):
            record = {"title": f"{number}", "duration_mins": 1, "original_language": "", "size_mb": 0}
            assert client.post("/catalogue/movie", json=[record]).status_code == 201
        assert client.post("/catalogue/user", json=[USER]).status_code == 201


def test_a_body_that_does_not_arrive_in_time_gets_an_answer(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BODY_S", 0.2)
    with unfinished(client, b"[") as connection:
        status, problem = answer_on(connection)
    assert (status, problem["title"]) == (408, "Request Timeout")
    assert problem["detail"] == "the body did not arrive within 0.2 s: send it in parts"
    assert client.get("/catalogue/loads").json() == {"loads": [], "has_more": False}


def test_a_request_has_its_time_however_long_the_connection_was_idle(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 4.0)
    with closing(connected(client)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert answer_on(connection) == (200, {"status": "ok"})
        time.sleep(2.5)
        connection.sendall(HEAD.format("user", 2).encode() + b"[")
        time.sleep(2.5)
        connection.sendall(b"]")
        assert answer_on(connection)[0] == 201


def test_bodies_have_a_limited_size_together_until_they_are_loaded_or_cut(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "MAX_BODIES_BYTES", 1_000)
    create_tables(database_url)
    with serving(database_url) as client:

        def status_with(size_bytes: int) -> int:
            headers = {"Content-Type": "application/json"}
            answer = client.post("/catalogue/user", content=b"[]".rjust(size_bytes), headers=headers)
            if answer.status_code == 503:
                assert "others are loading records" in expect_problem(answer, 503)["detail"]
                assert answer.headers["Retry-After"] == "10"
            return answer.status_code

        for _ in range(3):
            assert status_with(1_000) in {200, 201}
        assert status_with(1_001) == 503

        def is_refused_beside_another() -> bool:
            with unfinished(client, b" " * 900, length=1_000):
                if status_with(101) != 503:  # the other one has not arrived yet, and may be refused
                    return False
                assert status_with(100) in {200, 201}
                return True

        wait_until(is_refused_beside_another, "the other body arrives first, except for its end")
        wait_until(lambda: status_with(1_000) == 200, "the other body is forgotten")
