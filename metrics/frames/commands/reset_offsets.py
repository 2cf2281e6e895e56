"""`reset-offsets`: moves the group, with its state, to another position."""

from typing import Annotated

import msgspec
import typer

from metrics.cli.broker_in_use import broker_in_use
from metrics.errors import SettingsError
from metrics.frames.reset import text
from metrics.frames.reset.plan import Plan, Reset, opened
from metrics.frames.reset.target import Edge, Offset, Since, Target
from metrics.frames.settings import Settings
from metrics.terminal import console
from metrics.terminal.console import bar, say, say_lines
from metrics.times import second_of

OFFSET = "offset:"
MOST_DIGITS = 19  # an offset has 63 bits


def reset_offsets(
    *,
    to: Annotated[
        str,
        typer.Option("--to", metavar="WHERE", help="earliest, latest, offset:N, or event time: 2016-07-11T13:40:00Z."),
    ],
    execute: Annotated[bool, typer.Option("--execute", help="Do it. Without it, only say what would happen.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")] = False,
) -> None:
    """Move the group, with its state, to another position: nothing counts twice, no window is published in part.

    Back, windows from there on are published again with the same counts; to find out how, the frames before are read
    once more. Forward, windows that lack skipped frames are never published. Averages begin again there.

    Without --execute, it only says what would happen. It refuses while an instance is active.

    Example: `python app.py reset-offsets --to 2016-07-11T13:40:00Z --execute`
    """
    target = _target_of(to)
    with broker_in_use(Settings, console.note) as settings, opened(settings, target) as reset:
        if execute:
            reset.require_no_instance()
        with bar(f"reading {settings.input_topic}", reset.frames) as move:
            plan = reset.work_out(move)
        if as_json:
            _do(reset, plan, is_asked=execute)
            say_lines([msgspec.json.encode(plan).decode()])
            return
        text.show(plan)
        _do(reset, plan, is_asked=execute)
        if plan.is_done:
            say("done: the next run goes on from there")
        elif plan.has_changes:
            say("nothing is changed yet: --execute does it")


def _do(reset: Reset, plan: Plan, *, is_asked: bool) -> None:
    """Do what was worked out, if that is asked for and changes anything."""
    if is_asked and plan.has_changes:
        reset.execute()
        plan.is_done = True


def _target_of(text: str) -> Target:
    """Read where the group is to be set.

    Raises:
        SettingsError: it is no such place.
    """
    if text in (*Edge,):
        return Edge(text)
    digits = text.removeprefix(OFFSET)
    if text.startswith(OFFSET) and digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS:
        return Offset(int(digits))
    try:
        return Since(second_of("--to", text))
    except SettingsError as error:
        raise SettingsError(
            f"--to {text} is no place to read from",
            hint="give earliest, latest, offset:1200 (of each partition), or a time of frames: 2016-07-11T13:40:00Z",
        ) from error
