"""A broker that hangs, on a real one of its own that is frozen by SIGSTOP."""

import signal
import time
from pathlib import Path

import psutil
import pytest

from metrics.frames.producer import generator
from metrics.kafka import local_broker
from tests.kafka.application import Application, wait_until

pytestmark = pytest.mark.broker


def test_a_second_ctrl_c_ends_a_run_that_waits_for_the_broker(tmp_path: Path) -> None:
    with local_broker.running(tmp_path / "broker", print) as address:
        application = Application(address)
        application.prepare(tmp_path, generator.frames(count=150_000))
        java = [child for child in psutil.Process().children(recursive=True) if child.name() == "java"]
        process = application.start("--verbose")
        assert process.stdout is not None
        while "  second  " not in process.stdout.readline():
            assert process.poll() is None
        for broker in java:
            broker.suspend()
        try:
            time.sleep(0.5)  # it runs into a commit, which the broker does not answer
            process.send_signal(signal.SIGINT)
            with pytest.raises(TimeoutError):
                _wait(process.pid, 2)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 128 + signal.SIGINT
        finally:
            process.kill()
            for broker in java:
                broker.resume()
        assert process.stderr is not None
        assert "the next run counts the uncommitted frames" in process.stderr.read()
        process.stdout.close()
        process.stderr.close()
        application.run("--until-end")
        wait_until(lambda: len(application.seconds()) > 1000, "the next run has counted all")


def _wait(pid: int, timeout_s: float) -> None:
    """Wait for a process to end, or raise TimeoutError."""
    _, alive = psutil.wait_procs([psutil.Process(pid)], timeout=timeout_s)
    if alive:
        raise TimeoutError
