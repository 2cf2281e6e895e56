"""`results`: prints the committed records of windows as a table, JSON lines, CSV or a Parquet file."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice, takewhile
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from metrics.cli.broker_in_use import broker_in_use
from metrics.cli.reporting import stopping_on_signals
from metrics.errors import OutputClosedError, SettingsError
from metrics.frames.results import parquet as parquet_files
from metrics.frames.results.formats import Printer, csv_printer, print_json, table_printer
from metrics.frames.results.read import Result, Results, Tell, opened
from metrics.frames.results.table import RecordTable
from metrics.frames.settings import Settings
from metrics.frames.sizes import MINUTE, SECOND, SIZES, Size
from metrics.terminal.console import bar, is_standard_output, note, out, say, shown, warn
from metrics.terminal.streams import require_open, require_reader
from metrics.text import listed, numbered
from metrics.times import range_of

CHUNK_RESULTS = 500
MOST_WARNINGS = 10
TOGETHER_S = 0.2  # Ctrl-C reaches the processes of a pipe one after another, within this time

_ONE_FORM = "results are printed in one format, or written to a file"
# Contradicting options, and the reason.
_CONTRADICTIONS = {
    ("--seconds", "--minutes"): "each excludes the other; without them both are shown",
    ("--json", "--csv"): _ONE_FORM,
    ("--json", "--parquet"): _ONE_FORM,
    ("--csv", "--parquet"): _ONE_FORM,
    ("--follow", "--parquet"): "a Parquet file is readable only once it is complete, and --follow has no end",
    ("--follow", "--to"): "--follow has no end",
}


def results(
    *,
    seconds: Annotated[bool, typer.Option("--seconds", help="Frames per second only.")] = False,
    minutes: Annotated[bool, typer.Option("--minutes", help="Unique users per minute only.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Then print new results as they are committed, until Ctrl-C.")
    ] = False,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="Show windows from here on: 2016-07-11T13:39:00Z, or epoch seconds."
        ),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Show windows that end by then.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each record as published, one per line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write a Parquet file instead.")
    ] = None,
) -> None:
    """Print the committed results: as a table on a terminal, as JSON lines in a pipe.

    Without --seconds or --minutes both are shown, ordered by the ends of their windows, a minute after its last second.
    Records of one topic stay in the order they were published in; a window that was published twice is shown twice. A
    bar has full length for the largest value shown, or with --follow, the largest so far.

    CSV and Parquet have the fields of the records as columns. Without --seconds or --minutes they have those of both,
    after a column `kind` (*second* or *minute*).

    Read-only: it joins no group, and the job may be running. Ctrl-C ends --follow with exit code 0.

    Example: `python app.py results --minutes --from 2016-07-11T13:40:00Z --csv`
    """
    _refuse_contradictions(
        {
            "--seconds": seconds,
            "--minutes": minutes,
            "--follow": follow,
            "--to": end is not None,
            "--json": as_json,
            "--csv": as_csv,
            "--parquet": parquet is not None,
        }
    )
    sizes = [SECOND] if seconds else [MINUTE] if minutes else SIZES
    within = range_of(start, end)
    if parquet is not None:
        parquet_files.check()
    else:
        require_open()
    passed_over = _PassedOver()
    with broker_in_use(Settings, note) as settings, opened(settings, sizes, within) as there:
        if parquet is not None:
            _write(parquet, there, sizes, passed_over.tell)
        else:
            with stopping_on_signals() if follow else nullcontext(Event()) as stopping:
                printer = _printer(there, stopping, sizes, as_json=as_json, as_csv=as_csv)
                _print(there, stopping, printer, passed_over.tell)
                if follow:
                    _follow(there, stopping, printer, passed_over.tell)
    passed_over.sum_up()


class _PassedOver:
    """Warnings about records that are not results: the first ten one by one, the rest as a count."""

    def __init__(self) -> None:
        self._number = 0

    def tell(self, what: str) -> None:
        """Warn about one."""
        self._number += 1
        if self._number <= MOST_WARNINGS:
            warn(f"skipped {what}")

    def sum_up(self) -> None:
        """Warn about the number of those that were not reported."""
        if self._number > MOST_WARNINGS:
            warn(f"skipped {numbered(self._number - MOST_WARNINGS, 'more record')} that are not results")


def _refuse_contradictions(given: dict[str, bool]) -> None:
    """Check that no two of the given options contradict each other.

    Raises:
        SettingsError: two of them do.
    """
    for (one, other), why in _CONTRADICTIONS.items():
        if given[one] and given[other]:
            raise SettingsError(
                f"{one} and {other} contradict each other",
                why=why,
                hint="use one of them, for example: python app.py results --minutes --csv",
            )


def _write(path: Path, there: Results, sizes: Sequence[Size], tell: Tell) -> None:
    """Write a Parquet file, and print what it contains."""
    with bar(f"writing {path.name}", there.offsets) as move:
        written = parquet_files.write(path, there.read(tell, move), sizes)
    contents = listed([numbered(written[size], f"one-{size.name} window") for size in sizes])
    report = note if is_standard_output(path) else say
    report(f"wrote {shown(path)}: {contents}")


def _printer(there: Results, stopping: Event, sizes: Sequence[Size], *, as_json: bool, as_csv: bool) -> Printer:
    """Return the printer of the requested format; the bars of a table are scaled to the results so far."""
    if as_csv:
        return csv_printer(sizes)
    if as_json or not out.is_terminal:
        return print_json
    table = RecordTable(sizes)
    with bar("reading the results", there.offsets) as move:
        table.scale_to(result.window for result in _until(stopping, there.read(lambda _: None, move)))
    if not table.largest:
        note("no results yet")
    return table_printer(table)


def _print(there: Results, stopping: Event, printer: Printer, tell: Tell) -> None:
    """Print the results so far."""
    coming = _until(stopping, there.read(tell))
    while chunk := list(islice(coming, CHUNK_RESULTS)):
        printer(chunk)


def _follow(there: Results, stopping: Event, printer: Printer, tell: Tell) -> None:
    """Print new results while somebody reads them; a reader that the same Ctrl-C ends is not an error."""
    try:
        for results in there.follow(stopping, tell, lambda what: warn(f"still waiting for results: {what}")):
            if results:
                printer(results)
            else:
                require_reader()
    except OutputClosedError:
        if not stopping.wait(TOGETHER_S):
            raise


def _until(stopping: Event, results: Iterable[Result]) -> Iterator[Result]:
    return takewhile(lambda _: not stopping.is_set(), results)
