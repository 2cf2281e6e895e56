"""The routes that take events, asked by real clients, over a real broker."""

import gzip
import json
import logging
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import cast

import httpx
import pytest
import zstandard

from metrics.views.settings import ViewsSettings
from metrics.views.taking import taker
from metrics.views.web import taking
from metrics.web import connections
from tests.kafka.application import TIMEOUT_S, wait_until
from tests.views.web.taken import JSON, LINES, Serving, event, line, serving, settings_of, stored

EVENT, EVENTS = "/event/create/", "/views/events"


@pytest.fixture(scope="module")
def settings(bootstrap_servers: str) -> ViewsSettings:
    return settings_of(bootstrap_servers, views_line_limit=1024)


@pytest.fixture(scope="module")
def served(settings: ViewsSettings) -> Iterator[Serving]:
    with serving(settings) as server:
        yield server


def values(settings: ViewsSettings) -> Counter[bytes]:
    return Counter(record.value for record in stored(settings, settings.views_topic))


@pytest.mark.parametrize("path", ["/event/create/", "/event/create"])
@pytest.mark.parametrize("headers", [JSON, {}])
def test_an_event_is_in_the_topic_when_its_sender_hears_of_success(
    served: Serving, settings: ViewsSettings, path: str, headers: dict[str, str]
) -> None:
    sent = line(f"one {path} {headers}", user=2**63 - 1)
    answer = served.client.post(path, content=sent, headers=headers)
    assert (answer.status_code, answer.text) == (200, '{"status":"success"}')
    (found,) = [record for record in stored(settings, settings.views_topic) if record.value == sent]
    assert found.key == b"9223372036854775807"


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b'{"EventId":"a","MediaId":"17a"}', 422, ['MediaId must be a whole number, 0 or more, not the text "17a"']),
        (json.dumps(event("a", EventType="WayPoint")).encode(), 422, []),
        (b"[]", 422, ["The event must be an object, not an array"]),
        (b"{", 400, ["Not JSON: expecting property name enclosed in double quotes at character 2"]),
        (b"", 400, ["Not JSON: it is empty"]),
        (line("a", Note="x" * 1024), 413, ["The event is longer than 1,024 bytes"]),
    ],
)
def test_a_wrong_event_is_refused_in_words_and_is_in_the_dead_letter_topic(
    served: Serving, settings: ViewsSettings, body: bytes, status: int, error: list[str]
) -> None:
    answer = served.client.post(EVENT, content=body, headers=JSON)
    said = answer.json()
    assert (answer.status_code, [*said], said["status"]) == (status, ["status", "error"], "error")
    assert said["error"][: len(error)] == error
    rejected = stored(settings, settings.views_rejected_topic)
    (found,) = [record for record in rejected if json.loads(record.headers["reasons"]) == said["error"]]
    assert (found.value, found.headers["line"], len(found.headers["upload"])) == (body[:1024], b"1", 16)


def test_an_event_names_everything_that_is_wrong_with_it(served: Serving) -> None:
    wrong = json.dumps(event("a", MediaId="17a", EventType="WayPoint"))
    assert served.client.post(EVENT, content=wrong, headers=JSON).text == (
        '{"status":"error","error":["MediaId must be a whole number, 0 or more, not the text \\"17a\\"",'
        '"EventType must be one of waypoint, streamstart, streamstop, streamend, not \\"WayPoint\\""]}'
    )


