"""The commands of the benchmark teach how they are used, and refuse what they cannot do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments],
        cwd=PROJECT,
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", ["growth", "latency", "restart"])
def test_help_has_an_example(name: str) -> None:
    assert f"pipenv run bench {name} --" in run(name, "--help").stdout


def test_an_unknown_dimension_is_refused_with_those_there_are() -> None:
    done = run("growth", "--only", "colour")
    assert done.returncode == 2
    assert "frames, uniques, partitions, size, rate, disorder, commit" in done.stderr
    assert "Traceback" not in done.stderr
