"""`flink`: the group of the commands that count on Apache Flink."""

from typing import ClassVar

import typer

from metrics.cli.registry import STYLE, LazyGroup
from metrics.terminal.console import as_started

_NAMES = ("run", "status", "stop", "verify", "sql")


class Flink(LazyGroup):
    """The commands for Flink, each in a module of its name."""

    modules: ClassVar = {name: f"metrics.frames.commands.flink_{name}" for name in _NAMES}


flink = typer.Typer(name="flink", cls=Flink, no_args_is_help=True, add_completion=False, **STYLE)


@flink.callback(
    help="Count the same frames on Apache Flink, for more than one machine: the same records, byte for byte.\n\n"
    "FLINK_URL is the address of Flink's SQL gateway. Without it, a local Flink is started; the first time, that "
    "fetches 160 MB.\n\n" + as_started("Example: `python app.py flink run --until-end`")
)
def group() -> None:
    """Do nothing before a subcommand."""
