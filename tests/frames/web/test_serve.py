"""`serve` as its user runs it, on real Kafka."""

import json
import re
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from socket import SO_RCVBUF, SOL_SOCKET, create_connection, create_server, socket
from subprocess import Popen

import httpx
import psutil
import pytest

from metrics.frames.producer import generator
from metrics.kafka import local_broker
from metrics.web.shell import MAX_PAGES
from tests.frames.job.test_broker_outages import java_of
from tests.frames.web.test_stream import events
from tests.kafka.application import LIVE, TIMEOUT_S, Application, finish, frame, wait_until

T = 1468244340  # 2016-07-11T13:39:00Z
END_S = 2.0
TOKEN = "a-secret-token"
FORM = b"Host: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\ntoken="


@contextmanager
def serving(application: Application, *arguments: str) -> Iterator[tuple[Popen[str], httpx.Client]]:
    """Give a server that has begun, and a client of it."""
    process = application.start("serve", "--port", "0", *arguments)
    assert process.stdout is not None
    address = re.match(r"the page is at (http://\S+)/ and the API at \S+/docs", process.stdout.readline())
    assert address is not None
    with httpx.Client(base_url=address[1], timeout=30) as client:
        try:
            yield process, client
        except httpx.TransportError as error:
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=TIMEOUT_S)
            raise AssertionError(f"the server answers no more; exit code {process.returncode}: {said}") from error


def half_open(port: int, number: int) -> list[socket]:
    """Open connections of which none brings a whole request."""
    beginnings = (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"POST / HTTP/1.1\r\n" + FORM)
    connections = [create_connection(("127.0.0.1", port)) for _ in range(number)]
    for at, connection in enumerate(connections):
        with suppress(ConnectionError):  # it may be closed already
            connection.sendall(beginnings[at % len(beginnings)])
    return connections


def test_incomplete_requests_do_not_keep_other_clients_out(application: Application) -> None:
    """Page, API and reader have 200 file handles between them, and there are 300 such connections."""
    application.variables["API_TOKEN"] = TOKEN
    application.create_topics()
    with serving(application) as (process, client), ExitStack() as open_ones:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        wait_until(lambda: is_ready(client), "it is ready")
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (200, 200))
        port = client.base_url.port
        assert port is not None
        connections = [open_ones.enter_context(closing(one)) for one in half_open(port, 300)]
        with httpx.Client(base_url=client.base_url, headers=client.headers, timeout=30) as other:
            assert other.get("/").status_code == 200
            assert other.get("/seconds").status_code == 200
        job = application.start()
        application.send((frame(T + second, "a") for second in range(20)), timestamp=LIVE)
        wait_until(lambda: len(windows(client, "/seconds")) > 10, "the reader goes on")
        assert psutil.Process(process.pid).num_fds() < 150
        wait_until(lambda: all(map(is_closed, connections)), "they are closed")
        assert is_ready(client)
        for one in (job, process):
            one.send_signal(signal.SIGINT)
            finish(one)  # which sees that there was no traceback


def is_closed(connection: socket) -> bool:
    """Return whether the other end has closed a connection, perhaps after an answer."""
    connection.setblocking(False)
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def ended(process: Popen[str], number: signal.Signals = signal.SIGINT) -> str:
    """End a server as its user does, see that it ends soon and well, and return what it said.

    Time in which it was ready to run and other processes had the processors is left out.
    """
    since_s = time.monotonic() - queued_s(process)
    queued_for_s = 0.0
    process.send_signal(number)
    while process.poll() is None:
        assert time.monotonic() - since_s < TIMEOUT_S
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            queued_for_s = queued_s(process)
        time.sleep(0.01)
    assert time.monotonic() - since_s - queued_for_s < END_S
    return finish(process)


def queued_s(process: Popen[str]) -> float:
    """Return how long the main thread of a process has waited for a processor so far, by Linux."""
    return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[1]) / 1e9


def is_ready(client: httpx.Client) -> bool:
    return client.get("/readyz").status_code == 200


def windows(client: httpx.Client, path: str) -> list[str]:
    return [json.dumps(record) for record in client.get(path, params={"limit": 10_000}).json()["windows"]]


