"""`harvest runs`: lists runs."""

from collections.abc import Sequence

import msgspec

from metrics.harvest.archive.finish import unfinished
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.runs import list_runs
from metrics.harvest.commands.listing import warn_unreadable
from metrics.harvest.commands.options import Json
from metrics.harvest.core.run_report import RunHead, StreamReport
from metrics.harvest.settings import HarvestSettings
from metrics.terminal.console import note, say, say_lines
from metrics.terminal.tables import cell, new_table, say_folded


def runs(*, json: Json = False) -> None:
    """List runs, the newest first, with the number of events from each stream.

    A run without a report, because it is still running or was killed, is named on standard error, as is one whose
    report cannot be read.

    Example: `python app.py harvest runs`
    """
    folders = Folders.of(HarvestSettings.load().harvest_dir)
    (found, unreadable), without_report = list_runs(folders), unfinished(folders)
    if json:
        say_lines(msgspec.json.encode(head).decode() for head in found)
    elif found:
        _print(found)
    elif not unreadable:
        say("no runs yet: python app.py harvest starts one")
    warn_unreadable(unreadable)
    for run in without_report:
        note(f"run {run} is still running, or was killed: then the next harvest finishes it")


def _print(found: Sequence[RunHead]) -> None:
    table = new_table(
        "run", "lasted", "events", "malformed", "name seen", "stopped by", "streams", texts=("stopped by", "streams")
    )
    for head in found:
        malformed = sum(sum(stream.malformed.values()) for stream in head.streams)
        streams = ", ".join(map(_stream, head.streams))
        table.add_row(
            head.run,
            f"{head.lasted_s:,.3f} s",
            f"{head.events:,}",
            f"{malformed:,}",
            f"{cell(head.name)} {head.name_seen:,} of {head.times:,}",
            head.stopped_by,
            streams,
        )
    say_folded(table, before="streams")


def _stream(stream: StreamReport) -> str:
    outcome = "" if stream.outcome == "read" else f" ({stream.outcome})"
    return f"{stream.stream} {stream.events:,}{outcome}"
