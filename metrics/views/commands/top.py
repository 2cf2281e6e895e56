"""`views top`: lists the top media items."""

from typing import Annotated

import typer

from metrics.terminal.console import say
from metrics.terminal.tables import new_table, say_table
from metrics.views.answers.items import MediaTotals, Order, read_top
from metrics.views.answers.words import view_time
from metrics.views.commands.answering import Csv, Json, check_form, say_csv, say_json
from metrics.views.commands.database import use_views


def top(
    *,
    order: Annotated[Order, typer.Option(help="What to sort by, highest first.")] = "view_time",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, metavar="N", help="Number of items to list.")] = 10,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """List the media items with the most view time, or with the most viewers.

    In JSON and CSV, view time is in seconds.

    Example: `python app.py views top --limit 3`
    """
    check_form(limit, as_json=as_json, as_csv=as_csv)
    with use_views() as (_, connection):
        found = read_top(connection, order, limit)
    if as_json:
        say_json(found)
    elif as_csv:
        say_csv(MediaTotals, found)
    elif found:
        _print(found)
    else:
        say("no events were counted yet")


def _print(found: list[MediaTotals]) -> None:
    table = new_table("media", "view time", "viewers", "starts", "stops", "ends")
    most = max(item.view_time for item in found)
    for item in found:
        numbers = (item.viewers, item.starts, item.stops, item.ends)
        table.add_row(item.media_id, view_time(item.view_time, most), *(f"{number:,}" for number in numbers))
    say_table(table)
