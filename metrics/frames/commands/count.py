"""`count`: counts files or standard input without Kafka, and prints the records."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated

import typer

from metrics.files.line_reader import Lines
from metrics.frames.commands.frame_files import FrameFiles, frame_lines, require_times_in_files
from metrics.frames.commands.size_options import with_size_options
from metrics.frames.count.loop import FileLoop
from metrics.frames.count.report import NAMED, CountReport, show_as_json
from metrics.frames.results.table import RecordTable
from metrics.frames.settings import Settings
from metrics.frames.sizes import Size
from metrics.terminal.console import err, name_of, out
from metrics.terminal.progress import bar
from metrics.wording.errors import MetricsError, OutputClosedError, SettingsError


@with_size_options("Print {0.plural} only.", "zcat frames.jsonl.gz | python app.py count - --minutes")
def count(
    files: FrameFiles,
    *,
    table: Annotated[bool, typer.Option("--table", help="Print a table with bars.")] = False,
    sizes: Sequence[Size],
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Report every rejected frame, not only the first of each reason.")
    ] = False,
    fail_over: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Exit with code 1 if more than this share of the frames (0 to 1) is late or rejected.",
        ),
    ] = None,
) -> None:
    """Count the frames of files without Kafka, and print the records that the main job would publish.

    Several files form one stream, in the order given, and count as one partition. A record is printed as soon as event
    time closes its window, even while a pipe is still being written to. At the end of the last file all windows close,
    as with --until-end. Wall time plays no part: the same lines always give the same records.

    Rejected frames and the summary go to standard error.

    Example: `zcat frames.jsonl.gz | python app.py count - --minutes`
    """
    if fail_over is not None and not 0 <= fail_over <= 1:
        raise SettingsError(f"invalid --fail-over {fail_over:g}", hint="give a share from 0 to 1: --fail-over 0.05")
    settings = Settings.load()
    require_times_in_files(settings)
    loop = FileLoop(settings)
    lines = frame_lines(files)
    show = RecordTable(sizes).print if table else show_as_json
    # A terminal that shows the records has no bar among them.
    label = f"counting {name_of(lines)}"
    with nullcontext(lambda _: None) if out.is_terminal else bar(label, lines.size_bytes, err) as move:
        _run(loop, lines, CountReport(loop, lines, show, sizes, move, None if verbose else NAMED))
    tally = loop.counter.tally()
    if fail_over is not None and tally.error_rate > fail_over:
        raise MetricsError(
            f"{tally.error_rate * 100:.3g}% of the frames are late or rejected: {tally.wrong:,} of {tally.decided:,}",
            why=f"--fail-over {fail_over:g} accepts at most {fail_over * 100:.10g}%",
            hint="--verbose reports every rejected frame",
        )


def _run(loop: FileLoop, lines: Lines, report: CountReport) -> None:
    """Count, and print the summary however it ends, unless the reader of the records is gone."""
    try:
        loop.run(lines, report)
    except OutputClosedError:
        raise
    except BaseException:
        report.sum_up("stopped after")
        raise
    report.sum_up("read")
