"""`catalogue loads`: lists loads."""

from typing import Annotated

import msgspec
import typer

from metrics.catalogue.commands.database import use_catalogue
from metrics.catalogue.commands.options import Json
from metrics.catalogue.core.models import ModelName
from metrics.catalogue.load.loads import SUMS, Load, read_loads
from metrics.terminal.console import say, say_lines
from metrics.terminal.tables import new_table, say_folded
from metrics.time.moments import rfc3339


def loads(
    *,
    model: Annotated[ModelName | None, typer.Option(help="Only loads of this model.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, metavar="N", help="Number of loads to list.")] = 20,
    json: Json = False,
) -> None:
    """List loads, the newest first.

    A load that was killed is listed as interrupted. The errors of loads that failed are below the list.

    Example: `python app.py catalogue loads --model movie`
    """
    with use_catalogue() as (_, connection):
        found = read_loads(connection, model, limit=limit)
    if json:
        say_lines(msgspec.json.encode(load).decode() for load in found)
    elif found:
        _print(found)
    else:
        say("no loads yet")


def _print(found: list[Load]) -> None:
    table = new_table("load", "started (UTC)", "model", "state", *SUMS, "source", texts=("model", "state", "source"))
    for load in found:
        assert load.started_at is not None, "each load was started"
        sums = [f"{getattr(load, name):,}" for name in SUMS]
        table.add_row(
            str(load.id), rfc3339(int(load.started_at.timestamp())), load.model, load.state, *sums, load.source
        )
    say_folded(table, before="source")
    for load in found:
        if load.error:
            say(f"load {load.id}: {load.error.splitlines()[0]}")