def test_other_media_types_and_methods_are_refused(served: Serving) -> None:
    client = served.client
    assert client.post(EVENT, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert client.post(EVENTS, content=b"{}", headers=JSON).status_code == 415
    assert client.post(EVENTS, content=b"{}", headers=LINES | {"Content-Encoding": "br"}).json()["detail"] == (
        "send the body without a Content-Encoding, or with one of gzip, zstd"
    )
    twice = [*LINES.items(), ("Content-Encoding", "gzip"), ("Content-Encoding", "zstd")]
    assert client.post(EVENTS, content=b"{}", headers=twice).status_code == 415
    for path in (EVENT, EVENT[:-1], EVENTS, f"{EVENTS}/"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    foreign = client.post(EVENT, content=line("x"), headers=JSON | {"Origin": "http://example.org"})
    assert foreign.status_code == 403


def test_every_error_of_the_original_s_route_has_the_same_form(settings: ViewsSettings, served: Serving) -> None:
    def error_of(answer: httpx.Response, status: int) -> list[str]:
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json"), answer.text
        said = answer.json()
        assert ([*said], said["status"]) == (["status", "error"], "error")
        return cast("list[str]", said["error"])

    address, client = f"127.0.0.1:{served.port}", served.client
    for path in (EVENT, EVENT[:-1]):
        post = partial(client.post, path, content=line("form"))
        foreign = {"Origin": "http://example.org"}
        assert error_of(post(headers=foreign), 403) == ["request from another site, http://example.org"]
        (rebound,) = error_of(post(headers={"Host": "example.org"}), 403)
        assert rebound.startswith("host example.org not allowed")
        assert error_of(client.get(path), 405) == [f"{path} accepts POST only"]
        assert error_of(post(headers={"Content-Type": "text/csv"}), 415) == [
            "send the body as application/json, and say so in the header Content-Type"
        ]
        unknown = post(params={"x": 1, "y": ""})
        assert error_of(unknown, 422) == ["x: Unknown parameter", "y: Unknown parameter"]
    with serving(settings, token="secret") as server:
        answer = server.client.post(EVENT, content=line("form"))
        assert error_of(answer, 401) == ["send the token as Authorization: Bearer …"]
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    with serving(settings, is_loopback=False) as server:
        assert error_of(server.client.post(EVENT, content=line("form")), 403)[0].startswith("without a token")
    other = client.post(f"http://{address}{EVENT}x", content=line("form"))
    assert (other.status_code, other.headers["Content-Type"]) == (404, "application/problem+json")


def test_an_upload_with_unknown_parameters_is_refused(served: Serving) -> None:
    answer = served.client.post(EVENTS, content=line("a"), headers=LINES, params={"x": 1})
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"field": "x", "reason": "Unknown parameter"}])


def test_a_client_that_asks_before_it_sends_a_long_event_is_refused_at_once(served: Serving) -> None:
    for length, said in ((1025, b"HTTP/1.1 413 "), (1024, b"HTTP/1.1 100 Continue\r\n")):
        with socket.create_connection(("127.0.0.1", served.port), TIMEOUT_S) as connection:
            head = f"POST {EVENT} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n"
            connection.sendall(head.encode() + b"\r\n")
            received = connection.recv(65_536)
            assert received.startswith(said)
            if length > 1024:
                rest = b"".join(iter(lambda: connection.recv(65_536), b""))  # to the end: it closes the connection
                assert (received + rest).endswith(
                    b'{"status":"error","error":["The event is longer than 1,024 bytes"]}'
                )


def test_events_are_taken_from_a_client_that_offers_http2(served: Serving) -> None:
    """As `curl --http2` does, and Java's client."""
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAA"}
    uploaded = served.client.post(EVENTS, content=line("offer 1") + b"\n{}", headers=LINES | offer)
    assert (uploaded.status_code, uploaded.json()["accepted"], uploaded.json()["rejected"]) == (200, 1, 1)
    assert served.client.post(EVENT, content=line("offer 2"), headers=JSON | offer).json() == {"status": "success"}
    assert "Missing EventId" in served.client.post(EVENT, content=b"{}", headers=JSON | offer).json()["error"]


def test_the_document_of_an_event_has_all_answers(served: Serving) -> None:
    document = served.client.get("/openapi.json").json()
    responses = document["paths"][EVENT]["post"]["responses"]
    assert sorted(responses) == ["200", "400", "401", "403", "405", "408", "413", "415", "422", "503"]
    assert "Retry-After" in responses["503"]["headers"]
    for status, response in responses.items():
        schema = {"$ref": f"#/components/schemas/{'EventTaken' if status == '200' else 'EventRefused'}"}
        assert response["content"]["application/json"]["schema"] == schema
    upload = document["paths"][EVENTS]["post"]["responses"]
    assert "Retry-After" in upload["503"]["headers"]
    assert {*upload["422"]["content"]} == {"application/json", "application/problem+json"}


def test_events_need_the_token_and_other_machines_need_one(settings: ViewsSettings) -> None:
    with serving(settings, token="secret") as server:
        assert server.client.post(EVENTS, content=line("t"), headers=LINES).status_code == 401
        headers = LINES | {"Authorization": "Bearer secret"}
        assert server.client.post(EVENTS, content=line("t"), headers=headers).status_code == 200
    with serving(settings, is_loopback=False) as server:
        for path, headers in ((EVENT, JSON), (EVENTS, LINES)):
            assert server.client.post(path, content=line("t"), headers=headers).status_code == 403


