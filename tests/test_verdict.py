"""What `verify` prints, and what machines read of it, by findings made by hand."""

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from metrics import verdict
from metrics.recount.audit import ALL_TIME
from metrics.recount.findings import Findings, Kind

T = 1468244340  # 2016-07-11T13:39:00Z


def verification(findings: Findings) -> Any:
    return SimpleNamespace(findings=findings, within=ALL_TIME, terms=[], republished=None)


def shown(findings: Findings, capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines that people see below the table."""
    verdict.show(verification(findings))
    _, _, lines = capfd.readouterr().out.rpartition("compared ")
    return lines.splitlines()


def read(findings: Findings) -> dict[str, Any]:
    return dict(orjson.loads(verdict.as_json(verification(findings))))


def compared() -> Findings:
    """Return the findings of ten seconds and a minute that agree."""
    findings = Findings()
    findings.compared.update({1: 10, 60: 1})
    return findings


def test_seconds_that_were_closed_early_are_not_said_to_have_been_closed_by_idle_time(
    capfd: pytest.CaptureFixture[str],
) -> None:
    findings = compared()
    findings.add(Kind.CLOSED_EARLY, "second", T + 10, recount="3 frames", published="1 frame")
    findings.late_by_early_closing = 2
    assert shown(findings, capfd) == [
        "10 seconds and 1 minute; not closed yet: 0 seconds and 0 minutes",
        "closed early: 1 second, and 2 frames came after that; the log proves neither value",
        "the outputs agree with the input",
    ]
    fields = read(findings)
    assert fields["agrees"]
    assert fields["counts"] == {"closed early": 1}
    assert fields["late_by_early_closing"] == 2
    assert "idle" not in str(fields)
