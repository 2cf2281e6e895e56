"""`status`: shows the state of the consumer group."""

from typing import Annotated

import msgspec
import typer

from metrics.cli.use_broker import use_broker
from metrics.frames.settings import Settings
from metrics.frames.status import observe, text
from metrics.frames.status.describe import describe
from metrics.terminal import console
from metrics.terminal.console import say_lines
from metrics.terminal.streams import require_open


def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the consumer group's progress, and why a window is still open; read-only, from its committed offsets.

    Example: `python app.py status --json`
    """
    with use_broker(Settings, console.note) as settings:
        show = _print_as_json if as_json else _print
        show(settings)


def _print(settings: Settings) -> None:
    """Print the status as text."""
    status = describe(observe.look(settings))
    require_open()
    text.show(status)


def _print_as_json(settings: Settings) -> None:
    """Print the status as one JSON object."""
    say_lines([msgspec.json.encode(describe(observe.look(settings))).decode()])
