"""Processes that harvest and are killed by SIGKILL: the next harvest finishes their runs."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.replay import replay
from metrics.harvest.simulator.faults import Cut, End, Faults
from metrics.harvest.simulator.server import Endpoint
from tests.harvest.listening.harvested import SMALL

Serve = Callable[..., Endpoint]
SEED = 17
SECONDS = 1.5
ROOT = Path(__file__).parents[3]


def command(endpoint: Endpoint, folder: Path, seconds: float) -> subprocess.Popen[str]:
    """Start a harvest as a user does, with its output in a pipe."""
    own = {"STREAM_ENDPOINT": endpoint.url, "STREAM_PASSWORD": endpoint.password, "HARVEST_DIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, "app.py", "harvest", "--seconds", str(seconds), "--name", "nobody"],
        cwd=ROOT,
        env={**os.environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill(process: subprocess.Popen[str], folder: Path, after_s: float) -> None:
    """Kill a harvest some time after its run began."""
    while not any(path.stat().st_size for path in folder.glob("raw/*/journal.jsonl")):
        assert process.poll() is None
        time.sleep(0.005)
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def replayed(folder: Path, beside: Path) -> bytes:
    """Return the CSV of a replay of a copy of a run's raw files."""
    copy = beside / folder.name
    shutil.copytree(folder, copy)
    csv = BytesIO()
    replay(copy, csv, beside)
    return csv.getvalue()


def test_the_next_harvest_finishes_a_run_that_was_killed_at_any_moment(
    serve_streams: Serve, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    moments, kills, left, with_events = random.Random(SEED), 20 if pytestconfig.getoption("--long") else 3, 0, 0
    faults = Faults(script=[Cut(5), End(7)] * 1_000, retry_ms=20)
    endpoint = serve_streams(**SMALL, faults={"sysney": faults})
    for number in range(kills):
        root = tmp_path / f"data-{number}"
        kill(command(endpoint, root, SECONDS), root, moments.uniform(0, SECONDS * 1.2))
        folders = Folders(root)
        raw = [*folders.raw.iterdir(), *folders.archive.iterdir()]
        assert len(raw) == 1
        left += raw[0].parent == folders.raw
        expected = replayed(raw[0], tmp_path)
        with_events += expected.count(b"\n") > 1
        is_unfinished = not folders.report_file(raw[0].name).exists()
        output, _ = (process := command(endpoint, root, 0.2)).communicate()
        assert process.returncode in (0, 9), output  # 9: on a busy machine, a stream that has not answered yet
        assert (f"run {raw[0].name} has no report (was it killed?)" in output) == is_unfinished
        (run,) = {path.name for path in folders.archive.iterdir()} - {raw[0].name}
        assert [*folders.raw.iterdir()] == []
        assert folders.processed_file(raw[0].name).read_bytes() == expected
        assert replayed(folders.archive_run(raw[0].name), tmp_path / "again") == expected
        assert {path.stem for path in folders.report.iterdir()} == {
            f"{kind}_{name}" for kind in ("exec_report", "report") for name in (raw[0].name, run)
        }
    print(f"{kills} kills: {left} while listening or before the archive, {with_events} with events")
    assert left >= kills // 2
    assert with_events >= kills // 2
