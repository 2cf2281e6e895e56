"""`catalogue rejected`: shows rejected records."""

import csv
import sys
from collections.abc import Iterable
from itertools import islice
from typing import Annotated

import msgspec
import typer

from metrics.catalogue.commands.database import use_catalogue
from metrics.catalogue.commands.options import Json
from metrics.catalogue.core.models import ModelName
from metrics.catalogue.load.rejected import Rejected, rejected_records
from metrics.terminal.console import note, say, say_lines
from metrics.wording.errors import SettingsError

SHOWN = 100
FIELDS = tuple(field.name for field in msgspec.structs.fields(Rejected))


def rejected(
    *,
    model: Annotated[ModelName | None, typer.Option(help="Only records of this model.", show_default=False)] = None,
    load: Annotated[int | None, typer.Option(metavar="LOAD", help="Only those of this load.")] = None,
    json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header instead.")] = False,
) -> None:
    """Show rejected records: the position of each, everything that is wrong with it, and its own text.

    The first 100 are shown; --json and --csv print all of them. Those that were tried again are left out.

    Example: `python app.py catalogue rejected --load 3`
    """
    if json and as_csv:
        raise SettingsError("--json and --csv contradict each other", hint="leave one of them out")
    with use_catalogue() as (_, connection):
        records = rejected_records(connection, model, load, None if json or as_csv else SHOWN + 1)
        if json:
            say_lines(msgspec.json.encode(record).decode() for record in records)
        elif as_csv:
            _print_csv(records)
        else:
            _print(list(records), load)


def _print_csv(records: Iterable[Rejected]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows(msgspec.structs.astuple(record) for record in records)
    sys.stdout.flush()


def _print(records: list[Rejected], load: int | None) -> None:
    if not records:
        say("no rejected records" if load is None else f"load {load} has no rejected records left to try again")
    for record in islice(records, SHOWN):
        say(f"load {record.load_id}, {record.model}, {record.position}: {record.detail}")
        say(f"  {record.record}")
    if len(records) > SHOWN:
        note(f"there are more than {SHOWN}: --json or --csv prints all of them")
