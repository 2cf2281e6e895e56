"""`catalogue`: the group of the catalogue's commands."""

from typing import ClassVar

import typer

from metrics.cli.registry import STYLE, LazyGroup
from metrics.terminal.console import as_started

_COMMANDS = "metrics.catalogue.commands"


class Catalogue(LazyGroup):
    """The catalogue's commands."""

    modules: ClassVar = {
        "init-db": f"{_COMMANDS}.init_db",
        "load": f"{_COMMANDS}.load",
        "loads": f"{_COMMANDS}.loads",
        "rejected": f"{_COMMANDS}.rejected",
        "check": f"{_COMMANDS}.check",
        "serve": f"{_COMMANDS}.serve",
        "query": f"{_COMMANDS}.query",
        "generate": f"{_COMMANDS}.generate",
    }


catalogue = typer.Typer(name="catalogue", cls=Catalogue, no_args_is_help=True, add_completion=False, **STYLE)


@catalogue.callback(
    help="Load movies, sessions, users, authors, books and reviews into PostgreSQL, and answer questions about them."
    "\n\n" + as_started("Example: `python app.py catalogue init-db`")
)
def group() -> None:
    """Do nothing before a subcommand."""
