"""`flink verify`: compares Flink's topics with the application's, or with a recount of the input."""

from typing import Annotated

import msgspec
import typer

from metrics.cli.use_broker import use_broker
from metrics.frames.flink.comparison import ComparedSize, Mismatch, TopicComparison, WrittenRecord
from metrics.frames.flink.recount.run import opened
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.switch.handover import is_handed_over
from metrics.frames.verify import text
from metrics.terminal.console import note, say, say_lines, warn
from metrics.terminal.progress import bar
from metrics.terminal.tables import new_table, say_table
from metrics.time.moments import rfc3339
from metrics.wording.text import numbered


def verify(
    *,
    recount: Annotated[
        bool,
        typer.Option("--recount", help="Compare with a recount of the input instead of the application's topics."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare Flink's topics with the application's, byte for byte: exit code 0 if they are equal, 1 if not.

    It compares keys, values and timestamps of all records, in order. The exit code is also 1 if one side has published
    fewer windows: its job may still read, or only the other one has closed the last windows (--until-end). All records
    that both have may be equal then, and the output says so.

    With --recount, the application need not have counted. The frames that the job had read at its last checkpoint are
    counted again, and each window that they close must have exactly one record, with the right numbers, bytes and
    timestamp. They are judged by the rules of the SQL, so what Flink and the application count differently by design,
    such as frames after a wrong ts in history, does not show. For a group that is handed over, the windows since then
    are compared, in the application's topics.

    Example: `python app.py flink verify`
    """
    with use_broker(FlinkSettings, note) as settings:
        agrees = _recount(settings, as_json=as_json) if recount else _compare(settings, as_json=as_json)
    if not agrees:
        raise typer.Exit(1)


def _recount(settings: FlinkSettings, *, as_json: bool) -> bool:
    with opened(settings) as recount:
        with bar(f"recounting {settings.input_topic}", recount.frames) as move:
            recount.run(move)
        if as_json:
            say_lines(text.as_json(recount).decode().splitlines())
        else:
            text.show(recount)
    return recount.findings.agrees


def _compare(settings: FlinkSettings, *, as_json: bool) -> bool:
    if is_handed_over(settings):
        warn(
            f"the group {settings.consumer_group_id} is handed over: a job of Flink writes into the application's "
            "topics as well; to check that one: python app.py flink verify --recount"
        )
    comparison = TopicComparison(settings)
    with bar("comparing", comparison.offsets) as move:
        comparison.run(move)
    if as_json:
        say_lines([msgspec.json.encode({"agrees": comparison.agrees, "sizes": comparison.sizes}).decode()])
    else:
        _show(comparison)
    return comparison.agrees


def _show(comparison: TopicComparison) -> None:
    table = new_table("windows", "application", "flink", "equal", texts=("windows",))
    for found in comparison.sizes:
        table.add_row(found.size, f"{found.application:,}", f"{found.flink:,}", f"{found.equal:,}")
    say_table(table)
    for found in comparison.sizes:
        for line in _differences(found):
            say(line)
    if comparison.agrees:
        say("equal, byte for byte", style="green")
    elif all(found.first is None and found.equal for found in comparison.sizes):
        say("equal so far, byte for byte", style="yellow")
    else:
        say("not equal", style="red")


def _differences(found: ComparedSize) -> list[str]:
    if found.first is not None:
        return [f"{found.size}: after {numbered(found.equal, 'equal record')}", *_sides(found.first)]
    if not found.application and not found.flink:
        return [f"{found.size}: neither side has published a window"]
    if further := found.application - found.flink:
        behind = "Flink" if further > 0 else "the application"
        return [f"{found.size}: {behind} has published {numbered(abs(further), 'record')} fewer so far"]
    return []


def _sides(mismatch: Mismatch) -> list[str]:
    return [f"  application  {_line(mismatch.application)}", f"  flink        {_line(mismatch.flink)}"]


def _line(record: WrittenRecord | None) -> str:
    return "" if record is None else f"{record.value} (key {record.key}, at {_time(record.timestamp_ms)})"


def _time(timestamp_ms: int) -> str:
    return rfc3339(timestamp_ms // 1000) if timestamp_ms % 1000 == 0 else f"{timestamp_ms} ms"
