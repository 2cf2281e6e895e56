"""`catalogue load`: loads records of one model."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from metrics.catalogue.collect.sources import sources
from metrics.catalogue.commands.in_use import catalogue_in_use
from metrics.catalogue.commands.options import Json, ModelName, zone_of
from metrics.catalogue.core.models import MODELS, Model
from metrics.catalogue.load import loads
from metrics.catalogue.load.again import RejectedOf
from metrics.catalogue.load.collected import Collected
from metrics.catalogue.load.limits import Limit
from metrics.catalogue.load.loads import Connection
from metrics.catalogue.load.run import Input, Options, Outcome
from metrics.catalogue.load.run import load as run_load
from metrics.catalogue.load.text import said
from metrics.errors import SettingsError
from metrics.postgres.connect import connect
from metrics.terminal.console import note, say, say_lines
from metrics.terminal.progress import bar
from metrics.text import numbered


class CollectorName(StrEnum):
    """Collectors, and formats for files whose names do not show them."""

    csv = "csv"
    json = "json"
    s3 = "s3"
    ftp = "ftp"
    http = "http"


Where = Annotated[
    str | None,
    typer.Option(
        metavar="WHERE",
        help="File, folder, pattern, `-`, or a URL: s3://, ftp://, ftps://, http://, https://. "
        "Compressed ones (.gz, .xz, .zst, .zip) are unpacked.",
    ),
]
Collecting = Annotated[
    CollectorName | None,
    typer.Option(help="csv or json if no suffix says so; otherwise as WHERE says.", show_default=False),
]
Snapshot = Annotated[
    bool, typer.Option("--snapshot", help="WHERE has all records there are: mark those missing from it as gone.")
]
MaxGone = Annotated[str, typer.Option(metavar="N|P%", help="With --snapshot: if more would be gone, load nothing.")]
Strict = Annotated[bool, typer.Option("--strict", help="Load nothing if any record is wrong.")]
MaxRejected = Annotated[
    str | None,
    typer.Option(
        metavar="N|P%",
        help="If more records are wrong, load nothing.",
        show_default="10%; with --rejected-of, all may be",
    ),
]
RejectedOfLoad = Annotated[
    int | None, typer.Option(metavar="LOAD", help="Try the rejected records of a load again, instead of WHERE.")
]
TimeZone = Annotated[
    str | None,
    typer.Option(metavar="ZONE", help="Zone of times without an offset, which are wrong otherwise: Europe/Berlin."),
]


def load(
    *,
    model: Annotated[ModelName, typer.Option(help="What the records are.", show_default=False)],
    config: Where = None,
    collector: Collecting = None,
    snapshot: Snapshot = False,
    max_gone: MaxGone = "10%",
    strict: Strict = False,
    max_rejected: MaxRejected = None,
    rejected_of: RejectedOfLoad = None,
    time_zone: TimeZone = None,
    again: Annotated[
        bool, typer.Option("--again", help="Load even if these bytes were the model's last load.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do all but keep it.")] = False,
    json: Json = False,
) -> None:
    """Load records of one model: in one transaction, whole or not at all.

    A record with a new key is inserted, one that differs is updated, the others leave the table as it is. Wrong records
    are kept apart: `catalogue rejected` shows them.

    Example: `python app.py catalogue load --model movie --config data/movies.csv`
    """
    if (config is None) == (rejected_of is None):
        raise SettingsError("either --config or --rejected-of says what to load", hint="give one of them")
    if strict and max_rejected is not None:
        raise SettingsError("--strict and --max-rejected contradict each other", hint="leave one of them out")
    options = Options(
        MODELS[model],
        zone=zone_of(time_zone),
        is_snapshot=snapshot,
        max_rejected=Limit.of("--max-rejected", "0" if strict else max_rejected or ("10%" if config else "100%")),
        max_gone=Limit.of("--max-gone", max_gone),
        again=again,
        is_dry_run=dry_run,
        newest=rejected_of,
    )
    given = None if config is None else Collected(sources(config, collector), MODELS[model], collector)
    with catalogue_in_use(note if json else say) as (url, connection), closing(connect(url)) as other:
        outcome = _load(connection, options, given or _rejected(other, rejected_of or 0, MODELS[model]))
    _print(outcome, options, is_json=json)


def _rejected(connection: Connection, load_id: int, model: Model) -> RejectedOf:
    found = loads.find_load(connection, load_id)
    if found is None:
        raise SettingsError(f"there is no load {load_id}", hint="list them: python app.py catalogue loads")
    return RejectedOf(connection, found, model)


def _load(connection: Connection, options: Options, given: Input) -> Outcome:
    with _shown(given, options.model) as progress:
        return run_load(connection, options, given, progress)


class _Bar:
    """Progress of a load by bytes."""

    def __init__(self, given: Input, model: Model) -> None:
        self._given = given
        self.label = f"loading {model.name} from {given.source}"
        self.moved: Callable[[int], None] = lambda _: None

    def say(self, line: str) -> None:
        note(line)

    def move(self) -> None:
        self.moved(self._given.read_bytes)

    def merge(self, records: int) -> None:
        self.label = f"merging {numbered(records, 'record')} into the table"
        self.move()


@contextmanager
def _shown(given: Input, model: Model) -> Iterator[_Bar]:
    progress = _Bar(given, model)
    with bar(lambda: progress.label, lambda: given.size_bytes) as progress.moved:
        yield progress


def _print(outcome: Outcome, options: Options, *, is_json: bool) -> None:
    if is_json:
        members = msgspec.to_builtins(outcome.load) | {
            "rejected_by_reason": outcome.rejections.by_reason,
            "same_as": outcome.same_as,
            "is_dry_run": options.is_dry_run,
        }
        say_lines([msgspec.json.encode(members).decode()])
    else:
        for line in said(outcome, is_dry_run=options.is_dry_run):
            say(line)
