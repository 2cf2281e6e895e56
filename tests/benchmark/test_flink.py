"""Flink beside this application: what is derived from the runs, and the page."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.flink.memory import UserMemory
from benchmark.flink.scaling import Cost, Scaling, ScalingError, missed, warm_samples, window_us_of
from benchmark.frames import Made
from benchmark.on_flink import Course, Sample
from benchmark.truth import Truth

PROJECT = Path(__file__).resolve().parents[2]
MEMORY = UserMemory([100_000, 500_000], [60_000_000, 220_000_000], [5_000_000, 33_000_000])


def ours() -> Cost:
    """Return the cost of a million frames, 6 µs each."""
    return Cost("ours", 1_000_000, 6.0, None, 8.0, 125_000.0, 0.4, 170_000_000)


def flink(name: str, frame_us: float) -> Cost:
    """Return the cost of a million frames, of which the first half took more, and compiled most."""
    course = Course(
        [
            Sample(100_000, 30.0, 15.0, 6.0),
            Sample(500_000, 45.0, 30.0, 10.0),
            Sample(600_000, 50.0, 34.0, 13.0),
            Sample(1_000_000, 49.0 + frame_us / 2, 32.0 + frame_us / 2, 14.0),
        ]
    )
    warm = warm_samples(course, 1_000_000)
    return Cost(name, 1_000_000, 44.0 + frame_us, warm, 40.0, 50_000.0, 9.5, 600_000_000)


def scaling(flink_2_us: float, memory: UserMemory = MEMORY, flink_us: float = 24.0) -> Scaling:
    """Return findings of one round: 6 µs a frame here, 24 on Flink, and less with fewer checkpoints.

    Args:
        flink_2_us: of Flink at parallelism 2, with a checkpoint each second.
        flink_us: the same at parallelism 1.
    """
    fewer = [flink("flink_10s", 18.0), flink("flink_2_10s", 20.0)]
    costs = [ours(), flink("flink", flink_us), flink("flink_2", flink_2_us), *fewer]
    return Scaling(costs=costs, window_us=[50.0], memory=memory, problems=[])


def test_a_frame_costs_what_the_second_half_takes_without_compiling() -> None:
    found = flink("flink", 24.0)
    assert (found.frame_us, found.worker_us, found.start_s, found.compiling_s) == (24.0, 20.0, 30.0, 14.0)
    assert ours().frame_us == 6.0


def test_frames_that_are_counted_between_two_checkpoints_are_too_few() -> None:
    course = Course([Sample(100_000, 30.0, 15.0, 6.0), Sample(900_000, 45.0, 30.0, 10.0)])
    with pytest.raises(ScalingError, match="too few frames"):
        warm_samples(course, 1_000_000)


def test_a_second_costs_what_a_frame_with_a_second_of_its_own_takes_more() -> None:
    truth = Truth(1_000_000, size_bytes=0, newest=0, seconds=dict.fromkeys(range(800_000), 1), minutes={})
    made = Made(Path("frames"), truth)
    assert window_us_of(flink("flink", 64.0), made, flink("flink", 24.0)) == 50.0


def test_a_user_costs_what_more_users_add() -> None:
    assert (MEMORY.user_bytes, MEMORY.user_checkpoint_bytes) == (400.0, 70.0)


def test_targets_are_met_up_to_their_limits() -> None:
    assert missed(scaling(26.25)) == []


@pytest.mark.parametrize(
    ("flink_2_us", "memory", "problem"),
    [
        (28.0, MEMORY, "17% more at parallelism 2, instead of 10%"),
        (
            24.0,
            UserMemory([0, 100], [0, 46_000], [0, 0]),
            "460 bytes a user in an open minute, instead of 450",
        ),
    ],
)
def test_a_missed_target_is_named(flink_2_us: float, memory: UserMemory, problem: str) -> None:
    assert missed(scaling(flink_2_us, memory)) == [problem]


def test_the_target_of_a_frame_is_met_up_to_its_limit() -> None:
    assert missed(scaling(30.0, flink_us=30.0)) == []
    assert missed(scaling(31.0, flink_us=31.0)) == ["31.0 µs of CPU a frame at parallelism 1, instead of 30"]


def test_the_page_has_the_costs_and_what_many_cores_take(tmp_path: Path) -> None:
    scaling(25.0).write(tmp_path, "Measured.")
    page = (tmp_path / "SCALING.md").read_text()
    assert "| `flink` | 24.0 | 4.0 | 20.0 | 30.0 | 14.0 | 25,000 | 50,000 | 9.50 | 600 |" in page
    assert "| `flink_10s` | 18.0 | 3.0 | 14.0 |" in page
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
