"""`views similar`: lists items that are similar to another one."""

from typing import Annotated

import typer

from metrics.terminal.console import say
from metrics.terminal.tables import new_table, say_table
from metrics.views.answers.similar import SimilarItem, read_similar
from metrics.views.commands.answering import Csv, Json, MediaId, check_form, say_csv, say_json, unknown_item
from metrics.views.commands.database import use_views


def similar(
    media_id: MediaId,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, metavar="N", help="Number of items to list.")] = 10,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """List the items that the same users watch for long, best first.

    The score is the correlation of view times by user, from -1 to 1; `common` are the users who watched both items.

    Example: `python app.py views similar 12`
    """
    check_form(limit, as_json=as_json, as_csv=as_csv)
    with use_views() as (_, connection):
        found = read_similar(connection, media_id, limit)
    if found is None:
        raise unknown_item(media_id)
    if as_json:
        say_json(found)
    elif as_csv:
        say_csv(SimilarItem, found)
    elif found:
        table = new_table("media", "score", "common")
        for item in found:
            table.add_row(item.media_id, f"{item.score:.6f}", f"{item.common:,}")
        say_table(table)
    else:
        say(f"all users watched the item {media_id} for equally long, or there is no other item")
