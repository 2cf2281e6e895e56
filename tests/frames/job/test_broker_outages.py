"""A broker that hangs, stops and comes back, or gives up on a transaction: a real one of its own for each test."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import psutil
import pytest

from metrics.frames.producer import generator
from metrics.frames.settings import Settings
from metrics.kafka import local_broker
from metrics.kafka.clients import open_admin
from metrics.kafka.local_broker import node
from metrics.kafka.offsets import offset_ranges, open_transactions
from tests.kafka.application import Application, finish, timeline, wait_until
from tests.reference import count_all

pytestmark = pytest.mark.broker

# How long a question may take; with --long also as long as it may for users, up to 10 s.
SHORT, TRUE = {"KAFKA_SOCKET_TIMEOUT_MS": "3000"}, dict[str, str]()
FRAMES = list(generator.frames(count=150_000, rate=100, seed=5))


@contextmanager
def busy(application: Application, folder: Path) -> Iterator[Popen[str]]:
    """Feed many frames, and give the application once it has committed some of them; the end must find it ended."""
    application.prepare(folder, FRAMES)
    process = application.start("--until-end")
    wait_until(lambda: application.position(0) > 5_000, "it is busy")
    yield process
    assert process.poll() is not None


def expect_all(application: Application) -> None:
    """See that the outputs are those of an undisturbed run."""
    answer = count_all({0: timeline(FRAMES)}, lateness_s=5, gap_limit_s=3600)
    assert application.seconds() == answer.seconds
    assert application.minutes() == answer.minutes


def suspend_in_a_transaction(process: Popen[str], application: Application) -> None:
    """Suspend it at a moment when its transaction is open."""
    admin, topic = open_admin(Settings.load(application.environment())), application.topic("seconds")
    while process.poll() is None:
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.5)  # for a commit that is under way
        if open_transactions(admin, topic, offset_ranges(admin, topic, 1)):
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.1)  # or it would be suspended where it was
    pytest.fail("it ended before")


def java_of(folder: Path, owner: psutil.Process | None = None) -> list[psutil.Process]:
    """Return the processes of the broker of a folder, which this process has started, or another."""
    mark = f"-Dframes-metrics.folder={folder}"
    children = (owner or psutil.Process()).children(recursive=True)
    return [child for child in children if child.name() == "java" and mark in child.cmdline()]


@pytest.mark.slow
@pytest.mark.parametrize(("limits", "freeze_s"), [(SHORT, 7), pytest.param(TRUE, 14, marks=pytest.mark.long)])
def test_a_broker_that_hangs_for_a_while_is_waited_for(tmp_path: Path, limits: dict[str, str], freeze_s: int) -> None:
    with local_broker.running(tmp_path / "broker", print) as address:
        application = Application(address, {"BROKER_TIMEOUT_S": "20", **limits})
        with busy(application, tmp_path) as process:
            for broker in java_of(tmp_path / "broker"):
                broker.suspend()
            time.sleep(freeze_s)  # longer than one try of a step takes, so that the outage is noticed
            for broker in java_of(tmp_path / "broker"):
                broker.resume()
            output = finish(process)
        assert "retrying for up to 20 s" in output
        expect_all(application)


@pytest.mark.slow
def test_a_broker_that_is_restarted_is_waited_for(tmp_path: Path) -> None:
    with local_broker.running(tmp_path / "broker", print) as address:
        application = Application(address)
        application.prepare(tmp_path, FRAMES)
        process = application.start("--until-end")
        wait_until(lambda: application.position(0) > 5_000, "it is busy")
        for broker in java_of(tmp_path / "broker"):
            broker.kill()
    assert process.poll() is None
    with local_broker.running(tmp_path / "broker", print) as again:
        assert again == address
        finish(process)
        expect_all(application)


@pytest.mark.long
def test_a_standby_waits_for_a_broker_that_is_restarted(tmp_path: Path) -> None:
    with local_broker.running(tmp_path / "broker", print) as address:
        application = Application(address)
        application.create_topics()
        active = application.start()
        wait_until(lambda: application.heartbeats() > 1, "it lives")
        standby = application.start()
        assert standby.stderr is not None
        assert standby.stderr.readline().startswith("standby: instance ")
        for broker in java_of(tmp_path / "broker"):
            broker.kill()
    with local_broker.running(tmp_path / "broker", print):
        beat = application.heartbeats()
        wait_until(lambda: application.heartbeats() > beat, "one of them is active again")
        assert standby.poll() is None
        for process in (active, standby):
            process.send_signal(signal.SIGINT)
        finish(standby)
        active.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("limits", [SHORT, pytest.param(TRUE, marks=pytest.mark.long)])
def test_a_broker_that_hangs_for_too_long_ends_the_job_with_nothing_half_written(
    tmp_path: Path, limits: dict[str, str]
) -> None:
    with local_broker.running(tmp_path / "broker", print) as address:
        application = Application(address, {"BROKER_TIMEOUT_S": "5", **limits})
        with busy(application, tmp_path) as process:
            for broker in java_of(tmp_path / "broker"):
                broker.suspend()
            output = finish(process, exit_code=4)
            for broker in java_of(tmp_path / "broker"):
                broker.resume()
        assert "none of it was committed" in output
        application.run("--until-end")
        expect_all(application)


@pytest.mark.slow
def test_a_quiet_job_notices_a_broker_that_is_gone(tmp_path: Path) -> None:
    with local_broker.running(tmp_path / "broker", print) as address:
        application = Application(address, {"BROKER_TIMEOUT_S": "5"})
        application.create_topics()
        process = application.start()
        wait_until(lambda: application.heartbeats() > 1, "it lives")
    output = finish(process, exit_code=4)
    assert "retrying for up to 5 s" in output
    given_up = output.partition("error: ")[2]
    assert given_up.startswith(f"no broker answers at {address}\n")
    assert "Connection refused" in given_up
    assert "before that, the transaction failed; none of it was committed: " in given_up


@pytest.mark.slow
def test_a_process_that_was_suspended_for_longer_than_its_transaction_may_last_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker gives up on its transaction and fences it, as another instance would; nobody else has committed.

    Its coordinator looks for such transactions each second, by default every 10 s.
    """
    often = "transaction.abort.timed.out.transaction.cleanup.interval.ms=1000\n"
    monkeypatch.setattr(node, "_SERVER_PROPERTIES", node._SERVER_PROPERTIES + often)
    with local_broker.running(tmp_path / "broker", print) as address:
        application = Application(address, {"KAFKA_TRANSACTION_TIMEOUT_MS": "2000", "KAFKA_SOCKET_TIMEOUT_MS": "1500"})
        with busy(application, tmp_path) as process:
            suspend_in_a_transaction(process, application)
            time.sleep(5)  # the transaction may last 2 s
            process.send_signal(signal.SIGCONT)
            assert "resumed from the last commit" in finish(process)
        expect_all(application)


@pytest.mark.parametrize("role", ["seconds", "rejected"])
def test_an_output_topic_that_is_gone_ends_the_job_after_the_timeout(application: Application, role: str) -> None:
    application.variables["BROKER_TIMEOUT_S"] = "3"
    application.create_topics()
    process = application.start()
    wait_until(lambda: application.heartbeats() > 1, "it lives")
    application.delete_topic(role)
    application.send([FRAMES[0], b"no frame", *FRAMES[1:2_000]])
    output = finish(process, exit_code=5)
    assert application.topic(role) in output


@pytest.mark.slow
def test_the_end_of_the_embedded_broker_ends_the_job_and_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    environment = {"LOCAL_BROKER_DIR": str(folder), "BOOTSTRAP_SERVERS": ""}
    application = Application("", environment)
    process = application.start("--verbose")
    assert process.stdout is not None
    while "  minute  " not in process.stdout.readline():
        assert process.poll() is None
    for java in java_of(folder, psutil.Process(process.pid)):
        java.kill()
    output = finish(process, exit_code=6)
    assert "the local broker has ended" in output
    assert str(folder / "broker.log") in output
