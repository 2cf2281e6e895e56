"""`verify`: recounts the input plainly, and compares the outputs with it."""

from time import time
from typing import Annotated

import typer

from metrics.cli.time_options import Last
from metrics.cli.use_broker import use_broker
from metrics.frames.settings import Settings
from metrics.frames.verify import run, text
from metrics.frames.verify.recount.findings import MAX_DIFFERENCES, Findings
from metrics.terminal.console import say_lines
from metrics.terminal.progress import bar
from metrics.time.moments import Range, range_of


def verify(
    *,
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="Compare windows from here on: 2016-07-11T13:39:00Z, -1h, or epoch seconds."
        ),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Compare windows that end by then.")] = None,
    last: Last = None,
    most: Annotated[
        int, typer.Option("--rows", min=0, metavar="N", help="Number of differences to list; all are counted.")
    ] = MAX_DIFFERENCES,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Recount the input and compare it with the outputs: exit code 0 if they agree, 1 if they differ.

    The code is also 1 if no window could be compared because the input no longer contains the frames of published
    windows, and 0 if there is nothing to compare. The last line says which.

    Read-only: the job may be running.

    Example: `python app.py verify --from 2016-07-11T13:40:00Z --to 2016-07-11T13:45:00Z`
    """
    within = range_of(start, end, last, now_s=time())
    with use_broker(Settings) as settings:
        agrees = _verify(settings, within, most=most, as_json=as_json)
    if not agrees:
        raise typer.Exit(1)


def _verify(settings: Settings, within: Range, *, most: int, as_json: bool) -> bool:
    """Recount the input, compare the outputs, print the differences, and return whether they agree."""
    findings = Findings(most)
    with run.opened(settings, within, findings) as opened:
        with bar(f"recounting {settings.input_topic}", opened.frames) as move:
            opened.run(move)
        if as_json:
            say_lines(text.as_json(opened).decode().splitlines())
        else:
            text.show(opened)
    return findings.agrees
