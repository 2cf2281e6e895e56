"""The table at the end of a run."""

import pytest

from metrics.views.commands.report import JobReport, sum_up
from metrics.views.job.listener import JobCounts, JobFigures


def test_a_run_that_never_began_prints_no_zeros_for_all_runs(capsys: pytest.CaptureFixture[str]) -> None:
    job = JobReport()
    job.waiting("standby: another instance is active")
    sum_up(job)
    assert capsys.readouterr().out == "stopped without having counted\n"


def test_a_run_that_began_prints_its_figures_and_those_of_all_runs(capsys: pytest.CaptureFixture[str]) -> None:
    job = JobReport()
    job.begun(JobFigures(JobCounts(10, 8, 2, 0, 3), {}))
    job.committed(JobFigures(JobCounts(15, 12, 2, 1, 4), {0: 7}), 5, 0.1)
    sum_up(job)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows[1:] == [
        ["counted", "4", "12"],
        ["duplicates", "0", "2"],
        ["invalid", "1", "1"],
        ["users", "1", "4"],
        ["lag", "-", "7"],
    ]
