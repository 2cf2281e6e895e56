"""`rejected`: the group of the commands for dead letters; by default, it lists them."""

import typer

from metrics.cli.registry import STYLE, Command, ListByDefault
from metrics.cli.reporting import reporting
from metrics.frames.commands.rejected_list import list_letters
from metrics.frames.commands.rejected_replay import replay
from metrics.terminal.console import as_started

rejected = typer.Typer(
    name="rejected",
    cls=ListByDefault,
    add_completion=False,
    help="Show rejected frames, or replay them into the input topic; `rejected [OPTIONS]` is `rejected list [OPTIONS]`."
    "\n\n" + as_started("Example: `python app.py rejected --reason no_uid`"),
    **STYLE,
)
rejected.command("list", cls=Command)(reporting(list_letters))
rejected.command("replay", cls=Command)(reporting(replay))
