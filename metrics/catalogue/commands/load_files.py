"""`catalogue load` of files, downloads, and the rejected records of a load."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

from metrics.catalogue.collect.sources import sources
from metrics.catalogue.commands.database import use_catalogue
from metrics.catalogue.commands.load_options import CollectorName
from metrics.catalogue.core.models import Model
from metrics.catalogue.load import loads
from metrics.catalogue.load.again import RejectedOf
from metrics.catalogue.load.collected import Collected
from metrics.catalogue.load.limits import DEFAULT, Limit
from metrics.catalogue.load.loads import Connection
from metrics.catalogue.load.run import Input, Options, Outcome
from metrics.catalogue.load.run import load as run_load
from metrics.postgres.connect import connect
from metrics.terminal.console import note
from metrics.terminal.progress import bar
from metrics.wording.errors import SettingsError
from metrics.wording.text import numbered


class FileOptions(NamedTuple):
    """Options of a load of files, as given on the command line.

    Attributes:
        config, rejected_of: the input; one of them is None.
    """

    config: str | None
    collector: CollectorName | None
    rejected_of: int | None
    strict: bool
    max_rejected: str | None
    max_gone: str | None


def load_files(asked: FileOptions, options: Options, report: Callable[[str], None]) -> Outcome:
    """Load records from files, or the rejected ones of a load; return the outcome.

    Args:
        report: called with each message of a new local database.
    """
    if (asked.config is None) == (asked.rejected_of is None):
        raise SettingsError("either --config or --rejected-of is needed", hint="give one of them")
    if asked.rejected_of is not None and (options.is_snapshot or options.again or asked.collector is not None):
        raise SettingsError(
            "--rejected-of cannot be combined with --snapshot, --again or --collector",
            why="it loads records from the database, and only those that were rejected",
            hint="leave them out",
        )
    if asked.max_gone is not None and not options.is_snapshot:
        raise SettingsError("--max-gone needs --snapshot", hint="leave it out, or add --snapshot")
    if asked.strict and asked.max_rejected is not None:
        raise SettingsError("--strict and --max-rejected contradict each other", hint="leave one of them out")
    most = "0" if asked.strict else asked.max_rejected or (DEFAULT if asked.config else "100%")
    options = options._replace(
        max_rejected=Limit.of("--max-rejected", most),
        max_gone=Limit.of("--max-gone", asked.max_gone or DEFAULT),
    )
    model, config = options.model, asked.config
    given = None if config is None else Collected(sources(config, asked.collector), model, asked.collector)
    with use_catalogue(report) as (url, connection):
        if given is not None:
            return _load(connection, options, given)
        with closing(connect(url)) as other:
            return _load(connection, options, _rejected_records(other, asked.rejected_of or 0, model))


def _rejected_records(connection: Connection, load_id: int, model: Model) -> RejectedOf:
    found = loads.find_load(connection, load_id)
    if found is None:
        raise SettingsError(f"there is no load {load_id}", hint="list them: python app.py catalogue loads")
    return RejectedOf(connection, found, model)


def _load(connection: Connection, options: Options, given: Input) -> Outcome:
    with _show_progress(given, options.model) as progress:
        return run_load(connection, options, given, progress)


class _Bar:
    """Progress bar of a load, by bytes."""

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
def _show_progress(given: Input, model: Model) -> Iterator[_Bar]:
    progress = _Bar(given, model)
    with bar(lambda: progress.label, lambda: given.size_bytes) as progress.moved:
        yield progress
