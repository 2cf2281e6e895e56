"""Recounted and published windows side by side: answers worked out by hand."""

from collections.abc import Sequence

from metrics.frames.core.windows import Series
from metrics.frames.records import OfWindow, Record, Strays, in_order, read_record
from metrics.frames.sizes import SECOND
from metrics.frames.verify.recount.comparison import Comparison
from metrics.frames.verify.recount.findings import Findings, Kind
from metrics.frames.verify.recount.windows import Window
from metrics.time.moments import ALL_TIME
from tests.frames.windows import second_record


def second(start: int, frames: int, average: float, gap_s: int = 0) -> Record:
    return second_record(start, frames, average, gap_s)


def compared(
    published: Sequence[OfWindow],
    expected: dict[int, int],
    *,
    closed: int,
    last: int,
    is_settled: bool = True,
    since: int = 0,
) -> Findings:
    """Compare seconds with what is expected of them: frames by start; gaps up to 3 s get rows."""
    findings, strays = Findings(), Strays()
    strays.look_through(published)
    saved = Series(last=last, closed_through=closed, since=since)
    comparison = Comparison(
        SECOND, in_order(published), strays.by_start, saved, ALL_TIME, findings, gap_limit_s=3, is_settled=is_settled
    )
    for start, frames in expected.items():
        comparison.expect(Window(SECOND, start, frames, frames))
    comparison.finish()
    return findings


def test_a_gap_has_zero_rows_and_a_longer_one_is_reported_instead() -> None:
    rows = [second(10, 2, 2.0), second(11, 0, 1.0), second(12, 4, 2.0), second(20, 2, 2.0, gap_s=7)]
    assert compared(rows, {10: 2, 12: 4, 20: 2}, closed=21, last=20).counts == {}


def test_a_second_in_the_gap_that_the_next_record_reports_was_closed_early_without_a_row() -> None:
    rows = [second(10, 2, 2.0), second(20, 2, 2.0, gap_s=9)]
    findings = compared(rows, {10: 2, 15: 1, 20: 2}, closed=21, last=20)
    assert findings.counts == {Kind.CLOSED_EARLY: 1}
    assert findings.agrees
    assert (findings.kept[0].window, findings.late_by_early_closing) == (15, 1)


def test_a_second_whose_row_has_disappeared_is_missing() -> None:
    rows = [second(10, 2, 2.0), second(12, 2, 2.0)]
    findings = compared(rows, {10: 2, 11: 2, 12: 2}, closed=13, last=12)
    assert [(kept.kind, kept.window) for kept in findings.kept] == [(Kind.MISSING, 11)]


def test_records_newer_than_the_state_are_too_many_only_if_the_job_is_not_committing() -> None:
    rows = [second(10, 2, 2.0), second(11, 2, 2.0)]
    assert compared(rows, {10: 2, 11: 2}, closed=11, last=10, is_settled=False).agrees
    assert compared(rows, {10: 2, 11: 2}, closed=11, last=10).counts == {Kind.TOO_MANY: 1}


def test_a_record_that_compaction_left_out_of_order_is_found() -> None:
    rows = [second(10, 2, 2.0), second(12, 2, 2.0), second(11, 2, 2.0)]
    assert compared(rows, {10: 2, 11: 2, 12: 2}, closed=13, last=12).agrees


def test_after_a_reset_averages_run_over_the_windows_since() -> None:
    rows = [second(10, 2, 2.0), second(11, 4, 3.0), second(12, 1, 1.0), second(13, 0, 0.5), second(14, 2, 1.0)]
    frames = {10: 2, 11: 4, 12: 1, 14: 2}
    assert compared(rows, frames, closed=15, last=14, since=12).counts == {}
    assert compared(rows, frames, closed=15, last=14).counts == {Kind.AVERAGE: 3}
    rows[4] = second(14, 2, 2.0)
    findings = compared(rows, frames, closed=15, last=14, since=12)
    assert [(kept.kind, kept.window) for kept in findings.kept] == [(Kind.AVERAGE, 14)]


def test_of_windows_that_a_reset_published_again_the_last_record_is_compared() -> None:
    rows = [second(10, 2, 2.0), second(11, 4, 3.0), second(12, 6, 4.0), second(11, 4, 4.0), second(12, 6, 5.0)]
    frames = {10: 2, 11: 4, 12: 6}
    assert compared(rows, frames, closed=13, last=12, since=11).counts == {Kind.DOUBLED: 2}
    rows[4] = second(12, 7, 5.5)
    assert compared(rows, frames, closed=13, last=12, since=11).counts == {Kind.DOUBLED: 2, Kind.DIFFERS: 1}


def test_what_was_published_before_a_reset_and_is_due_again_is_not_too_many() -> None:
    rows = [second(10, 2, 2.0), second(11, 4, 3.0), second(12, 6, 4.0)]
    findings = compared(rows, {10: 2, 11: 4, 12: 6}, closed=11, last=10, since=11)
    assert (findings.counts, findings.waiting) == ({}, {SECOND: 2})


def test_a_record_must_name_its_window_alike_in_key_and_value() -> None:
    value = b'{"timestamp":60,"datetime":"1970-01-01T00:01:00Z","end":61,"num_of_frames":1,"avg_num_of_frames":1.0}'
    assert read_record(SECOND, b"1970-01-01T00:01:00Z", value, "t/0 offset 7") == second(60, 1, 1.0)
    for key, changed in (
        (b"1970-01-01T00:01:01Z", value),
        (b"1970-01-01T00:01:00Z", value.replace(b'"end":61', b'"end":62')),
        (b"1970-01-01T00:01:00Z", value.replace(b'"timestamp":60', b'"timestamp":61')),
        (b"1970-01-01T00:01:00Z", b"{"),
        (None, value),
        (None, None),
    ):
        assert read_record(SECOND, key, changed, "t/0 offset 7") == ("t/0 offset 7",)
