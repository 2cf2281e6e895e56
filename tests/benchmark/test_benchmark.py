"""The benchmark on a real broker, as its user runs it, with the sides that need no environment of their own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmark.broker import TOPIC_PREFIX, Broker
from benchmark.frames import Recipe
from benchmark.rounds import Run, Runner
from benchmark.sides import Side
from benchmark.truth import Recount

PROJECT = Path(__file__).resolve().parents[2]
SIDES = [side for side in ("kcat", "consume", "ours", "ours_observed") if side != "kcat" or shutil.which("kcat")]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "benchmark", *arguments]


def environment(cache: Path, **variables: str) -> dict[str, str]:
    return os.environ | {"XDG_CACHE_HOME": str(cache)} | variables


def test_a_small_benchmark_is_right(bootstrap_servers: str, tmp_path: Path) -> None:
    only = [argument for side in SIDES for argument in ("--only", side)]
    started_s = time.monotonic()
    done = subprocess.run(
        command("--frames", "5000", "--rounds", "1", *only),
        cwd=PROJECT,
        # Settings of the application must not reach the side `ours`, which runs with the defaults.
        env=environment(tmp_path, BOOTSTRAP_SERVERS=bootstrap_servers, LATENESS_S="0", OUTPUT_STREAM="x"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.split()[0] in SIDES}
    assert {side: row[-1] for side, row in rows.items()} == {side: "-" if side == "kcat" else "right" for side in SIDES}
    for side in set(SIDES) - {"kcat"}:
        steady_rate, first_frame_s = rows[side][2:4]
        assert int(steady_rate.replace(",", "")) > 1_000
        assert 0 < float(first_frame_s) < 10
    assert time.monotonic() - started_s < 15


def test_ctrl_c_ends_the_running_side(bootstrap_servers: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        command("--frames", "1000", "--rounds", "1000", "--only", "ours"),
        cwd=PROJECT,
        env=environment(tmp_path, BOOTSTRAP_SERVERS=bootstrap_servers),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        try:
            while "round 1 " not in running.stdout.readline():
                assert running.poll() is None
            started: list[psutil.Process] = []
            while len(started) < 2:  # the launcher, and the side
                assert running.poll() is None
                started = psutil.Process(running.pid).children(recursive=True)
            running.send_signal(signal.SIGINT)
            _, errors = running.communicate(timeout=30)
        finally:
            running.kill()
    assert running.returncode == 130
    assert "stopped by Ctrl-C" in errors
    assert "Traceback" not in errors
    _, left = psutil.wait_procs(started, timeout=10)
    assert not left


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "kcat"], "the package kcat"),
        (["--only", "storm"], "there is no such side"),
        (["--frames", "5"], "greater than or equal to 1000"),
    ],
)
def test_invalid_options_are_refused_at_once(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = subprocess.run(
        command(*arguments),
        cwd=PROJECT,
        env=environment(tmp_path, PATH=str(tmp_path)),  # a PATH without kcat
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_failing_side_and_an_idle_side_are_reported(bootstrap_servers: str) -> None:
    frames = list(Recipe(count=12_000).frames())
    recount = Recount()
    for frame in frames:
        recount.add(frame)
    broker = Broker(bootstrap_servers, "the broker of the tests")
    topic = f"{TOPIC_PREFIX}test-{os.getpid()}"
    broker.create(topic)
    assert list(broker.load(topic, frames))[-1] == 12_000
    runner = Runner(broker, topic, recount.truth(), {None: Path(sys.executable)})

    def run(source: str) -> Run:
        side = Side("test", "a side of the tests", lambda _, python: [str(python), "-c", source], counts=True)
        return runner.run(side._replace(reads_all=True, copies=True), 1)

    failing = run("import sys; sys.exit('no luck')")
    assert (failing.failure, failing.last_errors, failing.problems) == ("exit code 1", "no luck", ())
    idle = run("pass")
    assert idle.failure is None
    assert idle.problems[:2] == [
        "an unknown number of frames read instead of 12,000",
        "0 frames copied instead of 12,000",
    ]
    assert "missing" in idle.problems[2]
    assert not failing.is_good
    assert not idle.is_good
    broker.delete(topic)
