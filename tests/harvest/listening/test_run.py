"""A run as a whole: what it is prepared for, who may start it, and what it leaves behind."""

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.lock import lock_folder
from metrics.harvest.core.event import STREAMS
from metrics.harvest.listening.clients import open_clients
from metrics.harvest.listening.lookups import LookupLoop
from metrics.harvest.listening.progress import Progress, notifying
from metrics.harvest.simulator.faults import Answer, Faults
from metrics.harvest.simulator.server import Endpoint
from metrics.wording.errors import AlreadyRunningError, FileError, SettingsError
from tests.catalogue.collect.certificates import certificate, server_context  # noqa: F401
from tests.harvest.archive.disks import full_after
from tests.harvest.listening.harvested import SMALL, all_failed, frames, harvest, series

Serve = Callable[..., Endpoint]
FRAME = (
    b'id:1\nevent:stream-started\ndata:{"show":{"show_id":"s1"},"event_date":"19-05-2023 14:58:26.624",'
    b'"user":{"id":1,"first_name":"Ada"}}\n\n'
)


def test_a_run_ends_in_another_thread_too(serve_streams: Serve, tmp_path: Path) -> None:
    endpoint, reports = serve_streams(**SMALL), []
    thread = threading.Thread(target=lambda: reports.append(harvest(endpoint, tmp_path, until=frames(3, *STREAMS))))
    thread.start()
    thread.join(60)
    (harvested,) = reports
    for stream in STREAMS:
        assert harvested.ids(stream) == series(stream, harvested.stream(stream).frames)


def test_only_one_process_harvests_into_a_folder(serve_streams: Serve, tmp_path: Path) -> None:
    endpoint = serve_streams(**SMALL)
    with lock_folder(Folders.of(str(tmp_path))), pytest.raises(AlreadyRunningError):
        harvest(endpoint, tmp_path)
    assert not endpoint.asked


def test_on_a_full_disk_every_stream_is_closed_and_the_next_harvest_finishes_the_run(
    serve_streams: Serve, tmp_path: Path
) -> None:
    endpoint = serve_streams(**SMALL)
    with full_after(20_000), pytest.raises(FileError, match=r"\.sse cannot be written") as raised:
        harvest(endpoint, tmp_path)
    assert "the next harvest finishes this run" in raised.value.hint
    assert all(asked.closed.wait(10) for asked in endpoint.asked)
    (run,) = (path.name for path in Folders(tmp_path).raw.iterdir())
    harvest(endpoint, tmp_path, until=frames(1, *STREAMS))
    report = json.loads(Folders(tmp_path).report_file(run).read_bytes())
    assert report["stopped_by"] == "killed"
    assert report["events"] > 0


def test_the_end_of_a_body_with_a_length_is_an_end_of_the_stream(serve_streams: Serve, tmp_path: Path) -> None:
    answer = Answer(200, {"Content-Type": "text/event-stream"}, FRAME)
    endpoint = serve_streams(**SMALL, faults={"sysney": Faults(script=[answer])})
    harvested = harvest(endpoint, tmp_path, until=frames(4, *STREAMS))
    assert harvested.raw("sysney", 1) == FRAME
    assert harvested.stream("sysney").connections == 2
    assert [asked.last_id for asked in endpoint.asked_for("sysney")] == [None, b"1"]


