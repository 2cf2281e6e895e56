"""Report of a side on its own run."""

import pytest

from benchmark import contract
from benchmark.process import reports
from benchmark.rounds import SideReport


def test_a_peer_reports_its_first_and_last_frame_since_its_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(contract.STARTED, "100.0")
    contract.report(2_000, first_at_s=101.0, last_at_s=105.0)
    [report] = reports(["a line of a library", capsys.readouterr().out], SideReport)
    assert report == SideReport(2_000, 1.0, 5.0)
    assert report.steady_rate == 500


def test_without_a_report_nothing_is_guessed() -> None:
    assert reports(["Killed"], SideReport) == []


def test_a_task_is_passed_through_the_environment() -> None:
    task = contract.Task("host:1", "in", "s", "m", "c", "group", 5, "/tmp/folder")
    assert contract.Task.load(task.variables()) == task