def published(application: Application, role: str) -> list[str]:
    return [json.dumps(record) for record in application.records(role)]


def test_committed_results_are_served(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, generator.frames(count=20_000, rate=100, seed=1))
    application.run("--until-end")
    with serving(application) as (process, client):
        wait_until(lambda: is_ready(client), "it is ready")
        assert windows(client, "/seconds") == published(application, "seconds")
        assert windows(client, "/minutes") == published(application, "minutes")
        csv = client.get("/minutes", params={"format": "csv", "limit": 10_000}).text
        assert csv == application.run("results", "--minutes", "--csv")
        page = client.get("/")
        assert (page.status_code, client.head("/").headers["Content-Type"]) == (200, page.headers["Content-Type"])
        unknown = client.get("/unknown")
        assert (unknown.status_code, unknown.headers["Content-Type"]) == (404, "application/problem+json")
        status, printed = client.get("/status").json(), application.status()
        assert status.pop("asked_at")["timestamp"] <= printed.pop("asked_at")["timestamp"]
        assert status == printed
        assert ended(process) == ""


def test_the_page_warns_about_a_stream_of_invalid_frames(application: Application) -> None:
    application.create_topics()
    application.send([b"none"] * 10)
    application.run("--until-end")
    with serving(application) as (_, client):
        wait_until(lambda: is_ready(client), "it is ready")
        page = client.get("/frames").text
    assert "100.0% of the frames since 20" in page
    assert "are late or rejected (10 of 10): 10 not_json" in page


def test_the_number_of_pages_without_a_browser_is_limited(application: Application) -> None:
    application.create_topics()
    with serving(application) as (process, client):
        answers = [client.get("/frames") for _ in range(MAX_PAGES + 5)]
        assert [answer.status_code for answer in answers] == [200] * MAX_PAGES + [503] * 5
        assert "too many pages are open" in answers[-1].json()["detail"]
        assert client.get("/status").status_code == 200
        assert ended(process) == ""


def test_records_are_sent_as_events_in_commit_order(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, [])
    with serving(application) as (process, client):
        wait_until(lambda: is_ready(client), "it is ready")
        with client.stream("GET", "/stream") as answer:
            application.send(generator.frames(count=20_000, rate=100, seed=1))
            application.run("--until-end")
            seconds, minutes = application.read("seconds"), application.read("minutes")
            coming = [*islice(events(answer.iter_lines()), len(seconds) + len(minutes))]
            for name, messages in (("second", seconds), ("minute", minutes)):
                assert [event.data.encode() for event in coming if event.name == name] == [
                    message.value() for message in messages
                ]
            ended(process, signal.SIGTERM)


def test_two_servers_and_the_main_job_do_not_disturb_each_other(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, [frame(T + at, "a") for at in range(200)])
    application.variables["IDLE_S"] = "1"
    job = application.start()
    with ExitStack() as closing:
        servers = [closing.enter_context(serving(application)) for _ in range(2)]
        for _, client in servers:
            wait_until(lambda client=client: len(windows(client, "/seconds")) == 200, "it has all")  # type: ignore[misc]
        assert job.poll() is None
        for process, _ in servers:
            ended(process)
    job.send_signal(signal.SIGINT)
    finish(job)
    assert len(application.seconds()) == 200


