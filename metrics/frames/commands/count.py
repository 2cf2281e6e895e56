"""`count`: counts files or standard input without Kafka, and prints the records."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from metrics.errors import MetricsError, OutputClosedError, SettingsError
from metrics.files.paths import expanded
from metrics.frames.commands.frame_files import FrameFiles
from metrics.frames.commands.size_options import with_size_options
from metrics.frames.count.loop import FileLoop
from metrics.frames.count.report import NAMED, CountReport, show_as_json, shown_as_table
from metrics.frames.settings import Settings
from metrics.frames.sizes import Size
from metrics.terminal.console import bar, err, out, shown
from metrics.text import numbered, pace, rate


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
    loop = FileLoop(Settings.load())
    paths = expanded(files)
    show = shown_as_table(sizes) if table else show_as_json
    with _progress(paths) as move:
        tell_pace = rate if _size_bytes(paths) is None else pace  # time per frame of a pipe includes waiting
        _run(loop, paths, CountReport(loop, show, sizes, move, None if verbose else NAMED, tell_pace))
    tally = loop.counter.tally()
    if fail_over is not None and tally.error_rate > fail_over:
        raise MetricsError(
            f"{tally.error_rate:.1%} of the frames are late or rejected: {tally.wrong:,} of {tally.decided:,}",
            why=f"--fail-over {fail_over:g} accepts at most {fail_over:.1%}",
            hint="--verbose reports every rejected frame",
        )


def _run(loop: FileLoop, paths: Sequence[Path], report: CountReport) -> None:
    """Count, and print the summary however it ends, unless the reader of the records is gone."""
    try:
        loop.run(paths, report)
    except OutputClosedError:
        raise
    except BaseException:
        report.sum_up("stopped after")
        raise
    report.sum_up("read")


def _progress(paths: Sequence[Path]) -> AbstractContextManager[Callable[[int], None]]:
    """Show a progress bar, unless records appear on the same terminal."""
    if out.is_terminal:
        return nullcontext(lambda _: None)
    what = shown(paths[0]) if len(paths) == 1 else numbered(len(paths), "file")
    return bar(f"counting {what}", _size_bytes(paths), err)


def _size_bytes(paths: Sequence[Path]) -> int | None:
    """Return the total size of files; None if one is not a regular file, such as a pipe."""
    return sum(path.stat().st_size for path in paths) if all(map(Path.is_file, paths)) else None
