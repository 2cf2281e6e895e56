"""Access control: clients that send the token, and no page of another site."""

from collections.abc import Iterator
from socket import create_connection

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.frames.web.serving import Serving, serving

TOKEN = "a token, as long as it is wide: ü"
BEARER = {b"Authorization": f"Bearer {TOKEN}".encode()}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PATHS = ["/seconds", "/minutes", "/windows/1", "/status", "/stream", "/docs", "/openapi.json", "/", "/nothing"]


@pytest.mark.parametrize("path", [*PATHS, "/static-offline-docs/swagger-ui.css"])
def test_without_the_token_every_route_is_refused(guarded: Serving, path: str) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer another"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
    ):
        answer = guarded.client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == 401


@pytest.fixture(scope="module")
def guarded() -> Iterator[Serving]:
    with serving(TOKEN) as there:
        yield there


def test_health_needs_no_token(guarded: Serving) -> None:
    assert guarded.client.get("/healthz").status_code == 200
    assert guarded.client.get("/readyz").status_code == 503


def test_a_host_that_looks_like_a_path_does_not_bypass_the_token(guarded: Serving) -> None:
    for host in ("a/healthz?", "a/healthz#", "localhost/healthz"):
        assert guarded.client.get("/seconds", headers={"Host": host}).status_code in {400, 401}
    for path in ("//healthz/../seconds", "/healthz/../seconds", "/healthz/", "/HEALTHZ"):
        assert guarded.client.get(path).status_code == 401


def test_with_the_token_everything_is_served(guarded: Serving) -> None:
    assert guarded.client.get("/seconds", headers=BEARER).status_code == 200
    assert guarded.client.get("/docs", headers=BEARER).status_code == 200
    assert guarded.client.get("/nothing", headers=BEARER).status_code == 404
    document = guarded.client.get("/openapi.json", headers=BEARER).json()
    assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}


def test_a_browser_gets_a_page_that_asks_for_the_token(guarded: Serving) -> None:
    answer = guarded.client.get("/docs", headers=BROWSER)
    assert answer.status_code == 401
    assert '<form method="post">' in answer.text
    assert "Wrong token" not in answer.text


def test_the_form_sets_the_cookie_and_redirects_back(guarded: Serving) -> None:
    with httpx.Client(base_url=guarded.client.base_url) as browser:
        wrong = browser.post("/docs?a=1", data={"token": "another"}, headers=BROWSER)
        assert wrong.status_code == 401
        assert "Wrong token" in wrong.text
        assert not browser.cookies
        answer = browser.post("/docs?a=1%26&b", data={"token": TOKEN}, headers=BROWSER)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/docs?a=1%26&b")
        assert browser.get("/docs").status_code == 200
        assert browser.get("/seconds").status_code == 200


def test_the_cookie_is_limited_to_site_and_session_and_does_not_contain_the_token(guarded: Serving) -> None:
    cookie = guarded.client.post("/", data={"token": TOKEN}).headers["Set-Cookie"]
    guarded.client.cookies.clear()
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "expires" not in cookie.lower()
    assert "max-age" not in cookie.lower()
    assert TOKEN[:7] not in cookie


