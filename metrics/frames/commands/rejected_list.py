"""`rejected list`: prints dead letters as text, JSON lines, or the frames as they came."""

from contextlib import nullcontext
from itertools import islice, takewhile
from threading import Event
from time import time
from typing import Annotated

import typer

from metrics.cli.reporting import stopping_on_signals
from metrics.cli.time_options import Last
from metrics.cli.use_broker import use_broker
from metrics.frames.commands.contradictions import refuse
from metrics.frames.commands.following import print_following
from metrics.frames.commands.rejected_options import End, Reasons, Start
from metrics.frames.rejected.formats import LettersPrinter, RawPrinter, print_json, print_text
from metrics.frames.rejected.letters import Letters, Wanted, opened
from metrics.frames.settings import Settings
from metrics.terminal.console import note, out, warn
from metrics.terminal.streams import require_open
from metrics.time.moments import ALL_TIME, range_of

CHUNK_LETTERS = 500

_EXAMPLE = "python app.py rejected --reason no_uid --json"
_CONTRADICTIONS = {
    ("--json", "--raw"): "dead letters are printed in one format",
    ("--follow", "--to"): "--follow has no end",
}


def list_letters(
    *,
    reasons: Reasons = None,
    start: Start = None,
    end: End = None,
    last: Last = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Then print new ones as they are committed, until Ctrl-C.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line, with the whole frame.")
    ] = False,
    as_raw: Annotated[
        bool, typer.Option("--raw", help="Print only the frames, as they came, one a line: for `feed -`.")
    ] = False,
) -> None:
    """Show rejected frames, with reason and place in the input: as text on a terminal, as JSON lines in a pipe.

    --json has all headers and the whole frame: text if it is UTF-8 (`frame`), otherwise Base64 (`frame_base64`).

    --raw prints frames byte for byte. Those without a value, with a line break, and those that the dead letter topic
    did not accept in full are left out, with a warning.

    Read-only: it joins no group, and the job may be running. Ctrl-C ends --follow with exit code 0.

    Example: `python app.py rejected --raw --reason no_ts | sed 's/"time":/"ts":/' | python app.py feed -`
    """
    refuse(
        _CONTRADICTIONS,
        {"--json": as_json, "--raw": as_raw, "--follow": follow, "--to": end is not None},
        _EXAMPLE,
    )
    within = range_of(start, end, last, now_s=time())
    if follow:
        within = within._replace(end=ALL_TIME.end)  # --last says only where it begins
    wanted = Wanted(frozenset(reasons or ()), within)
    require_open()
    with (
        use_broker(Settings, note) as settings,
        stopping_on_signals() if follow else nullcontext(Event()) as stopping,
    ):
        found = opened(settings, wanted)
        if as_raw:
            printer = RawPrinter()
            _print(found, printer, stopping, follow=follow)
            printer.warn()
        else:
            is_text = out.is_terminal and not as_json
            _print(found, print_text if is_text else print_json, stopping, follow=follow)


def _print(found: Letters, printer: LettersPrinter, stopping: Event, *, follow: bool) -> None:
    """Print the dead letters so far, then new ones if asked to."""
    coming = takewhile(lambda _: not stopping.is_set(), found.read())
    shown = 0
    while chunk := list(islice(coming, CHUNK_LETTERS)):
        printer(chunk)
        shown += len(chunk)
    if not shown and not stopping.is_set():
        note(found.say_none())
    if follow:
        later = found.follow(stopping, lambda what: warn(f"still waiting for dead letters: {what}"))
        print_following(later, stopping, printer)
