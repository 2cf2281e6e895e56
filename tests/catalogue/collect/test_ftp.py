import hashlib
import os
import random
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from metrics.catalogue.collect import ftp, retrying
from metrics.catalogue.collect.reading import Reading
from metrics.catalogue.collect.source import Source
from metrics.catalogue.collect.sources import sources
from metrics.wording.errors import FileError, SettingsError
from tests.catalogue.collect.certificates import certificate, server_context
from tests.catalogue.collect.collected import MOVIES, PACKERS, collect, zipped
from tests.catalogue.collect.ftp_servers import PASSWORD, USER, Script, closing_with, failing, hang_up, serving

__all__ = ["certificate", "server_context"]

CONTENT = random.Random(1).randbytes(3_000_000)
LOGIN = f"{USER}:{quote(PASSWORD, safe='')}"


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "DELAYS_S", (0.01, 0.01))


def ftp_sources(url: str, said: list[str] | None = None, **environment: str) -> Sequence[Source]:
    return sources(url, "ftp", environment, (said if said is not None else []).append)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "movies.csv").write_bytes(CONTENT)
    return tmp_path


# a real server


@pytest.mark.parametrize("suffix", [*PACKERS, ".zip"])
def test_a_file_is_collected_completely_without_a_message(suffix: str, tmp_path: Path) -> None:
    stored = zipped({"movies.csv": MOVIES}) if suffix == ".zip" else PACKERS[suffix](MOVIES)
    (tmp_path / f"movies.csv{suffix}").write_bytes(stored)
    said: list[str] = []
    with serving(tmp_path) as port:
        found = ftp_sources(f"ftp://127.0.0.1:{port}/movies.csv{suffix}", said)
        assert Reading(found).digest_ahead() is None
        assert collect(found) == (
            [("movies.csv", MOVIES)],
            hashlib.sha256(stored).hexdigest(),
            len(stored),
            len(stored),
        )
    assert said == []


@pytest.mark.parametrize("way", ["url", "environment", "user of the url", "netrc", "default of netrc"])
def test_the_login_is_taken_from_the_url_the_environment_or_netrc_and_never_shown(
    way: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    netrc = folder / "netrc"
    host = "default" if way == "default of netrc" else "machine 127.0.0.1"
    netrc.write_text(f'{host} login {USER} password "{PASSWORD}"\n')
    environment = {
        "environment": {"FTP_USER": USER, "FTP_PASSWORD": PASSWORD},
        "user of the url": {"FTP_PASSWORD": PASSWORD},
        "netrc": {"NETRC": str(netrc)},
        "default of netrc": {"HOME": str(folder)},
    }.get(way, {})
    netrc.rename(folder / ".netrc") if way == "default of netrc" else None
    before = {"url": f"{LOGIN}@", "user of the url": f"{USER}@"}.get(way, "")
    said: list[str] = []
    with serving(folder, is_open=False) as port:
        found = ftp_sources(f"ftp://{before}127.0.0.1:{port}/movies.csv", said, **environment)
        assert [source.name for source in found] == [f"ftp://127.0.0.1:{port}/movies.csv"]
        assert [name for part in Reading(found).parts() for name in (part.name, part.path_name)] == [
            f"ftp://127.0.0.1:{port}/movies.csv",
            "movies.csv",
        ]
    assert_hidden([*said, repr(found), *capfd.readouterr()])


def assert_hidden(texts: Sequence[str]) -> None:
    for secret in (PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD)):
        assert secret not in "\n".join(texts)


@pytest.mark.parametrize("password", [PASSWORD, "wrong:pass@word"])
def test_no_error_shows_the_password(password: str, folder: Path) -> None:
    with serving(folder, is_open=False) as port:
        for path, what in (("movies.csv", "530"), ("missing.csv", "550")):
            said: list[str] = []
            url = f"ftp://{USER}:{quote(password, safe='')}@127.0.0.1:{port}/{path}"
            if (password, what) == (PASSWORD, "530"):
                continue
            with pytest.raises(FileError) as caught:
                collect(ftp_sources(url, said))
            assert said == []
            text = f"{caught.value}{caught.value!r}"
            assert password not in text
            assert quote(password, safe="") not in text
            assert caught.value.hint in (ftp._HOW_TO_REPLY["530"], ftp._HOW_TO_REPLY["550"])