class TlsServer:
    """A server that sends one frame over TLS, and keeps the connection open.

    Attributes:
        requests: the first line of each, and whether it has the password.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.requests: list[bytes] = []
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listening.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError), self._context.wrap_socket(connection, server_side=True) as secured:
            self.requests.append(secured.recv(1 << 16))
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + FRAME)
            secured.recv(1)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@contextmanager
def tls_server(context: ssl.SSLContext) -> Iterator[TlsServer]:
    server = TlsServer(context)
    yield server
    server.close()


def test_streams_are_read_over_tls(tmp_path: Path, server_context: ssl.SSLContext) -> None:  # noqa: F811
    with tls_server(server_context) as server:
        endpoint = Endpoint(server.url, "sytac", "secret", 0, [])
        harvested = harvest(endpoint, tmp_path, until=frames(1, *STREAMS))
    assert [harvested.ids(stream) for stream in STREAMS] == [[b"1"]] * 3
    assert {request.split(b"\r\n")[0] for request in server.requests} == {
        b"GET /%b HTTP/1.1" % stream.encode() for stream in STREAMS
    }


def test_a_server_that_is_not_trusted_gets_no_password(
    tmp_path: Path,
    server_context: ssl.SSLContext,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with tls_server(server_context) as server:
        harvested = harvest(Endpoint(server.url, "sytac", "secret", 0, []), tmp_path, seconds=0.5)
    assert server.requests == []
    for stream in harvested.report.streams:
        assert stream.outcome == "away"
        assert "CERTIFICATE_VERIFY_FAILED" in (stream.why or "")


def test_nothing_is_imported_after_the_clock_has_started(serve_streams: Serve, tmp_path: Path) -> None:
    endpoint = serve_streams(**SMALL)
    program = """
        import sys, threading
        from metrics.harvest.listening import decider, run
        from metrics.harvest.settings import HarvestSettings

        class Decider(decider.Decider):
            def __init__(self, *of_run):
                super().__init__(*of_run)
                self.before = {*sys.modules}

            def close(self):
                super().close()
                print(sorted({*sys.modules} - self.before))

        run.Decider = Decider
        url, password, folder = sys.argv[1:]
        settings = HarvestSettings(stream_endpoint=url, stream_password=password, harvest_dir=folder)
        run.run_harvest(settings, run.Rule(1.5, "nobody", 1), threading.Event(), lambda _: None)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), endpoint.url, endpoint.password, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "[]\n"
    events = Folders(tmp_path).report.glob("report_*.json")
    assert json.loads(next(events).read_bytes())["events"] > 30


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://host", "http://host/sysney"),
        ("http://host/", "http://host/sysney"),
        ("http://host:81/a/", "http://host:81/a/sysney"),
        ("http://host/a?of=", "http://host/a?of=sysney"),
        ("https://[::1]:8/", "https://[::1]:8/sysney"),
    ],
)
def test_the_name_of_a_stream_is_appended_to_the_endpoint(endpoint: str, url: str) -> None:
    async def opened() -> str:
        async with open_clients(endpoint, "sytac", "secret") as accesses:
            return str(accesses["sysney"].url)

    assert asyncio.run(opened()) == url


@pytest.mark.parametrize("host", ["a\x7fb", "xn--a"])
def test_an_endpoint_that_is_no_address_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match="STREAM_ENDPOINT cannot be used"):
        harvest(Endpoint(f"http://{host}/", "sytac", "secret", 0, []), tmp_path)


@pytest.mark.parametrize("error", [socket.gaierror(socket.EAI_NONAME, "it is not known"), UnicodeError("it is odd")])
def test_a_host_without_an_address_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def look_up(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    harvested = harvest(Endpoint("http://streams.example/", "sytac", "secret", 0, []), tmp_path, until=all_failed)
    assert {(stream.outcome, stream.why) for stream in harvested.report.streams} == {
        ("away", f"cannot be reached: {error.args[-1]}")
    }


def test_a_name_is_looked_up_while_the_loop_does_other_things() -> None:
    async def looked_up() -> list[Any]:
        return await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)

    with asyncio.Runner(loop_factory=LookupLoop) as runner:
        assert [found[4] for found in runner.run(looked_up())] == [("127.0.0.1", 80)]


def test_the_listener_gets_the_last_progress_even_if_it_is_slow() -> None:
    got: list[Any] = []
    may_go_on = threading.Event()

    def listen(progress: Progress) -> None:
        may_go_on.wait(10)
        got.append(progress)

    newest = [Progress(run="r", seconds_left=left, name="n", times=1, name_seen=0, streams=[]) for left in (2.0, 1.0)]
    with notifying(listen) as notified:
        notified.newest = newest[0]
        while threading.active_count() < 2:
            pass
        notified.newest = newest[1]
        may_go_on.set()
    assert got[-1] == newest[1]


def test_after_the_stop_the_listener_sees_the_report_being_written_to_its_end(
    serve_streams: Serve, tmp_path: Path
) -> None:
    harvested = harvest(serve_streams(**SMALL), tmp_path, until=frames(3, *STREAMS))
    shares = [progress.report_share for progress in harvested.progress]
    while_read = shares.count(None)
    assert while_read > 0
    assert shares[:while_read] == [None] * while_read, "none of them is later"
    written = [share for share in shares if share is not None]
    assert written == sorted(written)
    assert written[-1] == 1
