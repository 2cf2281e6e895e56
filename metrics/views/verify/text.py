"""Output of `views verify`, as text and as JSON."""

from decimal import Decimal
from typing import Any

import orjson

from metrics.terminal.console import say, warn
from metrics.terminal.tables import cell, new_table, say_table
from metrics.time.moments import LAST_SECOND, rfc3339
from metrics.views.verify.findings import Compared, Verdict
from metrics.views.verify.matching import Difference, Row
from metrics.views.verify.run import Verification
from metrics.views.verify.tables import ComparedTable
from metrics.wording.text import numbered

_WORDS = {
    Verdict.AGREES: ("the tables agree with the topic", "green"),
    Verdict.PARTLY: ("what could be compared agrees", "yellow"),
    Verdict.DIFFERS: ("the tables differ from the topic", "red"),
    Verdict.NOTHING: ("nothing to compare: no event is counted yet", ""),
}


def show(verification: Verification) -> None:
    """Print what was compared, the first differences of each table, and the verdict."""
    findings, snapshot = verification.findings, verification.snapshot
    compared = new_table("table", "rows", "differences", texts=("table",))
    for found in findings.compared.values():
        compared.add_row(found.table.name, f"{found.rows:,}", f"{found.differences:,}")
    say_table(compared)
    if findings.differences:
        _show_differences(list(findings.compared.values()))
    for remark in findings.remarks:
        warn(remark)
    if not findings.is_whole:
        warn("compared were the ids and errors of the records that are left, and sums between the tables")
    if snapshot.since:
        say(f"minutes are kept, and were compared, from {_time(snapshot.since)}")
    say(f"counted {numbered(findings.records, 'record')} of {snapshot.topic} again")
    words, style = _WORDS[findings.verdict]
    say(words, style=style)


def _show_differences(compared: list[Compared]) -> None:
    table = new_table("table", "row", "recount", "stored", texts=("table", "row", "recount", "stored"))
    for found in compared:
        for kept in found.kept:
            table.add_row(
                found.table.name,
                _words(found.table.keys, kept.key),
                _side(found.table, kept, kept.recount),
                _side(found.table, kept, kept.stored),
            )
    if table.rows:
        say("")
        say_table(table)
    for found in compared:
        if left_out := found.differences - len(found.kept):
            say(f"and {numbered(left_out, 'more difference')} in {found.table.name}")
    say("")


def _side(table: ComparedTable, difference: Difference, values: Row | None) -> str:
    """Return the columns of a row that differ; `-` for a row that does not exist."""
    if values is None:
        return "-"
    if difference.recount is None or difference.stored is None or not table.columns:
        return _words(table.columns, values) or "a row"
    pairs = zip(table.columns, values, difference.recount, difference.stored, strict=True)
    return ", ".join(_word(name, value) for name, value, ours, theirs in pairs if ours != theirs)


def _words(names: tuple[str, ...], values: Row) -> str:
    return ", ".join(map(_word, names, values))


def _word(name: str, value: Any) -> str:
    if name == "start_at":
        return _time(value)
    if name == "reasons":
        return cell("; ".join(value))
    return f"{name} {_field(name, value)[1]}"


def as_json(verification: Verification) -> bytes:
    """Return the findings as JSON; ids are text, since JavaScript rounds numbers above 2^53."""
    findings, snapshot = verification.findings, verification.snapshot
    fields = {
        "agrees": not findings.differences,
        "verdict": findings.verdict.value,
        "topic": snapshot.topic,
        "offsets": {str(number): end for number, end in sorted(snapshot.ends.items())},
        "records": findings.records,
        "minutes_since": _time(snapshot.since) if snapshot.since else None,
        "tables": [
            {
                "table": found.table.name,
                "rows": found.rows,
                "differences": found.differences,
                "first": [_fields(found.table, kept) for kept in found.kept],
            }
            for found in findings.compared.values()
        ],
        "remarks": findings.remarks,
    }
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2)


def _fields(table: ComparedTable, difference: Difference) -> dict[str, Any]:
    sides = {"recount": difference.recount, "stored": difference.stored}
    return {
        "row": dict(map(_field, table.keys, difference.key)),
        **{side: None if row is None else dict(map(_field, table.columns, row)) for side, row in sides.items()},
    }


def _field(name: str, value: Any) -> tuple[str, Any]:
    if name == "start_at":
        return name, _time(value)
    if name == "reasons":
        return name, list(value)
    if name == "sum_sq":
        return name, f"{Decimal(value):f}"  # may be above 2^63
    return name, str(value) if name.endswith("_id") else value


def _time(second: int) -> str:
    return rfc3339(second) if 0 <= second <= LAST_SECOND else str(second)