def test_a_password_that_the_server_echoes_is_hidden() -> None:
    with (
        Script(MOVIES, replies={"PASS": f"530 no, {PASSWORD} is wrong"}).serving() as port,
        pytest.raises(FileError) as caught,
    ):
        collect(ftp_sources(f"ftp://{LOGIN}@127.0.0.1:{port}/movies.csv"))
    assert caught.value.why == "530 no, *** is wrong"


@pytest.mark.parametrize(
    "reply", ["226 Transfer complete.", "426 Connection closed; transfer aborted.", "451 disk", "550 gone"]
)
def test_a_data_connection_that_ends_in_the_middle_is_refused_whatever_the_reply(reply: str, folder: Path) -> None:
    with serving(folder, dtp=failing(1_000_000, closing_with(reply))) as port:
        reading = Reading(ftp_sources(f"ftp://127.0.0.1:{port}/movies.csv"))
        stream = next(parts := reading.parts()).stream
        with pytest.raises(FileError) as caught:
            stream.read()
    assert 1_000_000 <= reading.read_bytes < 3_000_000
    if reply.startswith("226"):
        assert caught.value.what == f"ftp://127.0.0.1:{port}/movies.csv is incomplete"
        assert caught.value.why == f"{reading.read_bytes:,} of 3,000,000 bytes came"
    else:
        assert (
            caught.value.what == f"ftp://127.0.0.1:{port}/movies.csv may be incomplete: its transfer was not confirmed"
        )
        assert caught.value.why == reply
    parts.close()  # type: ignore[attr-defined]


def test_a_server_that_hangs_up_in_the_middle_is_refused(folder: Path) -> None:
    with (
        serving(folder, dtp=failing(1_000_000, hang_up)) as port,
        pytest.raises(FileError, match="of 3,000,000 bytes came"),
    ):
        collect(ftp_sources(f"ftp://127.0.0.1:{port}/movies.csv"))


@pytest.mark.parametrize("change", ["time", "size"])
def test_a_file_that_changes_on_the_server_is_refused(change: str, folder: Path) -> None:
    path = folder / "movies.csv"
    with serving(folder) as port:
        parts = Reading(ftp_sources(f"ftp://127.0.0.1:{port}/movies.csv")).parts()
        stream = next(parts).stream
        stream.read(1)
        if change == "time":
            os.utime(path, (0, 0))
        else:
            with path.open("ab") as file:
                file.write(b"more")
        with pytest.raises(FileError, match=r"changed while it was read|3,000,004 of 3,000,000 bytes came"):
            stream.read()


@pytest.mark.parametrize(
    ("without", "what"),
    [
        (("SIZE",), "the server does not report its size, so only"),
        (("MDTM",), "the server does not report its time, so a change"),
        (("SIZE", "MDTM"), "the server does not report its size or its time, so only"),
    ],
)
def test_without_size_or_time_a_confirmed_file_is_collected_and_a_message_says_what_is_unchecked(
    without: tuple[str, ...], what: str, folder: Path
) -> None:
    said: list[str] = []
    with serving(folder, without=without) as port:
        assert collect(ftp_sources(f"ftp://127.0.0.1:{port}/movies.csv", said)).parts == [("movies.csv", CONTENT)]
    assert len(said) == 1
    assert said[0].startswith(f"ftp://127.0.0.1:{port}/movies.csv: {what}")


def test_without_a_size_a_transfer_that_is_not_confirmed_is_refused(folder: Path) -> None:
    for fault in (hang_up, closing_with("426 aborted")):
        with (
            serving(folder, dtp=failing(1_000_000, fault), without=("SIZE", "MDTM")) as port,
            pytest.raises(FileError, match="its transfer was not confirmed"),
        ):
            collect(ftp_sources(f"ftp://127.0.0.1:{port}/movies.csv"))


