"""A load in words."""

from collections.abc import Iterator

from metrics.catalogue.load.loads import EXAMPLES, OUTCOMES, Load, Remark
from metrics.catalogue.load.run import Outcome
from metrics.wording.text import numbered, pace


def describe(outcome: Outcome, *, is_dry_run: bool) -> Iterator[str]:
    """Yield lines about the outcome of a load."""
    load = outcome.load
    if outcome.same_as is not None:
        yield f"{load.model}: nothing to do, load {load.id} was of the same bytes (--again loads them again)"
        return
    name = "dry run" if is_dry_run else f"load {load.id}"
    yield f"{load.model}: {name} of {load.source} is {'done, and rolled back' if is_dry_run else 'done'}"
    yield from _took(load)
    yield sums(load)
    if load.is_snapshot or load.gone or load.returned:
        yield f"gone {load.gone:,}, returned {load.returned:,}"
    if load.rejected:
        yield _describe_rejected(outcome, is_dry_run=is_dry_run)
    yield from (f"rejected: {example}" for example in outcome.rejections.examples)
    for remark in load.remarks:
        yield f"remark: {describe_remark(remark, 1)}"


def describe_remark(remark: Remark, examples: int = EXAMPLES) -> str:
    """Return a remark with its first examples; a single record is named instead of counted."""
    shown = "; ".join(remark.examples[:examples])
    return f"{remark.rule}: {shown if remark.number == 1 else f'{remark.number:,}, such as {shown}'}"


def sums(load: Load) -> str:
    """Return the sums of a load, each record once."""
    parts = (f"{getattr(load, name):,} {name}" for name in OUTCOMES)
    return f"read {load.read:,} = {' + '.join(parts)}"


def _took(load: Load) -> Iterator[str]:
    if load.started_at is not None and load.finished_at is not None:
        yield pace(load.read, "record", (load.finished_at - load.started_at).total_seconds())


def _describe_rejected(outcome: Outcome, *, is_dry_run: bool) -> str:
    reasons = ", ".join(f"{reason} {number:,}" for reason, number in sorted(outcome.rejections.by_reason.items()))
    see = "" if is_dry_run else f"; see them: python app.py catalogue rejected --load {outcome.load.id}"
    return f"rejected {numbered(outcome.load.rejected, 'record')}: {reasons}{see}"
