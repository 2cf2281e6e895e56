import base64
import gzip
import hashlib
import random
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pytest
import zstandard

from metrics.catalogue.collect import retrying
from metrics.catalogue.collect.http import TIMEOUT
from metrics.catalogue.collect.reading import Reading
from metrics.catalogue.collect.source import Source
from metrics.catalogue.collect.sources import sources
from metrics.wording.errors import FileError, SettingsError
from tests.catalogue.collect.certificates import certificate, server_context
from tests.catalogue.collect.collected import MOVIES, PACKERS, Collected, collect, zipped
from tests.catalogue.collect.http_servers import Server, chunked, response

__all__ = ["certificate", "server_context"]

CONTENT = random.Random(1).randbytes(3_000_000)
USER, PASSWORD = "anna", "s3cret/@:#"
LOGIN = f"{USER}:{quote(PASSWORD, safe='')}"
AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give short delays, and none of the proxies and logins of this machine."""
    monkeypatch.setattr(retrying, "DELAYS_S", (0.01, 0.01))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def http_sources(url: str, said: list[str] | None = None, **environment: str) -> Sequence[Source]:
    return sources(url, "http", {"HOME": "/nonexistent"} | environment, (said if said is not None else []).append)


def read(answer: bytes, path: str = "/movies.csv") -> Collected:
    with Server({path: answer}).serving() as port:
        return collect(http_sources(f"http://127.0.0.1:{port}{path}"))


def failure(answer: bytes, path: str = "/movies.csv") -> FileError:
    with pytest.raises(FileError) as caught:
        read(answer, path)
    return caught.value


@pytest.mark.parametrize("suffix", [*PACKERS, ".zip"])
@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_file_is_collected_completely(suffix: str, is_chunked: bool) -> None:
    stored = zipped({"movies.csv": MOVIES}) if suffix == ".zip" else PACKERS[suffix](MOVIES)
    found = read(chunked(stored) if is_chunked else response(stored), f"/dump/movies.csv{suffix}")
    assert found == (
        [("movies.csv", MOVIES)],
        hashlib.sha256(stored).hexdigest(),
        len(stored),
        None if is_chunked else len(stored),
    )


def test_a_body_that_ends_before_its_length_is_refused() -> None:
    for sent in (0, 1_000_000, 2_999_999):
        error = failure(response(CONTENT, sent=sent))
        assert "cannot be read" in error.what
        assert f"(received {sent} bytes, expected 3000000)" in error.why


@pytest.mark.parametrize("end", [b"", b"0\r\n", b"5\r\nabc", b"x"])
def test_a_body_whose_last_chunk_is_missing_is_refused(end: bytes) -> None:
    assert "cannot be read" in failure(chunked(CONTENT, end=end)).what


def test_a_body_without_length_and_chunks_is_refused_since_a_part_would_look_complete() -> None:
    error = failure(response(CONTENT, length=None))
    assert error.what.endswith("/movies.csv cannot be checked")
    assert "neither its length nor its end" in error.why


@pytest.mark.parametrize("is_http_1_0", [True, False])
def test_a_reader_never_sees_the_end_of_a_body_that_was_cut_off(is_http_1_0: bool) -> None:
    answer = response(CONTENT, sent=1_000_000)
    if is_http_1_0:
        answer = answer.replace(b"HTTP/1.1", b"HTTP/1.0")
    with Server({"/movies.csv": answer}).serving() as port:
        reading = Reading(http_sources(f"http://127.0.0.1:{port}/movies.csv"))
        stream = next(parts := reading.parts()).stream
        with pytest.raises(FileError):
            any(stream.read(100_000) == b"" for _ in range(100))
        assert reading.read_bytes <= 1_000_000
        parts.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("identity", bytes),
    ],
)
def test_a_body_that_is_encoded_though_it_was_not_asked_for_is_decoded(encoding: str, encode: type[bytes]) -> None:
    body = encode(MOVIES)
    for answer in (response(body, f"Content-Encoding: {encoding}"), chunked(body, f"Content-Encoding: {encoding}")):
        assert read(answer).parts == [("movies.csv", MOVIES)]


@pytest.mark.parametrize(
    ("encoding", "encode"), [("gzip", gzip.compress), ("zstd", zstandard.ZstdCompressor().compress)]
)
def test_an_encoded_body_that_the_server_has_cut_off_is_refused(encoding: str, encode: type[bytes]) -> None:
    body = encode(CONTENT)[:-10]
    for answer in (response(body, f"Content-Encoding: {encoding}"), chunked(body, f"Content-Encoding: {encoding}")):
        assert failure(answer).what.endswith("movies.csv is corrupt, truncated, or not what its name says")
    cut = response(encode(CONTENT), f"Content-Encoding: {encoding}", sent=1_000_000)
    assert "received 1000000 bytes" in failure(cut).why


def test_a_packed_file_whose_own_compression_is_given_as_the_encoding_is_unpacked_once() -> None:
    stored = gzip.compress(MOVIES)
    found = read(response(stored, "Content-Encoding: gzip"), "/movies.csv.gz")
    assert found == ([("movies.csv", MOVIES)], hashlib.sha256(stored).hexdigest(), len(stored), len(stored))


def test_an_unknown_encoding_is_refused() -> None:
    error = failure(response(b"x", "Content-Encoding: br"))
    assert error.what.endswith("/movies.csv cannot be decoded")
    assert error.why == "it is sent with the content encoding br, although none was requested"


def test_the_request_asks_for_the_file_as_it_is() -> None:
    server = Server({"/movies.csv": response(MOVIES)})
    with server.serving() as port:
        collect(http_sources(f"http://127.0.0.1:{port}/movies.csv"))
    assert [line for line in server.requests[0].lower().splitlines() if "encoding" in line] == [
        "accept-encoding: identity"
    ]


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("401 Unauthorized", "put the login into ~/.netrc, or into the address"),
        ("403 Forbidden", "ask for permission; a signed address may have expired"),
        ("404 Not Found", "check the address"),
        ("500 Internal Server Error", "check the address, or try again later"),
        ("204 No Content", "check the address, or try again later"),
        ("206 Partial Content", "check the address, or try again later"),
    ],
)
def test_any_answer_but_the_file_is_refused_with_its_status(status: str, hint: str) -> None:
    error = failure(response(b"", status=status) if status[:3] != "204" else response(b"", status=status, length=None))
    assert (error.why, error.hint[: len(hint)]) == (f"the server answers {status}", hint)


def test_redirects_are_followed_and_the_name_stays() -> None:
    moved = response(b"", "Location: /new/x.csv", status="302 Found")
    with Server({"/movies.csv": moved, "/new/x.csv": response(MOVIES)}).serving() as port:
        found = http_sources(f"http://127.0.0.1:{port}/movies.csv")
        assert collect(found).parts == [("movies.csv", MOVIES)]
        assert found[0].name == f"http://127.0.0.1:{port}/movies.csv"


def test_a_circle_of_redirects_is_refused() -> None:
    assert "redirects" in failure(response(b"", "Location: /movies.csv", status="302 Found")).why


def test_a_login_is_not_sent_to_another_server() -> None:
    other = Server({"/movies.csv": response(MOVIES)})
    with other.serving() as other_port:
        moved = response(b"", f"Location: http://localhost:{other_port}/movies.csv", status="302 Found")
        first = Server({"/movies.csv": moved})
        with first.serving() as port:
            collect(http_sources(f"http://{LOGIN}@127.0.0.1:{port}/movies.csv"))
    assert f"Authorization: {AUTHORIZATION}" in first.requests[0]
    assert "authorization" not in other.requests[0].lower()


@pytest.mark.parametrize("way", ["url", "netrc", "none"])
def test_the_login_is_taken_from_the_url_or_netrc(way: str, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(f'machine 127.0.0.1 login {USER} password "{PASSWORD}"\n')
    server = Server({"/movies.csv": response(MOVIES)})
    with server.serving() as port:
        before = f"{LOGIN}@" if way == "url" else ""
        home = str(tmp_path) if way == "netrc" else "/nonexistent"
        found = http_sources(f"http://{before}127.0.0.1:{port}/movies.csv", HOME=home)
        collect(found)
    assert found[0].name == f"http://127.0.0.1:{port}/movies.csv"
    assert (f"Authorization: {AUTHORIZATION}" in server.requests[0]) == (way != "none")


@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "500 Oops"])
def test_no_name_and_no_error_has_the_password_or_the_signature(status: str, capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    server = Server({"/movies.csv": response(MOVIES, status=status, sent=10)})
    with server.serving() as port:
        url = f"http://{LOGIN}@127.0.0.1:{port}/movies.csv?X-Amz-Signature=c0ffee&token=c0ffee#c0ffee"
        found = http_sources(url, said)
        with pytest.raises(FileError) as caught:
            collect(found)
    assert found[0].name == f"http://127.0.0.1:{port}/movies.csv?…"
    assert found[0].path_name == "movies.csv"
    assert "X-Amz-Signature=c0ffee&token=c0ffee HTTP/1.1" in server.requests[0]
    shown = "\n".join([*said, str(caught.value), repr(caught.value), repr(found), *capfd.readouterr()])
    for secret in (PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD), "c0ffee", AUTHORIZATION[6:]):
        assert secret not in shown


def test_a_server_that_is_not_there_is_tried_three_times_but_a_cut_body_never_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    said: list[str] = []
    with pytest.raises(FileError, match="Connection refused"):
        collect(http_sources(f"http://127.0.0.1:{port}/movies.csv?token=c0ffee", said))
    assert [line.partition(":")[2].partition("?…")[2] for line in said] == [
        " cannot be reached: [Errno 111] Connection refused; the next attempt is in 0.01 s"
    ] * 2
    once = Server({"/movies.csv": response(CONTENT, sent=10)})
    with once.serving() as port, pytest.raises(FileError):
        collect(http_sources(f"http://127.0.0.1:{port}/movies.csv"))
    assert len(once.requests) == 1


def test_a_server_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    from metrics.catalogue.collect import http

    assert TIMEOUT.read == 60
    monkeypatch.setattr(http, "TIMEOUT", httpx.Timeout(0.3))
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(FileError, match="timed out"):
        collect(http_sources(f"http://127.0.0.1:{server.getsockname()[1]}/movies.csv"))


def test_a_server_that_does_not_speak_http_is_refused() -> None:
    assert "cannot be read" in failure(b"220 FTP server\r\n").what


@pytest.mark.parametrize(
    "url", ["http://", "http:///x", "http://anna:pass@host:x/", "http://anna:pass@host:99999/", "https://[anna:pass@h"]
)
def test_an_address_that_cannot_be_read_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(SettingsError, match=r"address cannot be read") as caught:
        http_sources(url)
    assert "pass" not in str(caught.value).replace("password", "")


def test_a_proxy_of_the_environment_is_used_and_its_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Server({"http://host.invalid/movies.csv": response(MOVIES)})
    with proxy.serving() as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://{LOGIN}@127.0.0.1:{port}")
        assert collect(http_sources("http://host.invalid/movies.csv")).parts == [("movies.csv", MOVIES)]
    assert f"Proxy-Authorization: {AUTHORIZATION}" in proxy.requests[0]
    monkeypatch.setenv("HTTP_PROXY", f"gopher://{LOGIN}@127.0.0.1")
    with pytest.raises(SettingsError, match="the HTTP settings cannot be used") as caught:
        collect(http_sources("http://host.invalid/movies.csv"))
    assert PASSWORD not in str(caught.value)
    assert quote(PASSWORD, safe="") not in str(caught.value)


# TLS


def test_a_file_is_collected_by_https_and_a_redirect_to_http_is_refused(server_context: ssl.SSLContext) -> None:
    plain = Server({"/movies.csv": response(MOVIES)})
    with plain.serving() as plain_port:
        moved = response(b"", f"Location: http://127.0.0.1:{plain_port}/movies.csv", status="302 Found")
        server = Server({"/movies.csv": response(MOVIES), "/moved.csv": moved}, server_context)
        with server.serving() as port:
            assert collect(http_sources(f"https://127.0.0.1:{port}/movies.csv")).parts == [("movies.csv", MOVIES)]
            with pytest.raises(FileError, match="redirects from https to an address that is not protected"):
                collect(http_sources(f"https://127.0.0.1:{port}/moved.csv"))
    assert plain.requests == []


def test_a_certificate_that_is_not_trusted_is_refused_at_once(
    server_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    server, said = Server({"/movies.csv": response(MOVIES)}, server_context), list[str]()
    with (
        server.serving() as port,
        pytest.raises(FileError, match=r"(?s)CERTIFICATE_VERIFY_FAILED.*hint: .*SSL_CERT_FILE"),
    ):
        collect(http_sources(f"https://{LOGIN}@127.0.0.1:{port}/movies.csv", said))
    assert server.requests == said == []