def test_a_path_begins_in_the_folder_of_the_login_and_may_have_any_character(tmp_path: Path) -> None:
    (tmp_path / "übung 1").mkdir()
    (tmp_path / "übung 1" / "a#b?.csv").write_bytes(MOVIES)
    with serving(tmp_path) as port:
        for path in ("übung 1/a%23b%3F.csv", quote("übung 1/a#b?.csv"), "%2F" + quote("übung 1/a#b?.csv")):
            assert collect(ftp_sources(f"ftp://127.0.0.1:{port}/{path}")).parts == [("a#b?.csv", MOVIES)]


# a server that follows a script


def script(url: str, script: Script, said: list[str] | None = None) -> list[tuple[str, bytes]]:
    with script.serving() as port:
        return collect(ftp_sources(url.replace("PORT", str(port)), said)).parts


URL = "ftp://127.0.0.1:PORT/movies.csv"


@pytest.mark.parametrize("end", [None, "421 Timeout."])
def test_a_control_connection_lost_in_a_long_transfer_is_made_good_by_asking_for_the_size_again(
    end: str | None,
) -> None:
    server = Script(CONTENT, replies={"END": end})
    assert script(URL, server) == [("movies.csv", CONTENT)]
    assert [command for command in server.commands if command[:4] in ("RETR", "SIZE", "MDTM", "QUIT")] == [
        "SIZE movies.csv",
        "MDTM movies.csv",
        "RETR movies.csv",
        "SIZE movies.csv",
        "MDTM movies.csv",
        "QUIT",
    ]


def test_a_confirmation_that_never_comes_ends_after_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ftp, "TIMEOUT_S", 0.5)
    server = Script(CONTENT, replies={"END": "150-never", "SIZE": "502 no"})
    start_s = time.monotonic()
    with pytest.raises(FileError, match="the control connection was lost, and the server does not report the size"):
        script(URL, server)
    assert time.monotonic() - start_s < 20


@pytest.mark.parametrize("end", [None, "421 Timeout."])
@pytest.mark.parametrize("sent", [0, 2_999_999])
def test_a_cut_file_whose_control_connection_is_lost_is_refused(end: str | None, sent: int) -> None:
    with pytest.raises(FileError, match=f"{sent:,} of 3,000,000 bytes came"):
        script(URL, Script(CONTENT, sent=sent, replies={"END": end}))


@pytest.mark.parametrize("end", [None, "421 Timeout.", "426 Aborted.", "551 no"])
def test_without_a_size_only_a_confirmation_makes_a_file_complete(end: str | None) -> None:
    with pytest.raises(FileError, match="its transfer was not confirmed"):
        script(URL, Script(CONTENT, replies={"END": end, "SIZE": "502 no", "MDTM": "502 no"}))
    said: list[str] = []
    assert script(URL, Script(CONTENT, replies={"SIZE": "502 no", "MDTM": "502 no"}), said) == [("movies.csv", CONTENT)]
    assert len(said) == 1


def test_the_size_is_asked_for_in_binary_mode() -> None:
    server = Script(MOVIES)
    script(URL, server)
    assert server.commands.index("TYPE I") < server.commands.index("SIZE movies.csv")


def test_a_folder_is_not_a_source() -> None:
    for url in ("ftp://host", "ftp://host/", "ftp://host/dump/"):
        with pytest.raises(FileError, match=f"{url} is a folder\nhint: name a file in it"):
            ftp_sources(url)


def test_a_server_that_is_not_there_is_tried_three_times() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    said: list[str] = []
    with pytest.raises(FileError, match="cannot be read\nwhy: Connection refused\nhint: check the address"):
        collect(ftp_sources(f"ftp://127.0.0.1:{port}/movies.csv", said))
    assert len(said) == 2
    assert "cannot be reached: [Errno 111] Connection refused; the next attempt is in 0.01 s" in said[0]


