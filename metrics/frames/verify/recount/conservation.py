"""The conservation law, in the state and against the recount: every frame has exactly one outcome."""

from typing import NamedTuple

from metrics.frames.core.state import State, Tally
from metrics.frames.core.windows import Series
from metrics.frames.verify.recount.comparison import Averages
from metrics.frames.verify.recount.findings import Findings, Kind
from metrics.frames.verify.recount.judge import Outcome
from metrics.frames.verify.recount.rejected import RejectedRecords
from metrics.frames.verify.recount.windows import Recount
from metrics.text import numbered


class Row(NamedTuple):
    """Term of the law, by the state and by the recount."""

    name: str
    state: int
    recount: int


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


def terms(state: State, recount: Recount, late_by_early_closing: int) -> list[Row]:
    """Return the terms of the law; a frame that arrived after its second was closed early is late."""
    tally, outcomes = Tally(), recount.outcomes
    for partition in state.partitions.values():
        tally.add(partition.tally)
    return [
        Row("consumed", tally.consumed, outcomes.total()),
        Row("counted", tally.counted, outcomes[Outcome.COUNTED] - late_by_early_closing),
        Row("late", tally.late, outcomes[Outcome.LATE_IN_MINUTE] + outcomes[Outcome.LATE] + late_by_early_closing),
        Row("late_in_minute", tally.late_in_minute, outcomes[Outcome.LATE_IN_MINUTE] + late_by_early_closing),
        Row("invalid", tally.invalid, outcomes[Outcome.INVALID]),
        Row("future", tally.future, outcomes[Outcome.FUTURE]),
        Row("held", tally.held, outcomes[Outcome.HELD]),
    ]


def check_terms(rows: list[Row], findings: Findings) -> None:
    """Check that the state agrees with the recount of the whole input."""
    for name, state, recount in rows:
        if state != recount:
            findings.add(
                Kind.CONSERVATION, name, recount=numbered(recount, "frame"), published=numbered(state, "frame")
            )


def check_rejected(recount: Recount, held: RejectedRecords, findings: Findings) -> None:
    """Check that the dead letter topic contains exactly the frames that the recount rejects."""
    for place in sorted({*recount.rejected, *held.records}):
        partition, reason = place
        expected, found = recount.rejected[place], held.records[place]
        if expected != found or recount.rejected_offsets[place] != held.offsets[place]:
            findings.add(
                Kind.REJECTED,
                f"{reason}, partition {partition}",
                recount=numbered(expected, "frame"),
                published=numbered(found, "frame"),
                note="" if expected != found else "the same number, but other frames",
            )


def check_totals(of: str, saved: Series, averages: Averages, findings: Findings) -> None:
    """Check that the published totals agree with the state; only for outputs read from first to last."""
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
