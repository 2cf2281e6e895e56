"""`harvest`: reads the three streams until the rule stops it; and the group of harvest's commands."""

from typing import Annotated, ClassVar

import typer

from metrics.cli.registry import STYLE, LazyGroup, begin
from metrics.cli.reporting import reporting
from metrics.harvest.commands.options import Json

_NAMES = ("report", "runs", "replay", "streams", "serve")


class Harvest(LazyGroup):
    """The commands of harvest, each in a module of its name; without one, a run."""

    modules: ClassVar = {name: f"metrics.harvest.commands.{name}" for name in _NAMES}


def run(
    context: typer.Context,
    *,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.1, max=86_400, metavar="S", help="Stop after this time; 20 unless HARVEST_SECONDS is set."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="First name to look for; Sytac unless HARVEST_NAME is set."),
    ] = None,
    times: Annotated[
        int | None,
        typer.Option(
            min=1, max=1_000_000, metavar="N", help="Stop when it was seen so often; 3 unless HARVEST_TIMES is set."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Read the three streams at once, until the time is over or a name was seen; archive and report what they sent.

    Reports are in data/report, the events in data/processed, the bytes in data/archive. Without STREAM_ENDPOINT it
    reads local streams, which it starts. Ctrl-C stops it early, and the report is written all the same.

    Example: `python app.py harvest --seconds 10`
    """
    if context.invoked_subcommand is not None:
        return
    begin(context)
    # The subcommands do without these imports.
    from metrics.harvest.commands.running import run_once  # noqa: PLC0415

    run_once(seconds=seconds, name=name, times=times, is_json=json)


harvest = typer.Typer(name="harvest", cls=Harvest, invoke_without_command=True, add_completion=False, **STYLE)
harvest.callback(invoke_without_command=True)(reporting(run))
