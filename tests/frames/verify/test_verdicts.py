"""What a verification comes to: windows that agree, that differ, that could not be compared, or none to compare."""

from metrics.frames.sizes import MINUTE, SECOND
from metrics.frames.verify.recount.findings import Kind, Verdict
from metrics.time.moments import Range
from tests.frames.core.simulation import Run
from tests.frames.verify.audited import audited
from tests.reference import Sent

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute


def ten_seconds(*, is_ended: bool = True) -> Run:
    """Return a run over a frame a second from T to T + 9; all is published, or the four seconds passed by then."""
    run = Run({0: [Sent(T + second, "ab"[second % 2]) for second in range(10)]}, lambda: False)
    run.batch(0, 10)
    if is_ended:
        run.end()
    run.commit()
    return run


def test_windows_that_were_compared_agree() -> None:
    findings = audited(ten_seconds())
    assert (findings.verdict, findings.agrees) == (Verdict.AGREES, True)
    assert findings.published == {SECOND: 10, MINUTE: 1}


def test_if_the_input_is_complete_only_after_all_published_windows_none_could_be_compared() -> None:
    findings = audited(ten_seconds(), whole_from=T + 60)
    assert (findings.verdict, findings.agrees) == (Verdict.NOT_COMPARED, False)
    assert findings.why_not_compared == "the input no longer determines the windows before 2016-07-11T13:40:00Z"
    assert findings.published == {SECOND: 10, MINUTE: 1}
    assert findings.counts == {}


def test_if_the_input_is_gone_empty_outputs_are_not_accepted() -> None:
    run = ten_seconds()
    assert audited(run, [], whole_from=T + 60).verdict is Verdict.NOT_COMPARED
    assert audited(run, []).verdict is Verdict.DIFFERS


def test_if_the_input_is_complete_from_the_middle_on_the_rest_is_compared() -> None:
    findings = audited(ten_seconds(), whole_from=T + 5)
    assert (findings.verdict, findings.compared[SECOND]) == (Verdict.AGREES, 5)


def test_before_anything_is_published_there_is_nothing_to_compare() -> None:
    run = Run({0: [Sent(T, "a")]}, lambda: False)
    run.batch(0, 1)
    run.commit()
    findings = audited(run)
    assert (findings.verdict, findings.agrees) == (Verdict.NOTHING_TO_COMPARE, True)


def test_in_a_range_without_windows_there_is_nothing_to_compare() -> None:
    later = Range(T + 60, T + 120)
    assert audited(ten_seconds(), asked=later).verdict is Verdict.NOTHING_TO_COMPARE
    assert audited(ten_seconds(), asked=later, whole_from=T + 70).verdict is Verdict.NOTHING_TO_COMPARE


def test_a_range_counts_only_the_windows_published_in_it() -> None:
    findings = audited(ten_seconds(), asked=Range(T + 2, T + 5), whole_from=T + 60)
    assert findings.verdict is Verdict.NOT_COMPARED
    assert findings.published == {SECOND: 3}


def test_windows_that_are_all_newer_than_the_state_could_not_be_compared() -> None:
    run = ten_seconds(is_ended=False)
    assert len(run.kept) == 4
    run.kept = run.kept[3:]
    findings = audited(run, asked=Range(T + 4, T + 60), is_settled=False)
    assert findings.verdict is Verdict.NOTHING_TO_COMPARE
    newer = [run.kept[0]._replace(start=T + 4)]
    findings = audited(run, newer, asked=Range(T + 4, T + 60), is_settled=False)
    assert findings.verdict is Verdict.NOT_COMPARED
    assert "commits too often for a consistent snapshot" in findings.why_not_compared


def test_a_contradiction_outweighs_windows_that_could_not_be_compared() -> None:
    findings = audited(ten_seconds(), whole_from=T + 60)
    findings.add(Kind.UNREADABLE, "second")
    assert findings.verdict is Verdict.DIFFERS