def test_an_upload_is_answered_line_by_line(served: Serving, settings: ViewsSettings) -> None:
    first, last, spaced = line("upload 1"), line("upload 2", user=8), b" " + line("upload 3") + b" "
    body = b"\n".join([first + b"\r", b"", b'{"EventId":""}', b" \r", spaced, b"x" * 2000, b"\xff", last])
    before = values(settings)
    assert served.client.post(EVENTS, content=body, headers=LINES).json() == {
        "accepted": 3,
        "rejected": 3,
        "errors": [
            {
                "line": 3,
                "error": [
                    'EventId must be a text of 1 to 256 characters, not ""',
                    "Missing MediaId",
                    "Missing UserId",
                    "Missing Timestamp",
                    "Missing DateTime",
                    "Missing EventType",
                ],
            },
            {"line": 6, "error": ["The event is longer than 1,024 bytes"]},
            {"line": 7, "error": ["Not JSON: byte 1, 0xff, is not UTF-8"]},
        ],
        "errors_left_out": 0,
        "by_reason": {
            "wrong EventId": 1,
            "missing MediaId": 1,
            "missing UserId": 1,
            "missing Timestamp": 1,
            "missing DateTime": 1,
            "missing EventType": 1,
            "too long": 1,
            "not JSON": 1,
        },
    }
    assert values(settings) - before == Counter([first, last, spaced])
    cut, latin = stored(settings, settings.views_rejected_topic)[-2:]
    assert (cut.value, cut.headers["kinds"], cut.headers["line"]) == (b"x" * 1024, b'["too long"]', b"6")
    assert (latin.value, latin.headers["line"], latin.headers["upload"]) == (b"\xff", b"7", cut.headers["upload"])


def test_a_hundred_errors_are_named_and_all_are_counted(served: Serving) -> None:
    body = b"[]\n" * 130 + line("a")
    said = served.client.post(EVENTS, content=body, headers=LINES).json()
    assert (said["accepted"], said["rejected"], said["errors_left_out"]) == (1, 130, 30)
    assert [at["line"] for at in said["errors"]] == [*range(1, 101)]
    assert said["by_reason"] == {"not an object": 130}


