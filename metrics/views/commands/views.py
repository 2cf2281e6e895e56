"""`views`: the group of the commands of views."""

from typing import ClassVar

import typer

from metrics.cli.registry import STYLE, LazyGroup
from metrics.terminal.console import as_started

_NAMES = ("serve", "count", "send", "generate", "verify", "init-db")


class Views(LazyGroup):
    """The subcommands of views, each in a module of its name."""

    modules: ClassVar = {name: f"metrics.views.commands.{name.replace('-', '_')}" for name in _NAMES}


views = typer.Typer(name="views", cls=Views, no_args_is_help=True, add_completion=False, **STYLE)


@views.callback(
    help="Count who watched what, once each, and answer questions about it."
    "\n\n" + as_started("Example: `python app.py views init-db`")
)
def group() -> None:
    """Do nothing before a subcommand."""
