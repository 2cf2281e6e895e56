"""`views generate`: writes view events to a file."""

from pathlib import Path
from time import time
from typing import Annotated

import typer

from metrics.cli.written_lines import report_on, write_lines
from metrics.time.moments import rfc3339, second_of
from metrics.views.commands.event_file import EVENT_FILE, SHOWN
from metrics.views.core.event import EVENT_TYPES, EventType
from metrics.views.generate.lines import MAX_LINES, Content, lines
from metrics.views.generate.viewing import MAX_MEDIA, MAX_USERS
from metrics.wording.text import numbered

_NOUNS: dict[EventType, str] = {
    "waypoint": "waypoint",
    "streamstart": "start",
    "streamstop": "stop",
    "streamend": "end",
}


def generate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="File to write; one whose name ends with .gz, .xz or .zst is compressed. - for standard output.",
            show_default=SHOWN,
        ),
    ] = EVENT_FILE,
    count: Annotated[int, typer.Option(metavar="N", help=f"Number of lines, 1 to {MAX_LINES:,}.")] = 1_000_000,
    media: Annotated[int, typer.Option(metavar="N", help=f"Number of media items, 1 to {MAX_MEDIA:,}.")] = 1_000,
    users: Annotated[int, typer.Option(metavar="N", help=f"Number of users, 1 to {MAX_USERS:,}.")] = 10_000,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed and --end give the same file.")] = 0,
    end: Annotated[
        str, typer.Option(metavar="TIME", help="Time of the last event: 2026-11-28T12:00:00Z, -1h, or epoch seconds.")
    ] = "now",
) -> None:
    """Write view events to FILE, one a line, as the players of a broadcaster send them.

    Of 100 lines, 2 repeat an event, at once or much later; 3 come late; 1 is wrong, in one of many ways.

    The events happened over the days before --end: the more lines for each user, the more days. At about 100 lines a
    user and day, a million lines of 10,000 users are one day; it is never less than an hour, or more than 30 days.

    Example: `python app.py views generate data/views.jsonl.zst --count 100000`
    """
    end_s = second_of("--end", end, now_s=time())
    content = Content()
    write_lines(file, lines(content, count=count, media=media, users=users, seed=seed, end_s=end_s), count, "line")
    report = report_on(file)
    events = content.events
    by_type = ", ".join(numbered(events[kind], _NOUNS[kind]) for kind in EVENT_TYPES)
    report(f"{numbered(events.total(), 'event')}: {by_type}")
    report(f"{numbered(content.repeated, 'repeated event')}, {numbered(content.wrong, 'wrong line')}")
    if events:
        times = f"{rfc3339(content.first_s)} to {rfc3339(content.last_s)}"
        report(f"{numbered(len(content.users), 'user')}, {numbered(len(content.media), 'media item')}, {times}")
