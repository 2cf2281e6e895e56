"""`harvest`: one run over the three streams; and the group of its subcommands."""

from typing import Annotated, ClassVar

import typer

from metrics.cli.registry import STYLE, LazyGroup, begin
from metrics.cli.reporting import reporting
from metrics.harvest.commands.options import Json
from metrics.harvest.settings import MAX_SECONDS, MAX_TIMES, MIN_SECONDS, is_utf8

_NAMES = ("report", "runs", "replay", "streams", "serve")


class Harvest(LazyGroup):
    """The subcommands of harvest, each in a module of its name; without one, `harvest` is a run."""

    modules: ClassVar = {name: f"metrics.harvest.commands.{name}" for name in _NAMES}


def _first_name(name: str | None) -> str | None:
    if name is not None and not (name and is_utf8(name)):
        raise typer.BadParameter("must be text in UTF-8, not empty")
    return name


def run(
    context: typer.Context,
    *,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=MIN_SECONDS,
            max=MAX_SECONDS,
            metavar="S",
            help="Stop after this time; 20 unless HARVEST_SECONDS is set.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            callback=_first_name,
            help="First name that stops the run, exactly as written; Sytac unless HARVEST_NAME is set.",
        ),
    ] = None,
    times: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_TIMES,
            metavar="N",
            help="Stop at the N-th event of a user with that first name; 3 unless HARVEST_TIMES is set.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Read the three streams at once, until time is up or a first name was seen; archive and report what they sent.

    Under HARVEST_DIR (data by default), reports are in report/, events in processed/, bytes in archive/. Without
    STREAM_ENDPOINT, it starts local streams and reads those. Ctrl-C stops it early; the report is still written.

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