@pytest.mark.parametrize(("body", "status"), [(b"[]\n", 422), (b"\n\n", 200), (b"", 200)])
def test_an_upload_is_refused_if_all_of_its_lines_are_wrong_but_not_without_lines(
    served: Serving, body: bytes, status: int
) -> None:
    answer = served.client.post(EVENTS, content=body, headers=LINES)
    said = answer.json()
    assert (answer.status_code, said["accepted"], "error" in said) == (status, 0, False)
    assert said["rejected"] == (status == 422)


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_a_compressed_upload_is_taken_and_a_truncated_one_up_to_its_end(
    served: Serving, settings: ViewsSettings, encoding: str, pack: type[bytes]
) -> None:
    lines = [line(f"{encoding} {number}", Note=str(number) * 100) for number in range(3000)]
    packed, headers = pack(b"\n".join(lines)), LINES | {"Content-Encoding": encoding}
    before = values(settings)
    cut = served.client.post(EVENTS, content=packed[: len(packed) // 2], headers=headers)
    taken = cut.json()["accepted"]
    assert (cut.status_code, 0 < taken < 3000) == (400, True)
    assert cut.json()["error"] == f"the body ends before its compressed data does; {taken:,} lines before that"
    whole = served.client.post(EVENTS, content=packed, headers=headers)
    assert (whole.status_code, whole.json()["accepted"]) == (200, 3000)
    assert values(settings) - before == Counter(lines) + Counter(lines[:taken])


def test_an_upload_in_chunks_is_taken_with_lines_across_them(served: Serving, settings: ViewsSettings) -> None:
    body, before = b"".join(line(f"chunk {number}") + b"\n" for number in range(500)), values(settings)
    pieces = (body[start : start + 333] for start in range(0, len(body), 333))
    assert served.client.post(f"{EVENTS}/", content=pieces, headers=LINES).json()["accepted"] == 500
    assert (values(settings) - before).total() == 500


def test_curl_uploads_with_expect_100_continue(served: Serving, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    assert curl is not None
    (tmp_path / "events").write_bytes(b"".join(line(f"curl {number}") + b"\n" for number in range(1000)))
    options = ["-sS", "-D", "-", "-H", "Content-Type: application/x-ndjson", "-H", "Expect: 100-continue"]
    address = f"http://127.0.0.1:{served.port}{EVENTS}"
    command = [curl, *options, "--expect100-timeout", "60", "--data-binary", "@events", address]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=50).stdout
    assert said.startswith("HTTP/1.1 100 Continue")
    assert '{"accepted":1000,' in said


def test_users_are_put_into_partitions_as_by_the_clients_of_kafka(served: Serving, settings: ViewsSettings) -> None:
    users = [0, 7, 10, 123, 4_567, 89_012, 2**31, 2**63 - 1]
    body = b"\n".join(line(f"partition {user}", user=user) for user in users)
    assert served.client.post(EVENTS, content=body, headers=LINES).json()["accepted"] == len(users)
    found = {record.key: record.partition for record in stored(settings, settings.views_topic)}
    for user in users:
        key = str(user).encode()
        assert found[key] == (_murmur2(key) & 0x7FFF_FFFF) % 4, user


def _murmur2(key: bytes) -> int:
    """Hash a key as `org.apache.kafka.common.utils.Utils.murmur2`."""
    mask, m = 0xFFFF_FFFF, 0x5BD1_E995
    hashed = 0x9747_B28C ^ len(key)
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * m & mask
        hashed = hashed * m & mask ^ (k ^ k >> 24) * m & mask
    if rest := key[whole:]:
        hashed = (hashed ^ int.from_bytes(rest, "little")) * m & mask
    hashed = (hashed ^ hashed >> 13) * m & mask
    return hashed ^ hashed >> 15


def begin_upload(server: Serving, sent: bytes, encoding: str = "identity") -> socket.socket:
    """Connect, and send a part of a body that is longer."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    head = (
        f"POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 9999\r\n"
        f"Content-Encoding: {encoding}\r\n"
    )
    connection.sendall(head.encode() + b"\r\n" + sent)
    return connection


def answer_of(connection: socket.socket) -> tuple[int, dict[str, object]]:
    """Read the answer to a request until the connection is closed, or the answer is complete."""
    text = b""
    while not text.endswith(b"}"):
        piece = connection.recv(65_536)
        assert piece, text
        text += piece
    head, _, body = text.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_what_was_acknowledged_stays_when_a_client_goes(
    served: Serving, settings: ViewsSettings, caplog: pytest.LogCaptureFixture
) -> None:
    whole, begun = line("gone 1"), line("gone 2")
    with caplog.at_level(logging.WARNING), begin_upload(served, whole + b"\n[]\n" + begun[:-1]) as connection:
        wait_until(lambda: served.taker.figures.uploads_open == 1, "the upload has begun")
        wait_until(lambda: values(settings)[whole] == 1, "its first event is in the topic")
        connection.close()
        wait_until(lambda: "its client has gone" in caplog.text, "its end is logged")
    assert "1 accepted, 1 rejected; its client has gone: the body is incomplete; 2 lines before that" in caplog.text
    assert served.taker.figures.uploads_open == 0


def test_an_upload_may_take_longer_than_any_other_request(served: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)

    def pieces() -> Iterator[bytes]:
        for number in range(4):
            yield line(f"slow {number}") + b"\n"
            time.sleep(0.4)  # a slow client, whose body takes three times as long

    assert served.client.post(EVENTS, content=pieces(), headers=LINES).json()["accepted"] == 4
    with begin_upload(served, b"") as idle, socket.create_connection(("127.0.0.1", served.port)) as silent:
        silent.sendall(b"POST / HTTP/1.1\r\n")
        assert silent.recv(1) == b""  # closed
        idle.setblocking(False)
        with pytest.raises(BlockingIOError):
            idle.recv(1)


def test_an_upload_whose_client_sends_nothing_is_ended(served: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taker, "IDLE_S", 0.3)
    with begin_upload(served, line("idle") + b"\n") as connection:
        status, said = answer_of(connection)
    assert (status, said["accepted"], said["error"]) == (408, 1, "nothing came for 0.3 s; 1 line before that")


def test_a_server_that_stops_answers_its_uploads(settings: ViewsSettings) -> None:
    with serving(settings) as server, begin_upload(server, line("stop") + b"\n") as connection:
        wait_until(lambda: server.taker.figures.accepted == 1, "the event is acknowledged")
        server.stopping.set()
        status, said = answer_of(connection)
    assert (status, said["accepted"]) == (503, 1)
    assert said["error"] == "the server is stopping; 1 line before that"


def test_the_figures_add_up_over_events_and_uploads(settings: ViewsSettings) -> None:
    with serving(settings) as server:
        client = server.client
        client.post(EVENT, content=line("sum 1"), headers=JSON)
        client.post(EVENT, content=b"[]", headers=JSON)
        client.post(EVENTS, content=line("sum 2") + b"\n\n{}", headers=LINES)
        wait_until(lambda: server.taker.figures.lines == 4, "all of them are counted")
        figures = server.taker.figures
    assert (figures.accepted, figures.rejected, figures.uploads_open) == (2, 2, 0)
    assert (figures.by_reason["not an object"], figures.by_reason["missing EventId"]) == (1, 1)
    assert time.time() - 60 < figures.since < time.time()


def test_a_hundred_uploads_at_once_are_all_taken(served: Serving, settings: ViewsSettings) -> None:
    before = values(settings).total()
    connections_ = [begin_upload(served, line(f"many {number}") + b"\n") for number in range(100)]
    wait_until(lambda: served.taker.figures.uploads_open == 100, "all have begun")
    for connection in connections_:
        connection.close()
    wait_until(lambda: served.taker.figures.uploads_open == 0, "all have ended")
    assert values(settings).total() - before == 100


def test_only_some_uploads_are_taken_at_once_and_fewer_that_need_much_memory(
    settings: ViewsSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "TURN_S", 0.2)
    monkeypatch.setattr(taking, "ZSTD_UPLOADS", 2)
    monkeypatch.setattr(taking, "UPLOADS", 4)
    zstd = LINES | {"Content-Encoding": "zstd"}
    with serving(settings) as server, ExitStack() as senders:

        def begin(number: int, encoding: str) -> None:
            for _ in range(number):
                senders.enter_context(begin_upload(server, b"", encoding))
            wait_until(lambda: server.taker.figures.uploads_open == already + number, "they have begun")

        already = 0
        begin(2, "zstd")
        refused = server.client.post(EVENTS, content=zstandard.compress(line("a")), headers=zstd)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
        said = "2 uploads with zstd are being taken already; send again later, or with gzip"
        assert refused.json()["detail"] == said
        gzipped = server.client.post(
            EVENTS, content=gzip.compress(line("a")), headers=LINES | {"Content-Encoding": "gzip"}
        )
        assert gzipped.json()["accepted"] == 1
        already = 2
        begin(2, "gzip")
        refused = server.client.post(EVENTS, content=line("a"), headers=LINES)
        assert (refused.status_code, refused.json()["detail"]) == (
            503,
            "4 uploads are being taken already; send again later",
        )
        assert server.client.post(EVENT, content=line("a"), headers=JSON).status_code == 200
        senders.close()
        wait_until(lambda: server.taker.figures.uploads_open == 0, "all have ended")
        again = server.client.post(EVENTS, content=zstandard.compress(line("a")), headers=zstd)
        assert again.json()["accepted"] == 1


def test_many_senders_of_single_events_are_all_answered_and_counted(settings: ViewsSettings) -> None:
    sent = [line(f"single {number}") for number in range(200)]
    wrong = [b"[]"] * 20
    before = values(settings)
    with serving(settings) as server, ThreadPoolExecutor(16) as pool:
        post = partial(server.client.post, EVENT)
        answers = [*pool.map(lambda body: post(content=body).status_code, [*sent, *wrong])]
        wait_until(lambda: server.taker.figures.lines == 220, "all of them are counted")
        assert (server.taker.figures.accepted, server.taker.figures.rejected) == (200, 20)
    assert answers == [200] * 200 + [422] * 20
    assert values(settings) - before == Counter(sent)


def test_a_line_of_exactly_the_limit_is_taken_and_one_byte_more_is_not(served: Serving) -> None:
    at_limit = line("limit", Note="x" * (1024 - len(line("limit", Note=""))))
    assert len(at_limit) == 1024
    said = served.client.post(EVENTS, content=at_limit + b"\n" + at_limit + b" \n", headers=LINES).json()
    assert (said["accepted"], said["by_reason"], said["errors"][0]["line"]) == (1, {"too long": 1}, 2)
