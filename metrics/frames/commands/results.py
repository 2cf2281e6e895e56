"""`results`: the committed records of windows, as a table, lines of JSON, CSV or a Parquet file."""

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
TOGETHER_S = 0.2  # Ctrl-C reaches all processes of a pipe, one after another

_ONE_FORM = "the results are printed in one form, or written into a file"
# Options that contradict each other, and why.
_CONTRADICTIONS = {
    ("--seconds", "--minutes"): "each leaves the other out, and without them both are shown",
    ("--json", "--csv"): _ONE_FORM,
    ("--json", "--parquet"): _ONE_FORM,
    ("--csv", "--parquet"): _ONE_FORM,
    ("--follow", "--parquet"): "a Parquet file can be read once it is whole, and --follow has no end",
    ("--follow", "--to"): "--follow has no end",
}


def results(
    *,
    seconds: Annotated[bool, typer.Option("--seconds", help="Frames per second only.")] = False,
    minutes: Annotated[bool, typer.Option("--minutes", help="Unique users per minute only.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what is committed from now on, until Ctrl-C.")
    ] = False,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="First window to show: 2016-07-11T13:39:00Z, or a number."),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Show windows that end at or before it.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each record as it was published, a line each.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, with a header.")] = False,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write a Parquet file, and print no results.")
    ] = None,
) -> None:
    """Print the results that are committed: as a table on a terminal, as lines of JSON in a pipe.

    Without --seconds or --minutes both are shown, in the order of their windows' ends, a minute after its last second.
    The records of a topic stay in the order in which they were published, and a window that was published twice is
    shown twice. On a terminal the longest bar is the largest of all that is shown, or so far, with --follow.

    CSV and Parquet have the fields of the records as columns. Without --seconds or --minutes they have those of both,
    and before them `kind`, which is *second* or *minute*.

    Reads only, and joins no group, so the job may be running. Ctrl-C ends --follow with exit code 0.

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
    """Warns of records that are no results: of the first of them singly, and of how many more there were."""

    def __init__(self) -> None:
        self._number = 0

    def tell(self, what: str) -> None:
        """Warn of one of them."""
        self._number += 1
        if self._number <= MOST_WARNINGS:
            warn(f"passed over {what}")

    def sum_up(self) -> None:
        """Warn of how many more there were."""
        if self._number > MOST_WARNINGS:
            warn(f"passed over {numbered(self._number - MOST_WARNINGS, 'more record')} that are no results")


def _refuse_contradictions(given: dict[str, bool]) -> None:
    """See that no two options were given that contradict each other.

    Raises:
        SettingsError: two were.
    """
    for (one, other), why in _CONTRADICTIONS.items():
        if given[one] and given[other]:
            raise SettingsError(
                f"{one} and {other} contradict each other",
                why=why,
                hint="leave one of them out, for example: python app.py results --minutes --csv",
            )


def _write(path: Path, there: Results, sizes: Sequence[Size], tell: Tell) -> None:
    """Write a Parquet file, and say what is in it."""
    with bar(f"writing {path.name}", there.offsets) as move:
        written = parquet_files.write(path, there.read(tell, move), sizes)
    told = listed([numbered(written[size], size.name) for size in sizes])
    say_so = note if is_standard_output(path) else say
    say_so(f"wrote {shown(path)}: {told}")


def _printer(there: Results, stopping: Event, sizes: Sequence[Size], *, as_json: bool, as_csv: bool) -> Printer:
    """Return what prints the results as they were asked for; a table's bars fit what is there."""
    if as_csv:
        return csv_printer(sizes)
    if as_json or not out.is_terminal:
        return print_json
    table = RecordTable(sizes)
    with bar("reading the results", there.offsets) as move:
        table.scale_to(result.window for result in _until(stopping, there.read(lambda _: None, move)))
    if not table.largest:
        note("no result to show is committed yet")
    return table_printer(table)


def _print(there: Results, stopping: Event, printer: Printer, tell: Tell) -> None:
    """Print what is there."""
    coming = _until(stopping, there.read(tell))
    while chunk := list(islice(coming, CHUNK_RESULTS)):
        printer(chunk)


def _follow(there: Results, stopping: Event, printer: Printer, tell: Tell) -> None:
    """Print what comes, for as long as it is read; a reader that Ctrl-C ends together with this is no error."""
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
