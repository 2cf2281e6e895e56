"""`verify`: the input is counted once more, plainly, and the outputs are held against it."""

from typing import Annotated

import typer

from metrics.cli.broker_in_use import broker_in_use
from metrics.frames.settings import Settings
from metrics.frames.verify import run, text
from metrics.frames.verify.findings import MOST_DIFFERENCES, Findings
from metrics.terminal.console import bar, say_lines
from metrics.times import Range, range_of


def verify(
    *,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="First window to compare: 2016-07-11T13:39:00Z, or a number."),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Compare windows that end at or before it.")
    ] = None,
    most: Annotated[
        int, typer.Option("--rows", min=0, metavar="N", help="How many differences to list; all are counted.")
    ] = MOST_DIFFERENCES,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Count the input once more, plainly, and compare: exit code 0 if the outputs agree with it, 1 if they differ.

    Exit code 1, too, if no window could be compared, since the input no longer holds the frames of what was published;
    0 if none is published and none has to be. What is said last tells which.

    Reads only, so the job may be running.

    Example: `python app.py verify --from 2016-07-11T13:40:00Z --to 2016-07-11T13:45:00Z`
    """
    within = range_of(start, end)
    with broker_in_use(Settings) as settings:
        agrees = _verify(settings, within, most=most, as_json=as_json)
    if not agrees:
        raise typer.Exit(1)


def _verify(settings: Settings, within: Range, *, most: int, as_json: bool) -> bool:
    """Recount the input, hold the outputs against it, show what differs, and tell whether they agree."""
    findings = Findings(most)
    with run.opened(settings, within, findings) as opened:
        with bar(f"recounting {settings.input_topic}", opened.frames) as move:
            opened.run(move)
        if as_json:
            say_lines(text.as_json(opened).decode().splitlines())
        else:
            text.show(opened)
    return findings.agrees
