"""Forms of an answer on standard output: a table, JSON lines or CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
import typer
from msgspec import Struct

from metrics.terminal.console import say_lines
from metrics.views.core.event import MAX_ID
from metrics.wording.errors import SettingsError

MAX_TABLE_ROWS = 10_000

MediaId = Annotated[
    int, typer.Argument(metavar="ID", min=0, max=MAX_ID, help="MediaId of the item.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per line instead; ids are texts.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV with a header instead.")]


def check_form(limit: int, *, as_json: bool, as_csv: bool) -> None:
    """Check that there is one form, and that it suits a number of rows.

    Raises:
        SettingsError: there are two, or a table would be too long.
    """
    if limit > MAX_TABLE_ROWS and not (as_json or as_csv):
        raise SettingsError(
            f"a table has at most {MAX_TABLE_ROWS:,} rows, not {limit:,}",
            why="its columns are aligned, so nothing is printed before the last row is known",
            hint="add --csv or --json",
        )
    if as_json and as_csv:
        raise SettingsError("--json and --csv contradict each other", hint="leave one of them out")


def say_json(records: Iterable[Struct]) -> None:
    """Print records as JSON, one per line."""
    say_lines(msgspec.json.encode(record).decode() for record in records)


def say_csv(kind: type[Struct], records: Sequence[Struct]) -> None:
    """Print records of one kind as CSV with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in msgspec.structs.fields(kind))
    writer.writerows(map(msgspec.structs.astuple, records))
    say_lines(text.getvalue().splitlines())


def unknown_item(media_id: int) -> SettingsError:
    """Return the error for an item without events."""
    return SettingsError(
        f"no event about the item {media_id} was counted",
        hint="see which items there are: python app.py views top --limit 100",
    )
