"""A broker that is slow, but works: a real one behind a proxy that delays requests and answers."""

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from socket import SHUT_RDWR, SHUT_WR, create_connection, create_server, socket
from subprocess import Popen

import pytest

from metrics.java import processes
from metrics.kafka import local_broker
from metrics.kafka.local_broker import node
from tests.kafka.application import Application, finish, frame, timeline, wait_until
from tests.reference import count_all

pytestmark = pytest.mark.broker

START = 1_468_244_384


class Proxy:
    """Passes bytes on, `delay_s` later, in both directions.

    Attributes:
        port: where it listens.
        target: port that it passes to.
    """

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.target = 0
        self._listening = create_server((processes.HOST, 0))
        self._connected: list[socket] = []
        self.port = int(self._listening.getsockname()[1])
        self._start(self._accept)

    @property
    def address(self) -> str:
        """What clients connect to."""
        return f"{processes.HOST}:{self.port}"

    def close(self) -> None:
        """Take no more connections, and close those that there are."""
        self._listening.shutdown(SHUT_RDWR)
        for each in (self._listening, *self._connected):
            each.close()

    def _start(self, work: object, *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()  # type: ignore[arg-type]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
                self._connected.append(client)
                broker = create_connection((processes.HOST, self.target))
            except OSError:  # closed, or the broker is gone
                return
            self._connected.append(broker)
            for source, sink in ((client, broker), (broker, client)):
                waiting: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
                self._start(self._take, source, waiting)
                self._start(self._give, sink, waiting)

    def _take(self, source: socket, waiting: "SimpleQueue[tuple[float, bytes]]") -> None:
        data = b" "
        while data:
            try:
                data = source.recv(65_536)
            except OSError:
                data = b""
            waiting.put((time.monotonic() + self.delay_s, data))

    def _give(self, sink: socket, waiting: "SimpleQueue[tuple[float, bytes]]") -> None:
        try:
            while True:
                due_s, data = waiting.get()
                time.sleep(max(0.0, due_s - time.monotonic()))
                if not data:
                    sink.shutdown(SHUT_WR)
                    return
                sink.sendall(data)
        except OSError:
            return


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Give the proxy before a broker of its own, which tells its clients to come by the proxy."""
    proxy = Proxy()
    advertised = f"advertised.listeners=PLAINTEXT://{proxy.address}\n"
    monkeypatch.setattr(node, "_SERVER_PROPERTIES", node._SERVER_PROPERTIES + advertised)
    find_free = processes.free_ports

    def free(wanted: Sequence[int]) -> Sequence[int]:
        ports = find_free(wanted)
        proxy.target = ports[0]
        return ports

    monkeypatch.setattr(processes, "free_ports", free)
    with local_broker.running(tmp_path / "broker", print):
        yield proxy
    proxy.close()


@contextmanager
def delayed(proxy: Proxy, delay_s: float) -> Iterator[None]:
    """Slow the broker down."""
    proxy.delay_s = delay_s
    try:
        yield
    finally:
        proxy.delay_s = 0.0


def stop(process: Popen[str]) -> str:
    process.send_signal(signal.SIGINT)
    return finish(process)


def test_a_slow_broker_is_reported_and_does_not_cause_a_takeover(slow: Proxy) -> None:
    """A round trip takes 0.8 s, and a commit up to seven of them."""
    application = Application(slow.address, {"IDLE_S": "3600"})
    application.create_topics()
    active = application.start()
    wait_until(lambda: application.heartbeats() > 1, "it lives")
    standby = application.start()
    assert standby.stderr is not None
    assert standby.stderr.readline().startswith("standby: instance ")
    saved = application.saved_state()
    assert saved is not None
    frames = [frame(START + number // 10, f"u{number % 7}") for number in range(1_000)]
    with delayed(slow, 0.4):
        application.send(frames[:500])
        assert active.stderr is not None
        assert "the broker is slow: a commit takes more than 3 s" in active.stderr.readline()
        wait_until(lambda: application.position(0) == 500, "what came in the slowness is committed")
    application.send(frames[500:])
    wait_until(lambda: application.position(0) == 1_000, "all is read")
    latest = application.saved_state()
    assert latest is not None
    assert latest.instance.id == saved.instance.id
    stop(standby)
    stop(active)
    application.run("--until-end")
    answer = count_all({0: timeline(frames)}, lateness_s=5, gap_limit_s=3600)
    assert application.seconds() == answer.seconds
    assert application.minutes() == answer.minutes
