"""One run of a side: measured, limited by a timeout, and ended with its children."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmark import launcher, process

ENVIRONMENT = dict(os.environ)


def python(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(pid: int) -> None:
    give_up_s = time.monotonic() + 10
    while is_running(pid):
        assert time.monotonic() < give_up_s, f"process {pid} is left"
        time.sleep(0.02)


def test_time_processor_time_and_output_of_a_process_are_measured() -> None:
    source = (
        "import os, time\nbegin = time.process_time()\nwhile time.process_time() < begin + 0.3: pass\n"
        "time.sleep(0.2); print('counted', flush=True)"
    )
    finished = process.run(python(source), ENVIRONMENT, timeout_s=30)
    assert finished.failure is None
    assert finished.measured.seconds >= 0.5
    assert 0.3 <= finished.measured.cpu_s <= finished.measured.seconds * 2
    assert finished.printed == ["counted"]


def test_the_memory_of_the_benchmark_itself_is_not_counted() -> None:
    ours = bytearray(os.urandom(1)) * 300_000_000
    small = process.run(python("pass"), ENVIRONMENT, timeout_s=30)
    large = process.run(python("bytearray(b'x') * 150_000_000"), ENVIRONMENT, timeout_s=30)
    assert len(ours) > 2 * small.measured.peak_rss_bytes
    assert 150_000_000 < large.measured.peak_rss_bytes < 250_000_000


def test_a_side_that_fails_shows_its_exit_code_and_its_last_lines() -> None:
    source = "import sys\nfor number in range(20): print(f'line {number}', file=sys.stderr)\nsys.exit(3)"
    finished = process.run(python(source), ENVIRONMENT, timeout_s=30)
    assert finished.failure == "exit code 3"
    assert finished.last_errors.splitlines() == [f"line {number}" for number in range(14, 20)]


def test_a_side_that_hangs_is_ended_with_its_children() -> None:
    source = (
        "import subprocess, sys, time\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True)\n"
        "time.sleep(600)"
    )
    finished = process.run(python(source), ENVIRONMENT, timeout_s=1)
    assert finished.failure is not None
    assert "hung" in finished.failure
    wait_until_gone(int(finished.printed[0]))


def test_a_side_ends_when_the_benchmark_is_killed(tmp_path: Path) -> None:
    source = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    kept = [sys.executable, "-I", "-S", launcher.__file__, str(tmp_path / "result"), *python(source)]
    with subprocess.Popen(kept, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owned:
        assert owned.stdin is not None
        assert owned.stdout is not None
        pid = int(owned.stdout.readline())
        owned.stdin.close()  # what the system does with the pipe of a process that is killed
        assert owned.wait(10) == 0
    wait_until_gone(pid)


def test_a_command_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(process.LaunchError, match="could not be started") as caught:
        process.run([str(tmp_path / "nothing")], ENVIRONMENT, timeout_s=30)
    assert "FileNotFoundError" in caught.value.why


def test_a_side_that_is_killed_shows_the_signal() -> None:
    source = f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})"
    assert process.run(python(source), ENVIRONMENT, timeout_s=30).failure == "ended by signal 9"


def test_a_running_process_can_be_watched_and_killed_with_its_children() -> None:
    source = (
        "import subprocess, sys, time\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True)\n"
        "time.sleep(600)"
    )
    with process.running(python(source), ENVIRONMENT) as running:
        while not running.printed:
            assert not running.has_ended()
            time.sleep(0.02)
        running.kill()
        assert running.has_ended()
        wait_until_gone(int(running.printed[0]))
        assert running.finish().failure == "ended by signal 9"


def test_an_error_inside_the_context_ends_the_process() -> None:
    source = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    seen: list[int] = []

    def stop_in_the_middle() -> None:
        with process.running(python(source), ENVIRONMENT) as running:
            while not running.printed:
                time.sleep(0.02)
            seen.append(int(running.printed[0]))
            raise KeyError

    with pytest.raises(KeyError):
        stop_in_the_middle()
    wait_until_gone(seen[0])
