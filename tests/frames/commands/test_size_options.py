"""The options that choose a window size: one for each row of the table of sizes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_app import PROJECT, run

T = 1468242000  # 2016-07-11T13:00:00Z, the start of an hour


def run_with_hours(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run the application whose table of sizes has an hour, too."""
    command = [sys.executable, "-m", "tests.frames.further_sizes", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)


def test_a_further_row_can_be_chosen_by_an_option_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "frames.jsonl"
    file.write_text("".join(f'{{"ts":{T + at},"uid":"{at}"}}\n' for at in (0, 60, 3_599, 3_600)))
    found = run_with_hours("count", file, "--hours")
    assert found.stdout == (
        '{"timestamp":1468242000,"datetime":"2016-07-11T13:00:00Z","end":1468245600,'
        '"unique_users":3,"avg_users_per_hour":3.0,"num_of_frames":3}\n'
        '{"timestamp":1468245600,"datetime":"2016-07-11T14:00:00Z","end":1468249200,'
        '"unique_users":1,"avg_users_per_hour":2.0,"num_of_frames":1}\n'
    )


@pytest.mark.parametrize("command", [["count", "x.jsonl"], ["results"]])
def test_two_sizes_contradict_each_other_whatever_the_table_contains(command: list[str]) -> None:
    found = run_with_hours(*command, "--seconds", "--hours")
    assert (found.returncode, found.stdout) == (2, "")
    assert "--seconds and --hours contradict each other" in found.stderr


@pytest.mark.parametrize("command", ["count", "results"])
def test_only_the_sizes_of_the_table_have_options(command: str) -> None:
    text = run(command, "--help", COLUMNS="200").stdout
    assert "--seconds" in text
    assert "--minutes" in text
    assert "--hours" not in text
    assert "Unique users per hour only." in run_with_hours("results", "--help").stdout
