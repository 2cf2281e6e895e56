"""`views trend`: lists view time, starts, stops and ends by minute, hour or day."""

from itertools import groupby
from time import time
from typing import Annotated

import typer

from metrics.cli.time_options import Last
from metrics.terminal.console import note, say
from metrics.terminal.tables import new_table, say_table
from metrics.time.moments import range_of
from metrics.time.zones import UTC, zone_of
from metrics.views.answers.trend import Trend, TrendRow, read_trend, until_now
from metrics.views.answers.words import view_time
from metrics.views.commands.answering import Csv, Json, check_form, say_csv, say_json, unknown_item
from metrics.views.commands.database import use_views
from metrics.views.core.event import MAX_ID
from metrics.views.core.trend import Per

SHOWN_ZERO_ROWS = 3

ItemOrAll = Annotated[
    int | None,
    typer.Argument(
        metavar="ID", min=0, max=MAX_ID, help="MediaId of the item; all items without it.", show_default=False
    ),
]

From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="TIME", help="List rows from here on: 2026-11-28, 2026-11-28T13:39Z, -7d, or epoch seconds."
    ),
]
To = Annotated[
    str | None,
    typer.Option(
        "--to", metavar="TIME", help="List rows that start before this time; by default, up to the present one."
    ),
]


def trend(
    media_id: ItemOrAll = None,
    *,
    per: Annotated[Per, typer.Option(help="What a row is about.")] = "hour",
    start: From = None,
    end: To = None,
    last: Last = None,
    tz: Annotated[str, typer.Option(metavar="NAME", help="Time zone of days, of hours, and of times.")] = UTC,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, metavar="N", help="Number of rows, the newest.")] = 100,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """List the trend of an item, or of all items together, from the first to the last event in the range.

    Rows between them without an event are zero; the table has one line for more than three in a row. In JSON and CSV,
    view time is in seconds.

    Example: `python app.py views trend 12 --per day --tz Europe/Berlin`
    """
    check_form(limit, as_json=as_json, as_csv=as_csv)
    zone = zone_of(tz)
    now_s = time()
    within = range_of(start, end, last, zone, now_s=now_s)
    is_open = end is None and last is None
    if is_open:
        within = until_now(within, per, zone, now_s)
    with use_views() as (_, connection):
        found = read_trend(connection, media_id, per, zone, within, limit)
    if found is None:
        assert media_id is not None, "all items together have a trend"
        raise unknown_item(media_id)
    if as_json:
        say_json(found.rows)
    elif as_csv:
        say_csv(TrendRow, found.rows)
    elif found.rows:
        _print(found)
    else:
        say("no events in this range")
    if is_open and found.later_until is not None:
        note(f"there are later events; --to {found.later_until} lists rows up to the last one")
    _note_missing(found)


def _print(found: Trend) -> None:
    table = new_table("start", "view time", "starts", "stops", "ends", texts=("start",))
    most = max((row.view_time for row in found.rows), default=0)
    for has_events, group in groupby(found.rows, _has_events):
        rows = [*group]
        if not has_events and len(rows) > SHOWN_ZERO_ROWS:
            table.add_row(f"… {len(rows):,} rows without events")
            continue
        for row in rows:
            numbers = (row.starts, row.stops, row.ends)
            table.add_row(row.start, view_time(row.view_time, most), *(f"{number:,}" for number in numbers))
    say_table(table)


def _has_events(row: TrendRow) -> bool:
    return any((row.view_time, row.starts, row.stops, row.ends))


def _note_missing(found: Trend) -> None:
    if found.has_earlier:
        note(f"only the newest {len(found.rows):,} rows; for earlier ones use --limit or --to")
    if found.minutes_since is not None:
        note(f"minutes are kept since {found.minutes_since}; hours and days are kept for ever")
