"""Several instances of one group on a real broker: one counts, the others are standbys; a restart does not wait."""

import signal
import subprocess
import time
from pathlib import Path
from subprocess import Popen
from typing import IO

import pytest

from metrics.frames.producer import generator
from tests.kafka.application import PROJECT, Application, finish, frame, wait_until
from tests.kafka.job.test_process import IN_ITS_OWN_NAMESPACE

pytestmark = pytest.mark.slow

T = 1468244340


@pytest.fixture
def application(bootstrap_servers: str) -> Application:
    """Give the application, whose windows stay open however long a test waits between two frames."""
    return Application(bootstrap_servers, {"IDLE_S": "3600"})


def active(application: Application) -> Popen[str]:
    """Start an instance, and give it once it is active."""
    process = application.start()
    wait_until(lambda: says(process, "counting "), "it is active")
    return process


def says(process: Popen[str], beginning: str) -> bool:
    """Read the next line of an instance, which begins like this."""
    return begins(process.stdout, beginning)


def logs(process: Popen[str], beginning: str) -> bool:
    """Read the next line that an instance logs, which begins like this."""
    return begins(process.stderr, beginning)


def begins(stream: IO[str] | None, beginning: str) -> bool:
    assert stream is not None
    line = stream.readline()
    assert line.startswith(beginning), repr(line)
    return True


def standby_of(application: Application, *arguments: str) -> Popen[str]:
    """Start an instance beside an active one, and return it once it is a standby."""
    process = application.start(*arguments)
    assert logs(process, "standby: instance ")
    return process


def stop(process: Popen[str]) -> str:
    process.send_signal(signal.SIGINT)
    return finish(process)


def ids(application: Application) -> str:
    """Return the id of the instance that has committed last."""
    saved = application.saved_state()
    return saved.instance.id if saved else ""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_second_instance_is_a_standby_and_takes_over_at_once_when_the_first_is_gone(
    application: Application, ending: signal.Signals
) -> None:
    application.create_topics()
    application.send([frame(T, "a")], timestamp=T * 1000)
    first = active(application)
    second = standby_of(application)
    beat = application.heartbeats()
    wait_until(lambda: application.heartbeats() >= beat + 4, "the first one lives on beside it")
    assert second.poll() is None
    first.send_signal(ending)
    first.wait(30)
    gone_s = time.monotonic()
    if ending == signal.SIGKILL:
        assert logs(second, "instance ")  # … has ended without a last commit: taking over
    assert says(second, "counting ")
    assert time.monotonic() - gone_s < 5  # HEARTBEAT_TIMEOUT_S, which an instance of another machine is waited for
    application.send([frame(T + 1, "b")], timestamp=T * 1000)
    wait_until(lambda: application.position(0) == 2, "it goes on")
    stop(second)
    application.run("--until-end")
    assert application.seconds() == [(T, 1, 1.0, 0), (T + 1, 1, 1.0, 0)]


def test_two_replicas_by_default_outlive_kills_of_the_active_one_and_the_results_are_exact(
    application: Application, tmp_path: Path
) -> None:
    """Each that ended is started again at once, as a supervisor does; none ends but those that are killed."""
    application.create_topics()
    frames = generator.frames(count=40_000, rate=60, users=400, delay_s=9, delay_probability=0.05, seed=12)
    file = tmp_path / "frames.jsonl"
    file.write_bytes(b"".join(frame + b"\n" for frame in frames))
    feeder = application.start("feed", file, "--rate", "6000")
    replicas = [application.start(), application.start()]
    wait_until(lambda: application.position(0) > 1_000, "one counts")
    for _ in range(2):
        before = application.saved_state()
        assert before is not None
        assert before.instance.process is not None
        [killed] = [each for each in replicas if each.pid == before.instance.process.pid]
        killed.kill()
        killed.communicate()
        replicas = [each for each in replicas if each is not killed] + [application.start()]
        wait_until(lambda at=before: ids(application) != at.instance.id, "another one has taken over")  # type: ignore[misc]
        wait_until(lambda: application.heartbeats() > 1, "it counts")
        assert [each.poll() for each in replicas] == [None, None]
    finish(feeder)
    wait_until(lambda: application.position(0) == 40_000, "all is read")
    for each in replicas:
        each.send_signal(signal.SIGINT)
    for each in replicas:
        finish(each)
    application.run("--until-end")
    assert sum(seconds[1] for seconds in application.seconds()) > 37_000
    assert "the outputs agree with the input" in application.run("verify")


def test_two_instances_that_start_together_both_survive_and_one_counts(application: Application) -> None:
    application.create_topics()
    both = [application.start(), application.start()]
    wait_until(lambda: application.heartbeats() > 2, "one counts")
    application.send([frame(T, "a")], timestamp=T * 1000)
    wait_until(lambda: application.position(0) == 1, "it goes on")
    said = [stop_when_settled(each, application) for each in both]
    assert any("standby: instance " in text for text in said)


def stop_when_settled(process: Popen[str], application: Application) -> str:
    beat = application.heartbeats()
    wait_until(lambda: application.heartbeats() != beat, "one is active")
    assert process.poll() is None
    return stop(process)


