"""A job that is started together with its broker, or before it: a real one of its own for each test."""

import signal
import time
from pathlib import Path
from subprocess import Popen
from typing import IO

import pytest

from metrics.kafka import local_broker
from metrics.kafka.local_broker import node
from tests.kafka.application import Application, finish, frame, wait_until

pytestmark = pytest.mark.broker

T = 1468244340


@pytest.fixture
def _many_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a node have as many partitions of offsets and transactions as brokers have by default: they take a while."""
    more = "offsets.topic.num.partitions=50\ntransaction.state.log.num.partitions=50\n"
    monkeypatch.setattr(node, "_SERVER_PROPERTIES", node._SERVER_PROPERTIES + more)


def lines_to(process: Popen[str], stream: IO[str] | None, beginning: str) -> list[str]:
    """Read what a job writes until a line begins like this; returns the lines, without that of connecting."""
    assert stream is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith(beginning):
        line = stream.readline()
        assert line, f"{lines}, exit code {process.wait(10)}"
        lines.append(line)
    return [line for line in lines if not line.startswith("connecting to ")]


@pytest.mark.slow
@pytest.mark.usefixtures("_many_partitions")
@pytest.mark.parametrize("number", [0, *(pytest.param(number, marks=pytest.mark.long) for number in (1, 2))])
def test_a_job_that_begins_on_a_fresh_broker_waits_for_its_coordinators(tmp_path: Path, number: int) -> None:
    """Its first questions make the broker create its own topics; until then there is no coordinator."""
    with local_broker.running(tmp_path / f"broker-{number}", print) as address:
        application = Application(address)
        application.create_topics()
        application.send([frame(T, "a")], timestamp=T * 1000)
        application.run("--until-end")
        assert application.seconds() == [(T, 1, 1.0, 0)]


@pytest.mark.slow
@pytest.mark.usefixtures("_many_partitions")
def test_a_job_started_before_its_broker_says_so_at_once_and_counts_once_the_broker_runs(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "broker"
    with local_broker.running(folder, print) as address:
        application = Application(address, {"IDLE_S": "3600"})
        application.create_topics()
    for second in (0, 1):
        started_s = time.monotonic()
        process = application.start()
        said = lines_to(process, process.stderr, "why: ")
        assert said[0] == f"no broker answers at {address}; retrying for up to 60 s\n"
        assert "Connection refused" in said[1]
        assert time.monotonic() - started_s < 9  # 2 s, on a machine that does nothing else
        with local_broker.running(folder, print):
            lines_to(process, process.stdout, "counting ")
            application.send([frame(T + second, "a")], timestamp=T * 1000)
            wait_until(lambda at=second: application.position(0) == at + 1, "it counts")  # type: ignore[misc]
            process.send_signal(signal.SIGINT)
            finish(process)
    with local_broker.running(folder, print):
        application.run("--until-end")
        assert application.seconds() == [(T + second, 1, 1.0, 0) for second in range(2)]


def test_a_start_without_a_broker_is_given_up_after_the_timeout() -> None:
    application = Application("127.0.0.1:1", {"BROKER_TIMEOUT_S": "4"})
    said = finish(application.start(), exit_code=4)
    said = said.removeprefix("connecting to 127.0.0.1:1 …\n")
    assert said.startswith("no broker answers at 127.0.0.1:1; retrying for up to 4 s\n")
    assert "error: no broker answers at 127.0.0.1:1\n" in said


def test_a_start_that_waits_for_its_broker_stops_cleanly_on_a_signal() -> None:
    process = Application("127.0.0.1:1").start()
    lines_to(process, process.stderr, "why: ")
    process.send_signal(signal.SIGTERM)
    assert "stopped before counting began" in finish(process)