def test_a_server_that_is_busy_at_first_is_tried_again() -> None:
    busy = threading.Event()

    class Busy(Script):
        def _talk(self, client: socket.socket) -> None:
            if not busy.is_set():
                busy.set()
                client.sendall(b"421 too many users\r\n")
            else:
                super()._talk(client)

    said: list[str] = []
    assert script(URL, Busy(MOVIES), said) == [("movies.csv", MOVIES)]
    assert len(said) == 1


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b"])
def test_an_unknown_host_is_said_at_once(host: str) -> None:
    said: list[str] = []
    with pytest.raises(FileError, match=f"ftp://{host}/movies.csv cannot be read"):
        collect(ftp_sources(f"ftp://{host}/movies.csv", said))
    assert said == [] or host != "a..b"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://anna:pass%0aword@host/x",
        "ftp://host/x%0d%0aDELE%20y",
        "ftp://anna:pass/word@host/x",
        "ftp://anna:pass@host:port/x",
        "ftp://anna:pass#word@host/x",
        "ftp://[anna:pass@host/x",
        "ftp:///x",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(
        SettingsError, match=r"the ftp:// address cannot be read\nhint: write ftp://host/path"
    ) as caught:
        ftp_sources(url)
    assert "pass" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    "text", ["machine host login anna secret-word x\n", "secret-word\n", '"secret-word', "machine \xff\xfe"]
)
def test_a_netrc_that_cannot_be_read_is_an_error_that_shows_none_of_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_bytes(text.encode("latin-1"))
    with pytest.raises(FileError, match="netrc cannot be read") as caught:
        ftp_sources("ftp://host/x.csv", NETRC=str(tmp_path / "netrc"))
    assert "secret-word" not in str(caught.value)


# TLS


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_file_is_collected_by_tls_in_the_session_of_the_control_connection(
    newest: ssl.TLSVersion, server_context: ssl.SSLContext
) -> None:
    server_context.maximum_version = newest
    server = Script(CONTENT, tls=server_context)
    assert script(f"ftps://{LOGIN}@127.0.0.1:PORT/movies.csv", server) == [("movies.csv", CONTENT)]
    assert server.commands[0] == "AUTH TLS"  # before the password
    assert "PROT P" in server.commands
    assert server.resumed == [True]


def test_a_file_over_a_tls_connection_that_is_cut_off_is_complete_only_if_its_size_is_right(
    server_context: ssl.SSLContext,
) -> None:
    url = "ftps://127.0.0.1:PORT/movies.csv"
    assert script(url, Script(CONTENT, tls=server_context, is_ragged=True)) == [("movies.csv", CONTENT)]
    with pytest.raises(FileError, match="1,000,000 of 3,000,000 bytes came"):
        script(url, Script(CONTENT, tls=server_context, is_ragged=True, sent=1_000_000))
    with pytest.raises(FileError, match="EOF occurred in violation of protocol"):
        script(url, Script(CONTENT, tls=server_context, is_ragged=True, sent=1_000_000, replies={"SIZE": "502 no"}))


def test_a_certificate_that_is_not_trusted_is_refused_before_the_password(
    server_context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    server, said = Script(MOVIES, tls=server_context), list[str]()
    with pytest.raises(FileError, match=r"(?s)CERTIFICATE_VERIFY_FAILED.*hint: .*SSL_CERT_FILE"):
        script(f"ftps://{LOGIN}@127.0.0.1:PORT/movies.csv", server, said)
    assert server.commands == ["AUTH TLS"]
    assert said == []


def test_a_server_without_tls_gets_no_password() -> None:
    server = Script(MOVIES, replies={"AUTH": "502 no"})
    with pytest.raises(FileError, match="502 no"):
        script(f"ftps://{LOGIN}@127.0.0.1:PORT/movies.csv", server)
    assert server.commands == ["AUTH TLS"]
