"""`harvest`: the group of harvest's commands."""

from typing import ClassVar

import typer

from metrics.cli.registry import STYLE, LazyGroup
from metrics.terminal.console import as_started

_NAMES = ("streams", "serve")


class Harvest(LazyGroup):
    """The commands of harvest, each in a module of its name."""

    modules: ClassVar = {name: f"metrics.harvest.commands.{name}" for name in _NAMES}


harvest = typer.Typer(name="harvest", cls=Harvest, no_args_is_help=True, add_completion=False, **STYLE)


@harvest.callback(
    help="Read three live streams of viewing events, archive them, and report."
    "\n\n" + as_started("Example: `python app.py harvest streams`")
)
def group() -> None:
    """Do nothing before a subcommand."""
