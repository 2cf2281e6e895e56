"""`views stats`: shows what the events about an item add up to."""

from typing import Annotated

import typer

from metrics.terminal.console import say
from metrics.terminal.tables import new_table, say_table
from metrics.views.answers.items import MediaTotals, read_item
from metrics.views.answers.snapshot import snapshot
from metrics.views.answers.viewers import Viewer, read_top_viewers
from metrics.views.answers.words import view_time
from metrics.views.commands.answering import Csv, Json, MediaId, check_form, say_csv, say_json, unknown_item
from metrics.views.commands.database import use_views

VIEWERS = 10


def stats(
    media_id: MediaId,
    *,
    viewers: Annotated[
        int | None,
        typer.Option(min=1, max=10_000_000, metavar="N", help="List this many viewers, those with the most view time."),
    ] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Show the view time of an item, its viewers, starts, stops and ends.

    Ten viewers are listed below; as JSON or CSV only with --viewers, then instead of the item. View time is in seconds
    there.

    Example: `python app.py views stats 12 --viewers 3`
    """
    listed = viewers or (0 if as_json or as_csv else VIEWERS)
    check_form(listed, as_json=as_json, as_csv=as_csv)
    with use_views() as (_, connection), snapshot(connection):
        item = read_item(connection, media_id)
        found = read_top_viewers(connection, media_id, listed) if listed else []
    if item is None:
        raise unknown_item(media_id)
    if as_json:
        say_json(found if viewers else [item])
    elif as_csv:
        say_csv(Viewer if viewers else MediaTotals, found if viewers else [item])
    else:
        _print(item, found)


def _print(item: MediaTotals, found: list[Viewer]) -> None:
    rows = {
        "view time": view_time(item.view_time),
        "viewers": f"{item.viewers:,}",
        "starts": f"{item.starts:,}",
        "stops": f"{item.stops:,}",
        "ends": f"{item.ends:,}",
    }
    table = new_table("media", item.media_id, texts=("media",))
    for name, value in rows.items():
        table.add_row(name, value)
    say_table(table)
    if found:
        say("")
        table = new_table("viewer", "view time")
        for viewer in found:
            table.add_row(viewer.user_id, view_time(viewer.view_time, found[0].view_time))
        say_table(table)
