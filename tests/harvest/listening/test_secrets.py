"""The password goes to the streams alone, also through a proxy, and is in no file, log, output or message."""

import base64
import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import repeat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from metrics.harvest.core.event import STREAMS
from metrics.harvest.simulator.faults import Answer, Cut, Faults
from metrics.harvest.simulator.server import Endpoint
from metrics.wording.errors import SettingsError
from tests.harvest.listening.harvested import SMALL, all_failed, frames, harvest, series

Serve = Callable[..., Endpoint]
SECRET = "s3cret-Pässword"
NOWHERE = "http://streams.example/"  # a name that is not looked up, if the proxy is used


class Proxy:
    """A proxy for plain HTTP, which connects every request to one server.

    Args:
        refusal: the status line to a CONNECT.

    Attributes:
        requested: the first lines of the requests, and their Proxy-Authorization.
    """

    def __init__(self, server: str, refusal: str = "") -> None:
        self._refusal = refusal
        self.requested: list[tuple[str, str]] = []
        self._server = urlsplit(server)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._forward, args=(connection,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with client, socket.create_connection((self._server.hostname, self._server.port or 80)) as server:
            first, *rest = client.recv(1 << 16).decode("latin-1").split("\r\n")
            given = [line for line in rest if line.lower().startswith("proxy-authorization:")]
            self.requested.append((first, "".join(given).partition(": ")[2]))
            method, url, version = first.split()
            if method == "CONNECT":
                client.sendall(f"HTTP/1.1 {self._refusal}\r\nContent-Length: 0\r\n\r\n".encode())
                return
            head = [f"{method} {urlsplit(url).path} {version}", *(line for line in rest if line not in given)]
            server.sendall("\r\n".join(head).encode("latin-1"))
            with suppress(OSError):
                while part := server.recv(1 << 16):
                    client.sendall(part)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[[], str]:
    """Give a function that returns all that was logged, printed and stored so far."""
    caplog.set_level(logging.DEBUG)

    def everything() -> str:
        files = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
        names = [str(path) for path in tmp_path.rglob("*")]
        return "\n".join([*files, *names, caplog.text, *capfd.readouterr()])

    return everything


def require_no_secret(text: str) -> None:
    for word in (SECRET, base64.b64encode(f"sytac:{SECRET}".encode()).decode(), "s3cret", "P%C3%A4ssword"):
        assert word not in text


@pytest.mark.usefixtures("no_proxies")
def test_the_password_is_in_no_file_log_or_output(
    serve_streams: Serve, tmp_path: Path, written: Callable[[], str]
) -> None:
    faults = {
        "sytflix": Faults(script=[Answer(503), Cut(2)], retry_ms=1),
        "sytazon": Faults(script=[Cut(1, resets=True)], retry_ms=1),
        "sysney": Faults(script=repeat(Answer(302, {"Location": "http://elsewhere.example/"}))),
    }
    endpoint = serve_streams(**SMALL, password=SECRET, faults=faults)
    harvested = harvest(endpoint, tmp_path, until=frames(5, "sytflix", "sytazon"))
    assert [asked.is_known for asked in endpoint.asked] == [True] * len(endpoint.asked)
    text = written()
    assert harvested.ids("sytflix")[0].decode() in text
    assert "redirects to another address" in text
    require_no_secret(text)


@pytest.mark.usefixtures("no_proxies")
def test_a_wrong_password_is_not_shown_either(serve_streams: Serve, tmp_path: Path, written: Callable[[], str]) -> None:
    endpoint = serve_streams(password="another")
    harvested = harvest(endpoint, tmp_path, stream_password=SECRET)
    assert {stream.why for stream in harvested.report.missed} == {"refuses the user sytac (401)"}
    require_no_secret(written())


@pytest.mark.usefixtures("no_proxies")
def test_the_streams_are_read_through_a_proxy_with_its_own_login(
    serve_streams: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Callable[[], str]
) -> None:
    endpoint = serve_streams(**SMALL)
    with closing(Proxy(endpoint.url)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://gate:s3cret@{proxy.address}")
        harvested = harvest(endpoint._replace(url=NOWHERE), tmp_path, until=frames(5, *STREAMS))
        login = "Basic " + base64.b64encode(b"gate:s3cret").decode()
        assert {*proxy.requested} == {(f"GET {NOWHERE}{stream} HTTP/1.1", login) for stream in STREAMS}
    for stream in STREAMS:
        assert harvested.ids(stream) == series(stream, harvested.stream(stream).frames)
    require_no_secret(written())


@pytest.mark.usefixtures("no_proxies")
def test_an_address_in_no_proxy_is_asked_directly(
    serve_streams: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = serve_streams(**SMALL)
    with closing(Proxy(endpoint.url)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.address}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        harvest(endpoint, tmp_path, until=frames(2, *STREAMS))
        assert proxy.requested == []
    assert [(asked.headers["accept"], asked.headers["accept-encoding"]) for asked in endpoint.asked] == [
        ("text/event-stream", "identity")
    ] * 3


@pytest.mark.usefixtures("no_proxies")
def test_a_proxy_that_is_away_is_reported_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Callable[[], str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("HTTP_PROXY", f"http://gate:s3cret@127.0.0.1:{port}")
    harvested = harvest(Endpoint(NOWHERE, "sytac", SECRET, 0, []), tmp_path, until=all_failed)
    assert {(stream.outcome, stream.why) for stream in harvested.report.streams} == {
        ("away", "cannot be reached: Connection refused")
    }
    require_no_secret(written())


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize(
    ("refusal", "outcome", "why"),
    [
        ("407 Proxy Authentication Required", "refused", "cannot be reached: the proxy requires a user (407)"),
        ("403 Forbidden", "refused", "cannot be reached: the proxy refuses (403)"),
        ("502 Bad Gateway", "away", "cannot be reached: the proxy refuses (502)"),
    ],
)
def test_a_proxy_that_refuses_to_connect_is_asked_again_only_if_its_status_says_so(
    serve_streams: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: str, outcome: str, why: str
) -> None:
    with closing(Proxy(serve_streams().url, refusal)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://gate:s3cret@{proxy.address}")
        endpoint = Endpoint(NOWHERE.replace("http", "https"), "sytac", SECRET, 0, [])
        times = 0 if outcome == "refused" else 3
        harvested = harvest(endpoint, tmp_path, until=lambda now: all_failed(now) and len(proxy.requested) > times)
        assert {line for line, _ in proxy.requested} == {"CONNECT streams.example:443 HTTP/1.1"}
        assert (len(proxy.requested) > 3) == (outcome == "away")
    assert [(stream.outcome, stream.why) for stream in harvested.report.streams] == [(outcome, why)] * 3


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize("variable", ["ALL_PROXY", "http_proxy"])
@pytest.mark.parametrize(
    "address",
    [
        "nonsense://gate:s3cret@proxy.example",
        "socks5://gate:s3cret@proxy.example",
        "http://gate:s3cret/2@127.0.0.1:2",  # / ends the address, so the port is s3cret
        "http://gate:s3cret@127.0.0.1:notaport",
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, address: str, written: Callable[[], str]
) -> None:
    monkeypatch.setenv(variable, address)
    monkeypatch.setenv("HTTPS_PROXY", "http://gate:fine@proxy.example:80")
    with pytest.raises(SettingsError) as raised:
        harvest(Endpoint(NOWHERE, "sytac", SECRET, 0, []), tmp_path, seconds=0.5)
    assert (raised.value.what, raised.value.why) == (
        "the HTTP settings cannot be used",
        f"{variable} is not the address of an HTTP proxy",
    )
    text = f"{raised.value} {written()}"
    assert "gate" not in text
    require_no_secret(text)
    assert [*(tmp_path / "raw").iterdir()] == []  # no run was begun


@pytest.mark.usefixtures("no_proxies")
def test_exceptions_from_proxies_that_cannot_be_read_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "http://streams.example:port")
    with pytest.raises(SettingsError) as raised:
        harvest(Endpoint(NOWHERE, "sytac", SECRET, 0, []), tmp_path, seconds=0.5)
    assert raised.value.why == "NO_PROXY is not a list of hosts"


@pytest.mark.parametrize(
    ("text", "why"), [(None, "No such file or directory"), ("PEM?", "no certificate or crl found")]
)
def test_certificates_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, why: str
) -> None:
    path = tmp_path / "certificates.pem"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(SettingsError, match="the certificates cannot be read") as raised:
        harvest(Endpoint(NOWHERE, "sytac", SECRET, 0, []), tmp_path, seconds=0.5)
    assert raised.value.why.startswith(f"SSL_CERT_FILE={str(path)!r}: ")
    assert why in raised.value.why.replace("NO_CERTIFICATE_OR_CRL_FOUND", why)


@pytest.mark.usefixtures("no_proxies")
def test_a_login_in_a_netrc_file_is_not_used(
    serve_streams: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login nobody password wrong\n")
    monkeypatch.setenv("NETRC", str(netrc))
    endpoint = serve_streams(**SMALL)
    harvest(endpoint, tmp_path / "data", until=frames(1, *STREAMS))
    assert [asked.is_known for asked in endpoint.asked] == [True] * 3
