"""`reset-offsets`: moves the group and its state to another position."""

from time import time
from typing import Annotated

import msgspec
import typer

from metrics.cli.use_broker import use_broker
from metrics.frames.reset import text
from metrics.frames.reset.plan import Plan, Reset, opened
from metrics.frames.reset.target import Edge, Offset, Since, Target
from metrics.frames.settings import Settings
from metrics.terminal import console
from metrics.terminal.console import say, say_lines
from metrics.terminal.progress import bar
from metrics.time.moments import second_of
from metrics.wording.errors import SettingsError

OFFSET = "offset:"
MAX_DIGITS = 19  # an offset has 63 bits


def reset_offsets(
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="WHERE", help="earliest, latest, offset:N, or an event time: 2016-07-11T13:40:00Z, -1h."
        ),
    ],
    execute: Annotated[bool, typer.Option("--execute", help="Reset. Without it, only print the effect.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Move the group and its state to another position: no frame counts twice, and no window is published in part.

    Backward, the later windows are published again with the same counts; the command rereads the earlier frames to
    restore the state. Forward, windows that lack skipped frames are never published. Averages start again from there.

    Without --execute, it only prints the effect. It refuses while an instance is active.

    Example: `python app.py reset-offsets --to 2016-07-11T13:40:00Z --execute`
    """
    target = _target_of(to, time())
    with use_broker(Settings, console.note) as settings, opened(settings, target) as reset:
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
            say("done: the next run continues from there")
        elif plan.has_changes:
            say("nothing was changed; --execute resets the group")


def _do(reset: Reset, plan: Plan, *, is_asked: bool) -> None:
    """Execute the plan, if requested and if it changes anything."""
    if is_asked and plan.has_changes:
        reset.execute()
        plan.is_done = True


def _target_of(text: str, now_s: float) -> Target:
    """Parse the position to move the group to.

    Raises:
        SettingsError: the text names no position.
    """
    if text in (*Edge,):
        return Edge(text)
    digits = text.removeprefix(OFFSET)
    if text.startswith(OFFSET) and digits.isascii() and digits.isdecimal() and len(digits) <= MAX_DIGITS:
        return Offset(int(digits))
    try:
        return Since(second_of("--to", text, now_s=now_s))
    except SettingsError as error:
        raise SettingsError(
            f"invalid --to value '{text}'",
            hint="give earliest, latest, offset:1200 (in each partition), or an event time: 2016-07-11T13:40:00Z, -1h",
        ) from error
