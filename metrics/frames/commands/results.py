"""`results`: prints the committed records of windows as a table, JSON lines, CSV or a Parquet file."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import combinations, islice, takewhile
from pathlib import Path
from threading import Event
from time import time
from typing import Annotated, NamedTuple

import typer

from metrics.cli.reporting import stopping_on_signals
from metrics.cli.time_options import Last
from metrics.cli.use_broker import use_broker
from metrics.files import parquet as parquet_format
from metrics.frames.commands.contradictions import refuse
from metrics.frames.commands.following import print_following
from metrics.frames.commands.size_options import with_size_options
from metrics.frames.results import parquet as parquet_files
from metrics.frames.results.formats import Printer, csv_printer, print_json
from metrics.frames.results.read import Result, Results, opened
from metrics.frames.results.table import RecordTable
from metrics.frames.settings import Settings
from metrics.frames.sizes import Size
from metrics.terminal.console import is_standard_output, note, out, say, shown, warn
from metrics.terminal.progress import bar
from metrics.terminal.streams import require_open
from metrics.time.moments import ALL_TIME, Range, range_of
from metrics.wording.text import listed, numbered

CHUNK_RESULTS = 500
MAX_WARNINGS = 10

_EXAMPLE = "python app.py results --minutes --csv"
_FORMS = ("--table", "--json", "--csv", "--parquet")
# Contradicting options, and the reason.
_CONTRADICTIONS = {
    **dict.fromkeys(combinations(_FORMS, 2), "results are printed in one format, or written to a file"),
    ("--follow", "--parquet"): "a Parquet file is readable only once it is complete, and --follow has no end",
    ("--follow", "--to"): "--follow has no end",
}


class Chosen(NamedTuple):
    """The results that were asked for.

    Attributes:
        within: the range of their windows.
        with_places: whether they are shown with topic, partition, offset, timestamp and key.
    """

    sizes: Sequence[Size]
    within: Range
    with_places: bool


@with_size_options("{0.title} only.", _EXAMPLE)
def results(
    *,
    sizes: Sequence[Size],
    follow: Annotated[
        bool, typer.Option("--follow", help="Then print new results as they are committed, until Ctrl-C.")
    ] = False,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="Show windows from here on: 2016-07-11T13:39:00Z, -1h, or epoch seconds."
        ),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Show windows that end by then.")] = None,
    last: Last = None,
    as_table: Annotated[bool, typer.Option("--table", help="Print a table, in a pipe, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print each record as published, one per line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write a Parquet file instead.")
    ] = None,
    with_places: Annotated[
        bool, typer.Option("--keys", help="Add topic, partition, offset, timestamp and key of each record.")
    ] = False,
) -> None:
    """Print the committed results: as a table on a terminal, as JSON lines in a pipe.

    Windows of all sizes are shown unless one size is chosen, ordered by their ends: a minute after its last second.
    Records of one topic stay in the order they were published in; a window that was published twice is shown twice. A
    bar has full length for the largest value shown, or with --follow, the largest so far.

    CSV and Parquet have the fields of the records as columns. With several sizes, they have the fields of all of them,
    after a column `kind` (*second*, *minute*).

    Read-only: it joins no group, and the job may be running. Ctrl-C ends --follow with exit code 0.

    Example: `python app.py results --minutes --from 2016-07-11T13:40:00Z --csv`
    """
    forms = dict(zip(_FORMS, (as_table, as_json, as_csv, parquet is not None), strict=True))
    refuse(_CONTRADICTIONS, forms | {"--follow": follow, "--to": end is not None}, _EXAMPLE)
    within = range_of(start, end, last, now_s=time())
    if follow:
        within = within._replace(end=ALL_TIME.end)  # --last says only where it begins
    chosen = Chosen(sizes, within, with_places)
    if parquet is not None:
        _write(parquet, chosen)
    else:
        as_table = as_table or (out.is_terminal and not as_json and not as_csv)
        _print(chosen, follow=follow, as_table=as_table, as_csv=as_csv)


@contextmanager
def _opened(chosen: Chosen) -> Iterator[tuple[Results, Callable[[str], None]]]:
    """Open the results; yields them, and the function that warns of a skipped record, the first ten times."""
    skipped = 0

    def warn_of(what: str) -> None:
        nonlocal skipped
        skipped += 1
        if skipped <= MAX_WARNINGS:
            warn(f"skipped {what}")

    with use_broker(Settings, note) as settings:
        yield opened(settings, chosen.sizes, chosen.within, with_places=chosen.with_places), warn_of
    if skipped > MAX_WARNINGS:
        warn(f"skipped {numbered(skipped - MAX_WARNINGS, 'more record')} that are not results")


def _write(path: Path, chosen: Chosen) -> None:
    """Write a Parquet file, and print its contents."""
    parquet_format.check()
    sizes = chosen.sizes
    with _opened(chosen) as (found, warn_of):
        with bar(f"writing {path.name}", found.offsets) as move:
            written = parquet_files.write(path, found.read(warn_of, move), sizes, with_places=chosen.with_places)
        contents = listed([numbered(written[size], f"one-{size.name} window") for size in sizes])
        report = note if is_standard_output(path) else say
        report(f"wrote {shown(path)}: {contents}")


def _print(chosen: Chosen, *, follow: bool, as_table: bool, as_csv: bool) -> None:
    """Print the results so far, then new ones if asked to."""
    require_open()
    with (
        _opened(chosen) as (found, warn_of),
        stopping_on_signals() if follow else nullcontext(Event()) as stopping,
    ):
        printer = _printer(found, stopping, chosen, as_table=as_table, as_csv=as_csv)
        coming = _until(stopping, found.read(warn_of))
        while chunk := list(islice(coming, CHUNK_RESULTS)):
            printer(chunk)
        if follow:
            coming_later = found.follow(stopping, warn_of, lambda what: warn(f"still waiting for results: {what}"))
            print_following(coming_later, stopping, printer)


def _printer(found: Results, stopping: Event, chosen: Chosen, *, as_table: bool, as_csv: bool) -> Printer:
    """Return the printer of the requested format; the bars of a table are scaled to the results so far."""
    if as_csv:
        return csv_printer(chosen.sizes, with_places=chosen.with_places)
    if not as_table:
        return print_json
    table = RecordTable(chosen.sizes, with_places=chosen.with_places)
    with bar("reading the results", found.offsets) as move:
        table.scale_to(result.window for result in _until(stopping, found.read(lambda _: None, move)))
    if not table.largest:
        note("no results yet" if chosen.within == ALL_TIME else "no results in this range")
    return lambda results: table.print([each.window for each in results], [each.place for each in results])


def _until(stopping: Event, results: Iterable[Result]) -> Iterator[Result]:
    return takewhile(lambda _: not stopping.is_set(), results)
