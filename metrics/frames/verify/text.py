"""Output of `verify`, as text and as JSON."""

from collections import Counter
from typing import Any, Protocol

import orjson
from rich import box
from rich.table import Table

from metrics.frames.sizes import SIZES, Size
from metrics.frames.verify.recount.conservation import Row
from metrics.frames.verify.recount.findings import Difference, Findings, Kind, Verdict
from metrics.frames.verify.recount.republished import Republished
from metrics.terminal.console import say, warn
from metrics.terminal.tables import say_table
from metrics.time.moments import ALL_TIME, Range, rfc3339
from metrics.wording.text import listed, numbered

_STYLES = {
    Verdict.AGREES: "green",
    Verdict.DIFFERS: "red",
    Verdict.NOT_COMPARED: "red",
    Verdict.NOTHING_TO_COMPARE: "",
}


class Verified(Protocol):
    """A verification, or a recount for Flink, after it has run; the attributes are those of `Verification`."""

    asked: Range
    findings: Findings
    terms: list[Row]
    republished: Republished | None

    @property
    def within(self) -> Range:
        """The windows that were compared."""
        ...


def show(verification: Verified) -> None:
    """Print the findings and the verdict; on a terminal, agreement is green and differences are red."""
    findings = verification.findings
    if findings.kept:
        say_table(_table(findings))
    if findings.left_out:
        say(f"and {numbered(findings.left_out, 'more difference')}")
    for remark in findings.remarks:
        warn(remark)
    say("\n".join(_lines(verification)))
    say(_verdict(verification), style=_STYLES[findings.verdict])


def _table(findings: Findings) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what", no_wrap=True)
    table.add_column("where", no_wrap=True)
    table.add_column("recount", overflow="fold")
    table.add_column("outputs", overflow="fold")
    for kept in findings.kept:
        outputs = "; ".join(part for part in (kept.published, kept.note) if part)
        table.add_row(kept.kind, _of(kept), kept.recount or "-", outputs or "-")
    return table


def _of(difference: Difference) -> str:
    if difference.window is None:
        return difference.of
    return f"{difference.of} {rfc3339(difference.window)}"


def _lines(verification: Verified) -> list[str]:
    findings = verification.findings
    lines = [f"compared {_windows(findings.compared)}; not yet closed: {_windows(findings.waiting)}"]
    if verification.republished is not None:
        lines.append(f"compared {numbered(verification.republished.compared, 'republished frame')}")
    if undecided := findings.counts[Kind.CLOSED_EARLY]:
        lines.append(
            f"closed early: {numbered(undecided, 'second' if len(SIZES) == 2 else 'window')}; "
            f"{numbered(findings.late_by_early_closing, 'frame')} arrived afterwards; the log proves neither value"
        )
    if verification.terms:
        consumed, *parts = verification.terms
        law = " + ".join(f"{part.name} {part.state:,}" for part in parts if part.name != "late_in_minute")
        lines.append(f"conservation: consumed {consumed.state:,} = {law}")
    return lines


def _windows(counts: Counter[Size]) -> str:
    return listed([numbered(counts[size], f"one-{size.name} window") for size in SIZES])


def _verdict(verification: Verified) -> str:
    findings = verification.findings
    match findings.verdict:
        case Verdict.AGREES:
            return "the outputs agree with the input"
        case Verdict.DIFFERS:
            counts = [f"{kind} {findings.counts[kind]:,}" for kind in Kind if findings.counts[kind]]
            return f"the outputs differ from the input: {', '.join(counts)}"
        case Verdict.NOT_COMPARED:
            return (
                f"no window could be compared (published: {_windows(findings.published)}): {findings.why_not_compared}"
            )
        case Verdict.NOTHING_TO_COMPARE:
            where = "yet" if verification.asked == ALL_TIME else "in the range"
            return f"nothing to compare: no window is published {where}, and none has to be"


def as_json(verification: Verified) -> bytes:
    """Return the findings as JSON."""
    findings, within = verification.findings, verification.within
    fields: dict[str, Any] = {
        "agrees": findings.agrees,
        "verdict": findings.verdict.value,
        "why_not_compared": findings.why_not_compared or None,
        "from": rfc3339(within.start),
        "to": None if within.end == ALL_TIME.end else rfc3339(within.end),
        "compared": {size.plural: findings.compared[size] for size in SIZES},
        "published": {size.plural: findings.published[size] for size in SIZES},
        "not_closed_yet": {size.plural: findings.waiting[size] for size in SIZES},
        "counts": {kind.value: count for kind, count in findings.counts.items() if count},
        "late_by_early_closing": findings.late_by_early_closing,
        "differences": [_fields(kept) for kept in findings.kept],
        "differences_left_out": findings.left_out,
        "republished": _republished(verification.republished),
        "conservation": [term._asdict() for term in verification.terms],
        "remarks": findings.remarks,
    }
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2)


def _republished(found: Republished | None) -> dict[str, Any] | None:
    if found is None:
        return None
    begins = {str(number): offset for number, offset in sorted(found.begins.items())}
    return {
        "compared": found.compared,
        "from_offsets": begins,
        "older": found.older,
        "timestamps_moved_in": found.moved,
        "undecided": found.undecided,
    }


def _fields(difference: Difference) -> dict[str, Any]:
    window = None if difference.window is None else rfc3339(difference.window)
    return difference._asdict() | {"kind": difference.kind.value, "window": window}