@pytest.mark.slow
def test_an_outage_and_its_end_are_logged_once_each(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    with ExitStack() as closing:
        with local_broker.running(folder, print) as address:
            application = Application(address)
            application.prepare(tmp_path, [frame(T + at, "a") for at in range(200)])
            application.run("--until-end")
            process, client = closing.enter_context(serving(application))
            wait_until(lambda: is_ready(client), "it is ready")
            before = windows(client, "/seconds")
            for broker in java_of(folder):
                broker.kill()
            wait_until(lambda: not is_ready(client), "it says that it is not")
            problem = client.get("/readyz").json()
            assert (problem["status"], client.get("/healthz").status_code) == (503, 200)
            assert re.search("no answer from the broker|no broker answers", problem["detail"])
            assert windows(client, "/seconds") == before
        with local_broker.running(folder, print):
            wait_until(lambda: is_ready(client), "it is ready again")
            said = ended(process)
            lines = said.splitlines()
            assert lines.count("reconnected: the page is up to date") == 1
            warnings = [line for line in lines if line.startswith("warning: ")]
            assert len(lines) == len(set(warnings)) + 1


def test_it_stops_soon_despite_clients_that_neither_read_nor_finish_a_request(application: Application) -> None:
    application.create_topics()
    with serving(application) as (process, client), socket() as deaf, socket() as slow:
        wait_until(lambda: is_ready(client), "it is ready")
        address = ("127.0.0.1", client.base_url.port or 0)
        deaf.setsockopt(SOL_SOCKET, SO_RCVBUF, 4_096)
        deaf.connect(address)
        deaf.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        slow.connect(address)
        slow.sendall(b"GET /seconds HT")
        application.send([frame(T + at, "a") for at in range(40_000)])
        application.run("--until-end")
        wait_until(lambda: len(windows(client, "/seconds")) == 3_600, "more has come than the connection takes")
        assert ended(process) == ""


def test_it_stops_soon_during_an_outage(application: Application) -> None:
    application.bootstrap_servers = "127.0.0.1:1"
    with serving(application) as (process, client):
        assert client.get("/healthz").status_code == 200
        assert client.get("/seconds").status_code == 503
        ended(process)


def test_a_port_in_use_is_an_error(application: Application) -> None:
    with create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = finish(application.start("serve", "--port", port), exit_code=2)
    assert said.startswith(f"error: cannot bind to 127.0.0.1:{port}\nwhy: Address already in use\n")
    assert f"hint: choose another port: python app.py serve --port {int(port) + 1}\n" in said


def test_an_address_of_another_machine_is_an_error(application: Application) -> None:
    said = finish(application.start("serve", "--host", "192.0.2.1"), exit_code=2)
    assert "why: Cannot assign requested address\nhint: choose an address of this machine: --host 127.0.0.1" in said


@pytest.mark.parametrize(("token", "is_warned"), [("", True), (TOKEN, False)])
def test_it_warns_if_others_can_reach_it_without_a_token(
    application: Application, token: str, *, is_warned: bool
) -> None:
    application.variables["API_TOKEN"] = token
    with serving(application, "--host", "0.0.0.0") as (process, client):
        assert client.get("/healthz").status_code == 200
        said = ended(process)
    assert (
        "warning: anyone who can reach 0.0.0.0 can read the results, and POST is refused: set API_TOKEN" in said
    ) == is_warned


def test_the_token_is_required_and_never_logged(application: Application) -> None:
    application.variables["API_TOKEN"] = TOKEN
    with serving(application) as (process, client):
        assert client.get("/status").status_code == 401
        assert client.get("/status", headers={"Authorization": f"Bearer {TOKEN}"}).status_code in {200, 503}
        assert client.post("/", data={"token": TOKEN}).status_code == 303
        client.cookies.clear()
        assert client.post("/", data={"token": TOKEN + "x"}).status_code == 401
        assert client.get("/", params={"token": TOKEN}).status_code == 303
        client.cookies.clear()
        assert client.get("/", params={"token": TOKEN + "x"}).status_code == 401
        assert TOKEN not in ended(process)


@pytest.mark.long
def test_threads_and_handles_do_not_grow_during_a_long_outage(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    with ExitStack() as serving_on:
        with local_broker.running(folder, print) as address:
            application = Application(address)
            application.create_topics()
            process, client = serving_on.enter_context(serving(application))
            wait_until(lambda: is_ready(client), "it is ready")
            server = psutil.Process(process.pid)
            threads, handles = server.num_threads(), server.num_fds()
            for broker in java_of(folder):
                broker.kill()
            most_threads = most_handles = 0
            until_s = time.monotonic() + 25  # the length of the outage
            while time.monotonic() < until_s:
                most_threads, most_handles = (
                    max(most_threads, server.num_threads()),
                    max(most_handles, server.num_fds()),
                )
                time.sleep(0.1)
            # Each of its three readers tries to reach the broker, by one client at a time.
            assert most_threads <= threads + 20
            assert most_handles <= handles + 20
        with local_broker.running(folder, print):
            wait_until(lambda: is_ready(client), "it is ready again")
        ended(process)
