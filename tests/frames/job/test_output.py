"""The main job whose standard output fails: it ends as if stopped, and loses nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from metrics.frames.producer import generator
from tests.kafka.application import PROJECT, TIMEOUT_S, Application, timeline
from tests.reference import count_all

NOTHING_LOST = "hint: nothing is lost: what was counted is committed, and the next run resumes from there\n"
FULL = "error: standard output cannot be written\nwhy: No space left on device\nhint: make room, or send it elsewhere\n"


@pytest.mark.parametrize(
    ("output", "exit_code", "said"),
    [
        ("| head -5", 141, "error: standard output was closed by its reader\n" + NOTHING_LOST),
        ("2>&1 | head -5", 141, ""),
        ("| true", 141, ""),
        ("> /dev/full", 3, FULL),
    ],
)
def test_a_job_whose_output_fails_ends_cleanly_and_the_next_one_resumes(
    application: Application, tmp_path: Path, output: str, exit_code: int, said: str
) -> None:
    frames = list(generator.frames(count=20_000, rate=100, users=300, seed=7))
    application.prepare(tmp_path, frames)
    job = subprocess.run(
        ["bash", "-c", f"{sys.executable} {PROJECT}/app.py --verbose {output}\nexit ${{PIPESTATUS[0]}}"],
        env=application.environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (job.returncode, job.stderr) == (exit_code, said)
    assert len(job.stdout.splitlines()) == (5 if "head" in output else 0)

    application.run("--until-end")
    answer = count_all({0: timeline(frames)}, lateness_s=5, gap_limit_s=3600)
    assert application.seconds() == answer.seconds
    assert application.minutes() == answer.minutes
