"""`catalogue`: the group of the catalogue's commands."""

from typing import ClassVar

import typer

from metrics.cli.registry import STYLE, LazyGroup
from metrics.terminal.console import as_started

_NAMES = ("init-db", "load", "loads", "rejected", "check", "serve", "query", "generate")


class Catalogue(LazyGroup):
    """The catalogue's commands, each in a module of its name."""

    modules: ClassVar = {name: f"metrics.catalogue.commands.{name.replace('-', '_')}" for name in _NAMES}


catalogue = typer.Typer(name="catalogue", cls=Catalogue, no_args_is_help=True, add_completion=False, **STYLE)


@catalogue.callback(
    help="Load movies, sessions, users, authors, books and reviews into PostgreSQL, and answer questions about them."
    "\n\n" + as_started("Example: `python app.py catalogue init-db`")
)
def group() -> None:
    """Do nothing before a subcommand."""
