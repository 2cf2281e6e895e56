"""The conservation law, in the state and against the recount: every frame has exactly one outcome."""

from typing import NamedTuple

from metrics.frames.core.state import State, Tally
from metrics.frames.core.windows import Series
from metrics.frames.verify.recount.comparison import Averages, Comparison
from metrics.frames.verify.recount.findings import Findings, Kind
from metrics.frames.verify.recount.judge import Outcome
from metrics.frames.verify.recount.rejected import RejectedRecords
from metrics.frames.verify.recount.windows import Recount
from metrics.wording.text import numbered


class Row(NamedTuple):
    """Term of the law, by the state and by the recount.

    Attributes:
        recount: None if unknown: after a reset, the state counts from a frame that it does not name.
    """

    name: str
    state: int
    recount: int | None


def check_law(state: State, findings: Findings) -> None:
    """Check the law in the state of each partition."""
    for number, partition in sorted(state.partitions.items()):
        if not partition.tally.is_conserved():
            findings.add(
                Kind.CONSERVATION,
                f"partition {number}",
                published=_law(partition.tally),
                note="the state violates the law",
            )


def terms(state: State, recount: Recount, seconds: Comparison, late_by_early_closing: int) -> list[Row]:
    """Return the terms of the law; a frame that arrived after its second was closed early is late.

    Args:
        seconds: the comparison of seconds, which is finished.
    """
    tally, outcomes = Tally(), recount.outcomes
    for partition in state.partitions.values():
        tally.add(partition.tally)
    late = outcomes[Outcome.LATE_IN_MINUTE] + outcomes[Outcome.LATE] + late_by_early_closing
    rows = [
        Row("consumed", tally.consumed, outcomes.total()),
        Row("counted", tally.counted, outcomes[Outcome.COUNTED] - late_by_early_closing),
        Row("late", tally.late, late),
        Row("late_in_minute", tally.late_in_minute, outcomes[Outcome.LATE_IN_MINUTE] + late_by_early_closing),
        Row("invalid", tally.invalid, outcomes[Outcome.INVALID]),
        Row("future", tally.future, outcomes[Outcome.FUTURE]),
        Row("held", tally.held, outcomes[Outcome.HELD]),
    ]
    if not state.counted_since:
        return rows
    known = {"counted": seconds.averages.total + seconds.open_frames}
    if not tally.lost and not any(at.moved_over.skipped_to for at in state.partitions.values()):
        known["held"] = outcomes[Outcome.HELD]
    return [*(row._replace(recount=known.get(row.name)) for row in rows), Row("lost", tally.lost, None)]


def check_terms(rows: list[Row], findings: Findings) -> None:
    """Check that the state agrees with the recount of the whole input."""
    for name, state, recount in rows:
        if recount is not None and state != recount:
            findings.add(
                Kind.CONSERVATION, name, recount=numbered(recount, "frame"), published=numbered(state, "frame")
            )


def check_rejected(rejected: RejectedRecords, findings: Findings) -> None:
    """Check that the dead letter topic contains exactly the frames that the recount rejects."""
    for partition, reason, expected, found in rejected.differences():
        findings.add(
            Kind.REJECTED,
            f"{reason}, partition {partition}",
            recount=numbered(expected, "frame"),
            published=numbered(found, "frame"),
            note="" if expected != found else "the same number, but other frames",
        )
    if rejected.unproved:
        findings.remarks.append(
            f"{numbered(rejected.unproved, 'dead letter')} of frames that were read again after a reset: the log does "
            "not prove that they were rejected again, nor that they were not"
        )


def check_totals(of: str, saved: Series, averages: Averages, findings: Findings) -> None:
    """Check that the published totals agree with the state; only for outputs read to the last."""
    pairs = {
        f"{of}s published": (averages.windows, saved.windows),
        f"sum over the {of}s": (averages.total, saved.total),
    }
    for name, (recount, state) in pairs.items():
        if recount != state:
            findings.add(Kind.TOTAL, name, recount=f"{recount:,}", published=f"{state:,} by the state")


def _law(tally: Tally) -> str:
    return (
        f"consumed {tally.consumed:,}, counted {tally.counted:,}, late {tally.late:,}, invalid {tally.invalid:,}, "
        f"future {tally.future:,}, held {tally.held:,}, lost {tally.lost:,}"
    )
