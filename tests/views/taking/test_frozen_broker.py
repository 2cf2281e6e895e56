"""A broker that hangs, on a real one of its own that is frozen by SIGSTOP: bounded memory, and an answer in time."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import httpx
import psutil
import pytest

from metrics.kafka import local_broker
from metrics.views.settings import ViewsSettings
from metrics.views.taking import taker
from metrics.views.taking.outbox import MAX_BYTES
from tests.kafka.application import finish, wait_until
from tests.views.commands.test_send import application
from tests.views.web.taken import JSON, LINES, Serving, line, serving, settings_of, stored

pytestmark = [pytest.mark.broker, pytest.mark.slow]

TIMEOUT_S = 3
SENDERS = 8
# What a sender can get rid of beside what the outbox has room for: one read of the server, and buffers of sockets.
BUFFERS_BYTES = 16 << 20


@contextmanager
def frozen(broker: psutil.Process) -> Iterator[None]:
    broker.suspend()
    try:
        yield
    finally:
        broker.resume()


class Endless:
    """A body that ends only when its receiver wants no more; counts what was sent of it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            lines = [line(f"{self._name} {number}", Note="x" * 400) for number in range(self.sent, self.sent + 100)]
            self.sent += 100
            yield b"\n".join(lines) + b"\n"


def found_ids(settings: ViewsSettings) -> Counter[str]:
    """Return how many events of each name are in the topic; of uploads, without the numbers in their ids."""
    ids = [json.loads(record.value)["EventId"] for record in stored(settings, settings.views_topic)]
    return Counter(found.rpartition(" ")[0] if " " in found else found for found in ids)


def upload(server: Serving, body: Endless) -> httpx.Response:
    url = f"http://127.0.0.1:{server.port}/views/events"
    return httpx.post(url, content=iter(body), headers=LINES, timeout=60)


def test_a_frozen_broker_costs_bounded_memory_and_time_and_nothing_acknowledged_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taker, "STALLED_S", 1.0)
    others = set(psutil.Process().children(recursive=True))  # the broker of other tests
    with local_broker.running(tmp_path / "broker", print) as address:
        started = set(psutil.Process().children(recursive=True)) - others
        (java,) = [child for child in started if child.name() == "java"]
        settings = settings_of(address, broker_timeout_s=TIMEOUT_S)
        with serving(settings) as server, ThreadPoolExecutor(SENDERS) as pool:
            client = server.client
            assert client.post("/event/create/", content=line("before"), headers=JSON).status_code == 200
            bodies = [Endless(f"upload {number}") for number in range(SENDERS)]
            with frozen(java):
                began_s = time.monotonic()
                answers = [pool.submit(upload, server, body) for body in bodies]
                while server.taker.why_not_ready() is None:
                    assert time.monotonic() < began_s + 30
                    time.sleep(0.05)
                handed_over_bytes = 600 * sum(body.sent for body in bodies)
                refused = client.post("/event/create/", content=line("refused"), headers=JSON)
                ended = [answer.result(60) for answer in answers]
                took_s = time.monotonic() - began_s
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
            assert refused.json()["error"][0].startswith("Kafka acknowledges no events")
            assert {answer.status_code for answer in ended} == {503}
            assert took_s < 5 * TIMEOUT_S
            assert handed_over_bytes < MAX_BYTES + SENDERS * BUFFERS_BYTES
            # What was acknowledged is in the topic; what was not may be, since a frozen broker takes what it has got.
            again = client.post("/views/events", content=line("after"), headers=LINES)
            assert (again.status_code, again.json()["accepted"]) == (200, 1)
            assert server.taker.why_not_ready() is None
            found = found_ids(settings)
            for number, answer in enumerate(ended):
                assert answer.json()["accepted"] <= found[f"upload {number}"]
                assert "send the same again" in answer.json()["error"]

            process = application(settings, BROKER_TIMEOUT_S=f"{TIMEOUT_S}").start("views", "send", "-", stdin=PIPE)
            assert process.stdin is not None
            process.stdin.write(line("piped").decode() + "\n")
            process.stdin.flush()
            wait_until(lambda: found_ids(settings)["piped"] == 1, "the first line is in the topic")
            with frozen(java):
                process.stdin.write(line("lost").decode() + "\n")
                said = finish(process, 4)
            assert "accepted      1\n" in said
            assert "error: Kafka has not acknowledged 1 line: " in said
            assert "hint: send the same again: an event that comes twice counts once" in said
