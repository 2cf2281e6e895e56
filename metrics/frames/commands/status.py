"""`status`: how the group stands."""

from typing import Annotated

import msgspec
import typer

from metrics.cli.broker_in_use import broker_in_use
from metrics.frames.settings import Settings
from metrics.frames.status import observe, text
from metrics.frames.status.facts import describe
from metrics.terminal import console
from metrics.terminal.console import say_lines
from metrics.terminal.streams import require_open


def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")] = False,
) -> None:
    """Tell how the consumer group stands, and why a window is open; from its committed offsets, disturbing nobody.

    Example: `python app.py status --json`
    """
    with broker_in_use(Settings, console.note) as settings:
        show = _print_as_json if as_json else _print
        show(settings)


def _print(settings: Settings) -> None:
    """Print how the group stands, for people."""
    status = describe(observe.look(settings))
    require_open()
    text.show(status)


def _print_as_json(settings: Settings) -> None:
    """Print how the group stands as one JSON object."""
    say_lines([msgspec.json.encode(describe(observe.look(settings))).decode()])
