"""What `verify` prints, and what machines read of it, by findings made by hand."""

import io
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from rich.console import Console

from metrics.frames.sizes import MINUTE, SECOND
from metrics.frames.verify import text
from metrics.frames.verify.recount.findings import Findings, Kind
from metrics.terminal import console
from metrics.time.moments import ALL_TIME, Range

T = 1468244340  # 2016-07-11T13:39:00Z


def verification(findings: Findings, asked: Range = ALL_TIME) -> Any:
    return SimpleNamespace(findings=findings, asked=asked, within=asked, terms=[], republished=None)


NOT_CLOSED = "not yet closed: 0 one-second windows and 0 one-minute windows"


def shown(findings: Findings, capfd: pytest.CaptureFixture[str], asked: Range = ALL_TIME) -> list[str]:
    """Return the lines that people see below the table."""
    text.show(verification(findings, asked))
    _, _, lines = f"\n{capfd.readouterr().out}".rpartition("\ncompared ")
    return lines.splitlines()


def read(findings: Findings) -> dict[str, Any]:
    return dict(orjson.loads(text.as_json(verification(findings))))


def compared() -> Findings:
    """Return the findings of ten seconds and a minute that agree."""
    findings = Findings()
    findings.compared.update({SECOND: 10, MINUTE: 1})
    return findings


def test_seconds_that_were_closed_early_are_not_said_to_have_been_closed_by_idle_time(
    capfd: pytest.CaptureFixture[str],
) -> None:
    findings = compared()
    findings.add(Kind.CLOSED_EARLY, "second", T + 10, recount="3 frames", published="1 frame")
    findings.late_by_early_closing = 2
    assert shown(findings, capfd) == [
        f"10 one-second windows and 1 one-minute window; {NOT_CLOSED}",
        "closed early: 1 second; 2 frames arrived afterwards; the log proves neither value",
        "the outputs agree with the input",
    ]
    fields = read(findings)
    assert fields["agrees"]
    assert fields["counts"] == {"closed early": 1}
    assert fields["late_by_early_closing"] == 2
    assert "idle" not in str(fields)
    assert fields["verdict"] == "agrees"


def test_outputs_that_could_not_be_compared_are_not_said_to_agree(capfd: pytest.CaptureFixture[str]) -> None:
    findings = Findings()
    findings.published.update({SECOND: 2, MINUTE: 1})
    findings.why_not_compared = "the input no longer determines the windows before 2016-07-11T13:40:00Z"
    assert shown(findings, capfd) == [
        f"0 one-second windows and 0 one-minute windows; {NOT_CLOSED}",
        (
            "no window could be compared (published: 2 one-second windows and 1 one-minute window): "
            "the input no longer determines the windows before 2016-07-11T13:40:00Z"
        ),
    ]
    fields = read(findings)
    assert (fields["verdict"], fields["agrees"]) == ("not compared", False)
    assert fields["why_not_compared"] == findings.why_not_compared
    assert fields["published"] == {"seconds": 2, "minutes": 1}


def test_outputs_that_hold_nothing_yet_are_said_to_need_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    said = "and none has to be"
    assert shown(Findings(), capfd)[-1] == f"nothing to compare: no window is published yet, {said}"
    assert (
        shown(Findings(), capfd, Range(T, T + 60))[-1]
        == f"nothing to compare: no window is published in the range, {said}"
    )
    fields = read(Findings())
    assert (fields["verdict"], fields["agrees"], fields["why_not_compared"]) == ("nothing to compare", True, None)


def test_a_difference_is_a_verdict_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    findings = compared()
    findings.add(Kind.MISSING, "second", T, recount="1 frame")
    assert shown(findings, capfd)[-1] == "the outputs differ from the input: missing 1"
    assert read(findings)["verdict"] == "differs"


@pytest.mark.parametrize(("kind", "color"), [(None, "32"), (Kind.MISSING, "31")])
def test_on_a_terminal_agreement_is_green_and_differences_are_red(
    kind: Kind | None, color: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=file, force_terminal=True, color_system="standard", width=120))
    findings = compared()
    if kind is not None:
        findings.add(kind, "second", T, recount="1 frame")
    text.show(verification(findings))
    assert file.getvalue().splitlines()[-1].startswith(f"\x1b[{color}mthe outputs ")
