"""The original's routes, byte by byte."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from socket import create_connection
from threading import Barrier
from typing import NamedTuple

import httpx
import pytest

from metrics.postgres.connect import connect
from metrics.views.answers import viewers
from metrics.views.schema import Connection
from metrics.views.web import original
from metrics.web import streamed
from tests.kafka.application import TIMEOUT_S, wait_until
from tests.views.filled import Watched, fill, open_tables
from tests.views.web.asked import asking

BIG = 2**53 + 1
NO_SUCH = b'{"status":"error","error":"Key does not exist"}'
EVENTS = [
    Watched(1, 7, number=3),
    Watched(1, 7, "streamstart", number=2),
    Watched(2, 7, "streamstop"),
    Watched(BIG, 7),
    Watched(2, BIG),
    Watched(1, 8, "streamend"),
]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with closing(open_tables(database_url)) as opened:
        yield opened


@pytest.fixture
def client(database_url: str, connection: Connection) -> Iterator[httpx.Client]:
    fill(connection, EVENTS)
    with asking(database_url) as client:
        yield client


def test_bodies_are_those_of_the_original_with_and_without_the_last_slash(client: httpx.Client) -> None:
    sums = b'{"status":"success","data":{"view_time":120,"starts":2,"stops":1,"ends":0'
    bodies = {
        "/media/getstats/7": (200, sums + b',"user_views":{"1":90,"9007199254740993":30}}}'),
        "/media/getstats/7?user_views=false": (200, sums + b"}}"),
        "/media/getstats/8": (
            200,
            b'{"status":"success","data":{"view_time":0,"starts":0,"stops":0,"ends":1,"user_views":{}}}',
        ),
        # n = 3: (3*0 - 4*1) / (sqrt(3*10 - 16) sqrt(3*1 - 1)) = -4 / sqrt 28
        "/media/getsimilar/7": (
            200,
            b'{"status":"success","data":{"Correlation":{"9007199254740993":-0.755928946018}}}',
        ),
        "/media/getsimilar/8": (200, b'{"status":"success","data":{"Correlation":{}}}'),
    }
    for unknown in ("9", "9223372036854775808", "-7", "7a", "\u0667", "007" * 9):
        bodies |= {f"/media/getstats/{unknown}": (404, NO_SUCH), f"/media/getsimilar/{unknown}": (404, NO_SUCH)}
    for path, expected in bodies.items():
        bare, _, query = path.partition("?")
        for asked in (f"{bare}?{query}", f"{bare}/?{query}"):
            answer = client.get(asked)
            assert (answer.status_code, answer.content) == expected, asked
            assert answer.headers["Content-Type"] == "application/json"
            head = client.head(asked)
            assert head.status_code == expected[0]
            assert head.headers.get("Content-Length") == answer.headers.get("Content-Length")
    assert client.post("/media/getstats/7").headers["Allow"] == "GET, HEAD"
    wrong = client.get("/media/getstats/7?user_views=maybe")
    assert (wrong.status_code, wrong.json()["error"]) == (422, "user_views: Must be true or false")


@pytest.mark.parametrize("path", ["/media/getstats/7", "/media/getstats/7/", "/media/getsimilar/7/"])
def test_every_error_has_the_form_of_the_original(client: httpx.Client, path: str) -> None:
    answers = {
        "x: Unknown parameter": client.get(path, params={"x": 1}),
        f"{path} accepts GET, HEAD only": client.post(path),
        "request from another site, http://example.org": client.get(path, headers={"Origin": "http://example.org"}),
    }
    for error, answer in answers.items():
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == {"status": "error", "error": error}
    assert [answer.status_code for answer in answers.values()] == [422, 405, 403]
    documented = client.get("/openapi.json").json()["paths"][f"{path.rstrip('/').removesuffix('7')}{{media_id}}/"]
    assert {"422", "405", "403"} <= {*documented["get"]["responses"]}


@pytest.mark.parametrize("in_memory", [10, 1_000_000])
def test_a_client_of_http_1_0_gets_a_length_and_no_chunks(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(streamed, "IN_MEMORY_BYTES", in_memory)
    port = client.base_url.port
    assert port is not None
    with create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        connection.sendall(b"GET /media/getstats/7/ HTTP/1.0\r\nHost: localhost\r\n\r\n")
        head, _, body = b"".join(iter(partial(connection.recv, 65_536), b"")).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert f"content-length: {len(body)}\r\n".encode() in head.lower() + b"\r\n"
    assert body == client.get("/media/getstats/7/").content


class Pause(NamedTuple):
    """Pause of an answer after its first viewer."""

    has_begun: Barrier
    is_over: Barrier


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Pause:
    """Make the first answer with viewers pause; others are as usual."""
    read, pause = viewers.all_viewers, Pause(Barrier(2), Barrier(2))

    def pausing(connection: Connection, media_id: int) -> Iterator[list[viewers.Viewer]]:
        monkeypatch.setattr(original, "all_viewers", read)
        batches = read(connection, media_id)
        yield next(batches)
        pause.has_begun.wait(60)
        pause.is_over.wait(60)
        yield from batches

    monkeypatch.setattr(viewers, "BATCH", 1)
    monkeypatch.setattr(original, "all_viewers", pausing)
    return pause


def test_users_are_streamed_from_one_snapshot(client: httpx.Client, connection: Connection, pause: Pause) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.get, "/media/getstats/7")
        pause.has_begun.wait(60)
        connection.execute("UPDATE user_media SET waypoints = 1000; DELETE FROM media")
        pause.is_over.wait(60)
        assert answer.result().content.endswith(b'"user_views":{"1":90,"9007199254740993":30}}}')


def test_an_answer_that_the_database_cuts_has_no_end_and_the_log_says_why(
    client: httpx.Client, connection: Connection, pause: Pause, caplog: pytest.LogCaptureFixture
) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.get, "/media/getstats/7")
        pause.has_begun.wait(60)
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'idle in transaction'"
        )
        pause.is_over.wait(60)
        with pytest.raises(httpx.RemoteProtocolError):
            answer.result()
    [cut] = [record.getMessage() for record in caplog.records if record.name == "metrics.web.streamed"]
    assert cut.startswith("the answer to /media/getstats/7 was cut: the database does not answer: ")
    assert not any(record.exc_info for record in caplog.records)
    assert client.get("/media/getstats/7").status_code == 200


def test_a_client_that_goes_away_gives_its_connection_back(
    database_url: str, client: httpx.Client, connection: Connection
) -> None:
    connection.execute(
        "INSERT INTO user_media SELECT 9000000000000000000 + n, 7, 1 FROM generate_series(1, 300000) AS n"
    )
    with closing(connect(database_url)) as watching:

        def streams() -> int:
            query = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            [number] = watching.execute(query).fetchone() or (0,)
            return int(number)

        for _ in range(6):  # more than can be streamed at once
            with client.stream("GET", "/media/getstats/7") as answer:
                assert answer.status_code == 200
                next(answer.iter_bytes())
        wait_until(lambda: streams() == 0, "no transaction is left open")
    assert len(client.get("/media/getstats/7").json()["data"]["user_views"]) == 300_002