def test_an_address_with_the_token_sets_the_cookie_and_redirects_without_it(guarded: Serving) -> None:
    with httpx.Client(base_url=guarded.client.base_url) as browser:
        answer = browser.get("/", params={"token": TOKEN, "size": "60"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/?size=60")
        assert browser.get("/seconds").status_code == 200
        assert browser.get("/", params={"token": TOKEN}).headers["Location"] == "/"  # also if it has the cookie
    assert "Wrong token" in guarded.client.get("/?token=another", headers=BROWSER).text
    assert guarded.client.get("/seconds", params={"token": TOKEN}).status_code == 401


def test_the_form_redirects_without_a_wrong_token_in_the_address(guarded: Serving) -> None:
    answer = guarded.client.post("/?token=another&a=1%26", data={"token": TOKEN})
    guarded.client.cookies.clear()
    assert answer.headers["Location"] == "/?a=1%26"


def test_signing_in_never_redirects_to_another_site(guarded: Serving) -> None:
    answer = guarded.client.post(f"http://127.0.0.1:{guarded.port}//elsewhere.example/x", data={"token": TOKEN})
    guarded.client.cookies.clear()
    assert answer.headers["Location"] == "/elsewhere.example/x"


def test_a_long_form_is_not_read_to_its_end(guarded: Serving) -> None:
    assert guarded.client.post("/", data={"a": "x" * 10_000, "token": TOKEN}).status_code == 401


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "127.9.9.9", "[::1]:80", "LOCALHOST"])
def test_on_loopback_local_host_names_are_accepted(served: Serving, host: str) -> None:
    assert served.client.get("/seconds", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.1", "", "[::", "0.0.0.0", "a@b"])
def test_on_loopback_other_host_names_are_refused(served: Serving, host: str) -> None:
    answer = served.client.get("/seconds", headers={"Host": host})
    assert answer.status_code in {400, 403}
    assert "windows" not in answer.text


@pytest.mark.parametrize(
    ("version", "hosts", "status"),
    [
        ("1.1", [], 400),
        ("1.1", ["localhost", "localhost"], 400),
        ("1.0", [], 403),
        ("1.1", [""], 403),
        ("1.1", ["localhost"], 200),
    ],
)
def test_a_request_names_one_host(served: Serving, version: str, hosts: list[str], status: int) -> None:
    lines = [f"GET /seconds HTTP/{version}", *(f"Host: {host}" for host in hosts), "Connection: close"]
    with create_connection(("127.0.0.1", served.port), 30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert int(received.split()[1]) == status
    assert (b"a request without a host is not allowed: use 127.0.0.1" in received) == (status == 403)


@pytest.fixture(scope="module")
def served() -> Iterator[Serving]:
    with serving(add=_echo) as there:
        yield there


def _echo(app: FastAPI) -> None:
    @app.websocket("/echo")
    async def echo(connection: WebSocket) -> None:
        await connection.accept()
        await connection.send_text(await connection.receive_text())
        await connection.close()


def test_beyond_loopback_any_host_name_is_accepted() -> None:
    with serving(is_loopback=False) as there:
        assert there.client.get("/seconds", headers={"Host": "metrics.example"}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "", "http://[", "file://"])
def test_a_page_of_another_site_gets_nothing(served: Serving, origin: str) -> None:
    answer = served.client.get("/seconds", headers={"Origin": origin})
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_page_of_this_site_may_ask(served: Serving) -> None:
    origin = f"http://127.0.0.1:{served.port}"
    assert served.client.get("/seconds", headers={"Origin": origin}).status_code == 200


def test_a_websocket_is_for_pages_of_this_site_and_for_programs(served: Serving) -> None:
    address = f"ws://127.0.0.1:{served.port}/echo"
    for origin in (Origin(f"http://127.0.0.1:{served.port}"), None):
        with connect(address, origin=origin) as connection:
            connection.send("hello")
            assert connection.recv() == "hello"
    with pytest.raises(InvalidStatus, match="403"):
        connect(address, origin=Origin("http://evil.example"))


def test_a_websocket_needs_the_token() -> None:
    with serving(TOKEN, add=_echo) as there:
        address = f"ws://127.0.0.1:{there.port}/echo"
        with pytest.raises(InvalidStatus, match="403"):
            connect(address)
        there.client.post("/", data={"token": TOKEN})
        cookies = "; ".join(f"{name}={value}" for name, value in there.client.cookies.items())
        with connect(address, additional_headers={"Cookie": cookies}) as connection:
            connection.send("hello")
            assert connection.recv() == "hello"


def test_responses_cannot_be_framed_by_another_site(served: Serving) -> None:
    for path in ("/seconds", "/nothing", "/docs"):
        headers = served.client.get(path).headers
        assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