def test_a_start_after_a_kill_does_not_wait(application: Application) -> None:
    application.create_topics()
    killed = active(application)
    killed.kill()
    killed.wait()
    again = application.start()
    assert logs(again, "instance ")
    assert says(again, "counting ")
    said = stop(again)
    assert "standby: " not in said


def test_an_instance_on_another_machine_counts_as_gone_once_its_heartbeats_are_missing(
    application: Application,
) -> None:
    """In a PID namespace of its own, as on another machine: its end is not seen, only that it does not commit."""
    application.create_topics()
    command = [*IN_ITS_OWN_NAMESPACE, *application.command()]
    elsewhere = subprocess.Popen(command, env=application.environment(), stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    with elsewhere:
        assert elsewhere.stdout is not None
        if not elsewhere.stdout.readline().startswith("counting "):
            pytest.skip("this user may not make a PID namespace")
        second = standby_of(application)
        elsewhere.kill()
        elsewhere.wait()
        ended_s = time.monotonic()
        assert second.stderr is not None
        assert " s: taking over" in second.stderr.readline()
        assert says(second, "counting ")
        assert time.monotonic() - ended_s > 2  # the last commit may be 2 s older
        stop(second)


def test_a_standby_stops_cleanly_on_a_signal(application: Application) -> None:
    application.create_topics()
    first = active(application)
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        second = standby_of(application, "--until-end")
        second.send_signal(signal_)
        assert "stopped before counting began" in finish(second)
    assert first.poll() is None


def test_until_end_and_accept_loss_refer_to_the_moment_of_the_takeover(
    application: Application,
) -> None:
    application.create_topics()
    first = active(application)
    second = standby_of(application, "--until-end", "--accept-loss")
    application.send([frame(T, "a"), frame(T + 1, "a")], timestamp=T * 1000)
    wait_until(lambda: application.position(0) == 2, "the first one reads on")
    stop(first)
    assert "accepted" not in finish(second)
    assert [row[:2] for row in application.seconds()] == [(T, 1), (T + 1, 1)]
    assert [row[:2] for row in application.minutes()] == [(T, 1)]


def test_take_over_does_not_wait_and_the_first_instance_ends_with_its_own_exit_code(
    application: Application,
) -> None:
    application.create_topics()
    application.send([frame(T + number, "a") for number in range(10)], timestamp=T * 1000)
    first = active(application)
    wait_until(lambda: application.position(0) == 10, "the first has read all")
    second = application.start("--take-over")
    assert says(second, "counting ")
    assert f"another instance took over the group {application.name}" in finish(first, exit_code=8)
    application.send([frame(T + number, "a") for number in range(10, 20)], timestamp=T * 1000)
    wait_until(lambda: application.position(0) == 20, "the second goes on")
    stop(second)
    application.run("--until-end")
    assert [(start - T, frames) for start, frames, *_ in application.seconds()] == [(n, 1) for n in range(20)]


def test_with_standby_an_instance_that_was_replaced_becomes_a_standby(application: Application) -> None:
    application.create_topics()
    first = application.start("--standby")
    assert says(first, "counting ")
    second = application.start("--take-over")
    assert says(second, "counting ")
    assert logs(first, "warning: ")
    assert logs(first, "standby: instance ")
    stop(second)
    assert says(first, "counting ")
    stop(first)


def test_an_instance_that_hung_until_a_takeover_becomes_a_standby_when_it_resumes(application: Application) -> None:
    application.create_topics()
    first = active(application)
    second = standby_of(application)
    first.send_signal(signal.SIGSTOP)
    assert logs(second, "instance ")  # … has sent no heartbeat for 5 s: taking over
    assert says(second, "counting ")
    first.send_signal(signal.SIGCONT)
    assert logs(first, "warning: ")
    assert logs(first, "standby: instance ")
    stop(second)
    assert says(first, "counting ")
    stop(first)


def test_a_busy_instance_writes_nothing_after_it_was_fenced(application: Application, tmp_path: Path) -> None:
    frames = list(generator.frames(count=120_000, rate=100, users=400, seed=3))
    application.prepare(tmp_path, frames)
    first = application.start()
    wait_until(lambda: application.position(0) > 5_000, "the first is busy")
    second = application.start("--take-over", "--until-end")
    finish(second)
    finish(first, exit_code=8)
    assert sum(frames for _, frames, *_ in application.seconds()) == 120_000
    starts = [start for start, *_ in application.seconds()]
    assert starts == list(range(starts[0], starts[-1] + 1))


def test_of_two_standbys_one_takes_over_and_the_other_remains_a_standby(application: Application) -> None:
    application.create_topics()
    application.send([frame(T, "a")], timestamp=T * 1000)
    first = active(application)
    wait_until(lambda: application.position(0) == 1, "the active one works")
    standbys = [standby_of(application) for _ in range(2)]
    stop(first)
    application.send([frame(T + 1, "b")], timestamp=T * 1000)
    wait_until(lambda: application.position(0) == 2, "one goes on")
    assert [standby.poll() for standby in standbys] == [None, None]
    for standby in standbys:
        standby.send_signal(signal.SIGINT)
    for standby in standbys:
        finish(standby)
    application.run("--until-end")
    assert application.seconds() == [(T, 1, 1.0, 0), (T + 1, 1, 1.0, 0)]
