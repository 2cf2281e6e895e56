"""One audit: what the input gives by the plain recount, held against outputs and state."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from metrics.frames.event_clock import MINUTE_S
from metrics.frames.frame import LAST_SECOND
from metrics.frames.state import State
from metrics.frames.windows import SECOND_S
from metrics.recount import conservation
from metrics.recount.comparison import Comparison, Range
from metrics.recount.findings import Findings
from metrics.recount.judging import Judged
from metrics.recount.published import OfWindow, Published
from metrics.recount.recount import Recount
from metrics.recount.rejected import RejectedRecords

ALL_TIME = Range(0, LAST_SECOND + 1 + MINUTE_S)


class Outputs(NamedTuple):
    """The records of windows of one size.

    Attributes:
        in_order: those in the order of their windows.
        strays: the others, by the start of their window.
    """

    in_order: Iterator[Published]
    strays: Mapping[int, list[OfWindow]]


def audit(
    state: State,
    partitions: Sequence[Iterator[Judged]],
    outputs: Mapping[int, Outputs],
    rejected: RejectedRecords,
    findings: Findings,
    *,
    within: Range = ALL_TIME,
    gap_limit_s: int,
    is_complete: bool = True,
    is_settled: bool = True,
) -> list[conservation.Row]:
    """Walk through input and outputs side by side, and note what differs.

    Args:
        partitions: the judged frames of each partition, from the first on, up to the state's position.
        outputs: the records of windows by size in seconds: 1 and 60.
        within: the windows to compare.
        is_complete: whether the input still holds its first frames.
        is_settled: whether the state is of the same moment as the outputs; otherwise these may hold newer records.

    Returns:
        The terms of the law of conservation by the state and by the recount; none where not all was recounted.
    """
    saved = {SECOND_S: state.seconds, MINUTE_S: state.minutes}
    comparisons = {
        size_s: Comparison(
            size_s,
            outputs[size_s].in_order,
            outputs[size_s].strays,
            saved[size_s],
            within,
            findings,
            gap_limit_s=gap_limit_s,
            is_settled=is_settled,
        )
        for size_s in saved
    }
    recount = Recount()
    for window in recount.windows(partitions, state.rules.lateness_s):
        if window.end > within.end:
            break  # they come in the order of their ends
        comparisons[window.size_s].expect(window)
    for comparison in comparisons.values():
        comparison.finish()
    conservation.check_law(state, findings)
    if not is_complete or within != ALL_TIME:
        return []
    terms = conservation.terms(state, recount, findings.late_by_early_closing)
    conservation.check_terms(terms, findings)
    conservation.check_rejected(recount, rejected, findings)
    for size_s, comparison in comparisons.items():
        conservation.check_totals(comparison.of, saved[size_s], comparison.averages, findings)
    return terms
