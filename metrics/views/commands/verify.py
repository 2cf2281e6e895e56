"""`views verify`: counts the topic again, plainly, and compares every table with it."""

from typing import Annotated

import typer

from metrics.terminal.console import note, out, say_lines
from metrics.terminal.progress import bar
from metrics.views.commands.broker import use_existing_topics
from metrics.views.commands.database import use_views
from metrics.views.verify import run, text
from metrics.views.verify.findings import MAX_DIFFERENCES, Findings, Verdict
from metrics.wording.text import numbered


def verify(
    *,
    most: Annotated[
        int,
        typer.Option(
            "--rows", min=0, max=10_000, metavar="N", help="Differences to list for each table; all are counted."
        ),
    ] = MAX_DIFFERENCES,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count the topic again and compare every table with it: exit code 0 if they agree, 1 if they differ.

    The topic is read up to the offsets that the tables were counted to, so the job may be running. What cannot be
    compared because records or minutes are no longer kept is printed.

    Example: `python app.py views verify`
    """
    findings = Findings(most)
    with (
        use_existing_topics(note) as settings,
        use_views(note) as (_, connection),
        run.opened(settings, connection, findings) as opened,
    ):
        if not out.is_terminal:  # there, the bar says so
            note(f"counting {settings.views_topic} again, up to {numbered(opened.offsets, 'record')} …")
        with bar(f"counting {settings.views_topic} again", opened.offsets) as move:
            opened.recount(move)
        table = ""
        with bar(lambda: f"comparing {table}", None) as move:

            def compare(name: str) -> None:
                nonlocal table
                table = name
                move(0)

            opened.compare(compare)
    if as_json:
        say_lines(text.as_json(opened).decode().splitlines())
    else:
        text.show(opened)
    if findings.verdict is Verdict.DIFFERS:
        raise typer.Exit(1)
