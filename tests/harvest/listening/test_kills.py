"""Processes that harvest and are killed by SIGKILL: the next harvest finishes their runs."""

import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.replay import replay
from metrics.harvest.simulator.faults import Cut, End, Faults
from metrics.harvest.simulator.server import Endpoint
from tests.harvest.listening.harvested import SMALL, harvest

Serve = Callable[..., Endpoint]
SEED = 17
SECONDS = 1.5
HARVEST = """
    import sys, threading
    from metrics.harvest.listening.run import Rule, run_harvest
    from metrics.harvest.settings import HarvestSettings

    url, password, folder, seconds = sys.argv[1:]
    settings = HarvestSettings(stream_endpoint=url, stream_password=password, harvest_dir=folder)
    run_harvest(settings, Rule(float(seconds), "nobody", 1), threading.Event(), lambda _: print(flush=True))
"""


def start(endpoint: Endpoint, folder: Path) -> subprocess.Popen[str]:
    """Start a process that harvests; return it once its first progress is there."""
    command = [sys.executable, "-c", textwrap.dedent(HARVEST), endpoint.url, endpoint.password, str(folder)]
    process = subprocess.Popen([*command, str(SECONDS)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


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
        with start(endpoint, root) as process:
            time.sleep(moments.uniform(0, SECONDS * 1.2))
            process.send_signal(signal.SIGKILL)
        folders = Folders(root)
        raw = [*folders.raw.iterdir(), *folders.archive.iterdir()]
        assert len(raw) == 1
        left += raw[0].parent == folders.raw
        expected = replayed(raw[0], tmp_path)
        with_events += expected.count(b"\n") > 1
        run = harvest(endpoint, root, seconds=0.2).report.run
        assert [*folders.raw.iterdir()] == []
        assert {path.name for path in folders.archive.iterdir()} == {raw[0].name, run}
        assert folders.processed_file(raw[0].name).read_bytes() == expected
        assert replayed(folders.archive_run(raw[0].name), tmp_path / "again") == expected
        assert {path.stem for path in folders.report.iterdir()} == {
            f"{kind}_{name}" for kind in ("exec_report", "report") for name in (raw[0].name, run)
        }
    print(f"{kills} kills: {left} while listening or before the archive, {with_events} with events")
    assert left >= kills // 2
    assert with_events >= kills // 2
