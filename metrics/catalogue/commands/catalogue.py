"""`catalogue`: the group of the catalogue's commands."""

from typing import Any

import typer

from metrics.catalogue.commands.check import check
from metrics.catalogue.commands.generate import generate
from metrics.catalogue.commands.init_db import init_db
from metrics.catalogue.commands.load import load
from metrics.catalogue.commands.loads import loads
from metrics.catalogue.commands.query import query
from metrics.catalogue.commands.rejected import rejected
from metrics.catalogue.commands.serve import serve
from metrics.cli.registry import STYLE, Command, CommandGroup
from metrics.cli.reporting import reporting
from metrics.terminal.console import as_started

catalogue = typer.Typer(
    name="catalogue",
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    help="Load movies, sessions, users, authors, books and reviews into PostgreSQL, and answer questions about them."
    "\n\n" + as_started("Example: `python app.py catalogue init-db`"),
    **STYLE,
)

SUBCOMMANDS: dict[str, Any] = {
    "init-db": init_db,
    "load": load,
    "loads": loads,
    "rejected": rejected,
    "check": check,
    "serve": serve,
    "query": query,
    "generate": generate,
}

for name, command in SUBCOMMANDS.items():
    catalogue.command(name, cls=Command)(reporting(command))
