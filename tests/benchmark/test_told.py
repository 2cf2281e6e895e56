"""What a side says of its own run."""

import pytest

from benchmark import contract
from benchmark.process import Finished, Line, Measured
from benchmark.told import Told, told


def finished(*lines: tuple[float, str]) -> Finished:
    measured = Measured(started_s=100.0, seconds=9.0, cpu_s=1.0, peak_rss_bytes=1, exit_code=0, has_timed_out=False)
    return Finished(measured, [Line(*line) for line in lines], "")


def test_a_peer_tells_its_first_and_last_frame_since_its_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(contract.STARTED, "100.0")
    contract.report(2_000, first_at_s=101.0, last_at_s=105.0)
    account = told(finished((101.5, "a line of a library"), (105.0, capsys.readouterr().out)))
    assert account == Told(2_000, 1.0, 5.0)
    assert account.steady_rate == 500


def test_who_tells_nothing_is_not_guessed_at() -> None:
    assert told(finished((101.0, "Killed"))) is None


def test_a_task_goes_through_the_environment() -> None:
    task = contract.Task("host:1", "in", "s", "m", "c", "group", 5, "/tmp/folder")
    assert contract.Task.load(task.variables()) == task
