"""Audit: the plain recount of the input, compared with outputs and state."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from metrics.frames.core.state import State
from metrics.frames.records import OfWindow, Record
from metrics.frames.sizes import SECOND, SIZES, Size
from metrics.frames.verify.recount import conservation
from metrics.frames.verify.recount.comparison import Comparison
from metrics.frames.verify.recount.findings import Findings
from metrics.frames.verify.recount.judge import Judged
from metrics.frames.verify.recount.rejected import RejectedRecords
from metrics.frames.verify.recount.windows import Recount, Window
from metrics.time.moments import ALL_TIME, Range, rfc3339


class Outputs(NamedTuple):
    """Records of the windows of one size.

    Attributes:
        in_order: records in the order of their windows.
        strays: the others, by the start of their window.
    """

    in_order: Iterator[Record]
    strays: Mapping[int, list[OfWindow]]


def audit(
    state: State,
    partitions: Sequence[Iterator[Judged]],
    outputs: Mapping[Size, Outputs],
    rejected: RejectedRecords,
    findings: Findings,
    *,
    asked: Range = ALL_TIME,
    whole_from: int = 0,
    gap_limit_s: int,
    is_complete: bool = True,
    is_settled: bool = True,
) -> list[conservation.Row]:
    """Walk through input and outputs side by side, and note the differences.

    Args:
        partitions: the judged frames of each partition, from the first up to the state's position.
        outputs: the records of windows of each size.
        asked: the windows to compare.
        whole_from: the second from which the input has all frames; earlier windows are not compared.
        is_complete: whether the input still has its first frames.
        is_settled: whether state and outputs are from the same moment; if not, there may be newer records.

    Returns:
        The terms of the conservation law by the state and by the recount; none unless everything was recounted.
    """
    within = Range(max(asked.start, whole_from), asked.end)
    comparisons = {
        size: Comparison(
            size,
            _noted(outputs[size].in_order, asked, findings),
            outputs[size].strays,
            state.series[size.size_s],
            Range(max(within.start, state.added_from(size)), within.end),
            findings,
            gap_limit_s=gap_limit_s,
            is_settled=is_settled,
            may_be_short=rejected.may_be_short(),
        )
        for size in SIZES
    }
    recount = Recount()
    _compare(recount.windows(map(rejected.expecting, partitions), state.rules.lateness_s), comparisons, within)
    findings.why_not_compared = _why_not_compared(state, asked, within, findings)
    conservation.check_law(state, findings)
    if not is_complete or asked != ALL_TIME:
        return []
    return _summed_up(state, recount, comparisons, rejected, findings)


def _summed_up(
    state: State,
    recount: Recount,
    comparisons: Mapping[Size, Comparison],
    rejected: RejectedRecords,
    findings: Findings,
) -> list[conservation.Row]:
    """Check the totals of the whole input, and return the terms of the conservation law."""
    terms = conservation.terms(state, recount, comparisons[SECOND], findings.late_by_early_closing)
    conservation.check_terms(terms, findings)
    conservation.check_rejected(rejected, findings)
    for size, comparison in comparisons.items():
        conservation.check_totals(size.name, state.series[size.size_s], comparison.averages, findings)
    return terms


def _compare(windows: Iterator[Window], comparisons: Mapping[Size, Comparison], within: Range) -> None:
    """Compare the windows in a range, each with its size's records."""
    for window in windows:
        if window.end > within.end:
            break  # they are ordered by their ends
        comparisons[window.size].expect(window)
    for comparison in comparisons.values():
        comparison.finish()


def _noted(records: Iterator[Record], asked: Range, findings: Findings) -> Iterator[Record]:
    """Yield records, and count those in the requested range."""
    for record in records:
        if asked.holds(record.start, record.size.size_s):
            findings.published[record.size] += 1
        yield record


def _why_not_compared(state: State, asked: Range, within: Range, findings: Findings) -> str:
    """Return why no window was compared; empty if some were, or if none is published and none has to be.

    If the input no longer determines the windows to be published, empty outputs may lack some.
    """
    if findings.compared.total():
        return ""
    if asked.start < within.start and asked.start < state.closed_through:
        return f"the input no longer determines the windows before {rfc3339(within.start)}"
    if findings.published.total():
        return "the job commits too often for a consistent snapshot"
    return ""
