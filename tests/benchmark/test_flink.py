"""Flink beside this application: what is derived from the runs, and the page."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.flink.memory import UserMemory
from benchmark.flink.scaling import Cost, Scaling, missed
from benchmark.on_flink import Workers

PROJECT = Path(__file__).resolve().parents[2]
WORKERS = (Workers(20.0, 4.0), Workers(45.0, 14.0))
MEMORY = UserMemory([100_000, 500_000], [60_000_000, 220_000_000], [5_000_000, 33_000_000])


def cost(name: str, small_s: float, large_s: float, workers: tuple[Workers, Workers] | None = None) -> Cost:
    """Return the cost of 250,000 and of a million frames."""
    return Cost(name, (250_000, 1_000_000), (small_s, large_s), workers, 40.0, 50_000.0, 9.5, 600_000_000)


def scaling(flink_2: Cost, memory: UserMemory = MEMORY) -> Scaling:
    """Return findings of one round: 6 µs a frame here, 24 on Flink, and those of Flink at parallelism 2."""
    costs = [cost("ours", 2.0, 6.5), cost("flink", 40.0, 68.0, WORKERS), flink_2]
    return Scaling(costs=costs, window_us=[50.0], memory=memory, problems=[])


def test_a_frame_costs_what_more_frames_add_without_compiling_and_the_rest_is_start_and_stop() -> None:
    found = cost("flink", 40.0, 68.0, WORKERS)
    assert (found.frame_us, found.worker_us, found.start_s, found.compiling_s) == (24.0, 20.0, 30.0, 14.0)
    assert cost("ours", 2.0, 6.5).worker_us is None


def test_a_user_costs_what_more_users_add() -> None:
    assert (MEMORY.user_bytes, MEMORY.user_checkpoint_bytes) == (400.0, 70.0)


def test_targets_are_met_up_to_their_limits() -> None:
    assert missed(scaling(cost("flink_2", 36.0, 55.0))) == []  # 25.3 µs


@pytest.mark.parametrize(
    ("flink_2", "memory", "problem"),
    [
        (cost("flink_2", 36.0, 57.0), MEMORY, "17% more at parallelism 2, instead of 10%"),
        (
            cost("flink_2", 36.0, 54.0),
            UserMemory([0, 100], [0, 46_000], [0, 0]),
            "460 bytes a user in an open minute, instead of 450",
        ),
    ],
)
def test_a_missed_target_is_named(flink_2: Cost, memory: UserMemory, problem: str) -> None:
    assert missed(scaling(flink_2, memory)) == [problem]


def test_the_page_has_the_costs_and_what_many_cores_take(tmp_path: Path) -> None:
    scaling(cost("flink_2", 36.0, 54.75)).write(tmp_path, "Measured.")
    page = (tmp_path / "SCALING.md").read_text()
    assert "| `flink` | 24.0 | 20.0 | 30.0 | 14.0 | 25,000 | 50,000 | 9.50 | 600 |" in page
    assert "| 1,000 | 40,000,000 | 83,000 | 1,000 | 1,000 | 20,000 |" in page
    assert (
        "Below 4.2 cores of Flink, one process of this application counts faster (6.0 beside 25.0 µs a frame)." in page
    )
    assert "- all met" in page


@pytest.mark.flink
@pytest.mark.long
@pytest.mark.timeout(900)
def test_flink_counts_the_frames_of_the_benchmark_right_with_one_task_and_with_two(
    bootstrap_servers: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmark",
            "--frames",
            "5000",
            "--rounds",
            "1",
            "--only",
            "flink",
            "--only",
            "flink_2",
        ],
        cwd=PROJECT,
        # Settings of Flink must not reach the sides, which run with the defaults.
        env=os.environ
        | {"XDG_CACHE_HOME": str(tmp_path), "BOOTSTRAP_SERVERS": bootstrap_servers}
        | {"FLINK_URL": "http://127.0.0.1:1", "LATENESS_S": "0", "FLINK_TOPIC_SUFFIX": "x"},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("flink")]
    assert [(row[0], row[-1]) for row in rows] == [("flink", "right"), ("flink_2", "right")]
