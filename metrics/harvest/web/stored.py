"""Runs that have ended, read from their files for requests and for the page, a few at a time, in threads."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import NamedTuple, TypeVar

from anyio import to_thread
from starlette.exceptions import HTTPException

from metrics.harvest.archive.answering import ReportedRuns
from metrics.harvest.archive.folders import Folders, is_run
from metrics.harvest.archive.row_starts import EVERY, FIRST, RowStarts
from metrics.harvest.archive.runs import (
    LATEST,
    Listing,
    NoRunError,
    list_runs,
    read_events,
    read_head,
    read_report,
)
from metrics.harvest.core.event import Event
from metrics.harvest.core.reports import RunEvents
from metrics.harvest.core.run_report import RunFigures, RunHead, RunReport, without_users
from metrics.terminal.console import as_started
from metrics.web.outages import OutageLog
from metrics.web.problems import in_one_line
from metrics.web.turns import Turns
from metrics.wording.errors import MetricsError

T = TypeVar("T")

AT_ONCE = 2
WAIT_S = 10.0
MAX_INDEXED = 16  # processed files with an index of their rows
MAX_CACHED_BYTES = 16 << 20  # of the report files kept in memory


class FileId(NamedTuple):
    """The identity of a file's contents."""

    mtime_ns: int
    size_bytes: int


class Covered(NamedTuple):
    """A run, and the identity of its events.

    Attributes:
        started_us: microseconds since the epoch.
    """

    run: str
    started_us: int
    events: FileId


class Stored:
    """Runs that have ended.

    Memory is bounded: the head of each run takes about 3 kB, and the reports that are kept come from files of
    MAX_CACHED_BYTES together.
    """

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        busy = "the reports of harvest are being read for other requests; try again later"
        self._turns = Turns(AT_ONCE, WAIT_S, busy)
        self._lock = Lock()
        self._heads: dict[str, tuple[FileId, RunHead]] = {}
        self._reports: OrderedDict[tuple[str, FileId], RunReport] = OrderedDict()
        self._rows: OrderedDict[tuple[str, FileId], RowStarts] = OrderedDict()
        self._damaged = OutageLog("all reports of harvest can be read")

    async def do(self, work: Callable[[], T]) -> T:
        """Do some work in a thread, with a turn.

        Raises:
            HTTPException: 503, there are too many other requests.
        """
        async with self._turns.turn():
            return await to_thread.run_sync(work)

    def listing(self) -> Listing:
        """Return all runs, and log reports that cannot be read."""
        heads: dict[str, tuple[FileId, RunHead]] = {}

        def read(_: Folders, run: str) -> RunHead:
            heads[run] = self._head(run)
            return heads[run][1]

        listing = list_runs(self._folders, read)
        self._heads = heads
        self._damaged.report("; ".join(map(in_one_line, listing.unreadable.values())) or None)
        return listing

    def head(self, run: str) -> RunHead:
        """Return the report of a run without its answers.

        Raises:
            HTTPException: 404, there is none.
            FileError: it cannot be read.
        """
        with _errors(run):
            return self._head(self.named(run))[1]

    def named(self, run: str) -> str:
        """Return the name of a run, which may be given as `latest`.

        Raises:
            HTTPException: 404, there is none.
            FileError: `latest` may be a run whose report cannot be read.
        """
        if run == LATEST:
            listing = self._some()
            if listing.damage is not None:
                raise listing.damage
            return listing.newest
        if is_run(run) and self._folders.report_file(run).is_file():
            return run
        self._some()
        raise _no_run(run)

    def report(self, run: str) -> RunReport:
        """Return the report of a run.

        Args:
            run: a name, or `latest`.

        Raises:
            HTTPException: 404, there is none.
            FileError: it cannot be read.
        """
        run = self.named(run)
        with _errors(run):
            key = run, self._report_id(run)
        with self._lock:
            if key in self._reports:
                self._reports.move_to_end(key)
                return self._reports[key]
        with _errors(run):
            report = read_report(self._folders, run)
        with self._lock:
            self._reports[key] = report
            while sum(file.size_bytes for _, file in self._reports) > MAX_CACHED_BYTES:
                self._reports.popitem(last=False)
        return report

    def figures(self, run: str) -> RunFigures:
        """Return the report of a run without its users; arguments and errors are those of `report`."""
        return without_users(self.report(run))

    def find(self, run: str) -> RunFigures | None:
        """Return the report of a run without its users; None if there is none that can be read."""
        try:
            return self.figures(run)
        except (HTTPException, MetricsError):
            return None

    def events(self, run: str, after: int = 0) -> Iterator[Event]:
        """Return the events of a run, in their order.

        Args:
            run: a name, or `latest`.
            after: number of events to leave out.

        Raises:
            HTTPException: 404, there is no such run.
            FileError: they cannot be read.
        """
        run = self.named(run)
        start = self._row_starts(run).before(after) if after >= EVERY else FIRST
        return islice(read_events(self._folders, run, start), after - start.events, None)

    def _row_starts(self, run: str) -> RowStarts:
        path = self.processed_file(run)
        key = run, _file_id(path)
        with self._lock:
            known = self._rows.get(key)
        if known is None:
            with self._folders.errors(), path.open("rb") as file:
                known = RowStarts(file)
        with self._lock:
            self._rows[key] = known
            self._rows.move_to_end(key)
            while len(self._rows) > MAX_INDEXED:
                self._rows.popitem(last=False)
        return known

    def covered(self) -> Sequence[Covered]:
        """Return all runs, the oldest first.

        Raises:
            HTTPException: 404, there is none.
            FileError: the report of a run cannot be read, or its events cannot.
        """
        heads, unreadable = self._some()
        for error in unreadable.values():
            raise error
        return [Covered(head.run, head.started_us, self._events_id(head.run)) for head in reversed(heads)]

    def read(self, runs: Iterable[Covered]) -> ReportedRuns:
        """Return answers from the events of runs.

        Raises:
            FileError: events cannot be read, or sorted.
        """
        return ReportedRuns(
            self._folders, [RunEvents(run.started_us, read_events(self._folders, run.run)) for run in runs]
        )

    def processed_file(self, run: str) -> Path:
        """Return the file of the events of a run, after trying to open it.

        Args:
            run: a name, or `latest`.

        Raises:
            HTTPException: 404, there is no such run.
            FileError: it cannot be read.
        """
        run = self.named(run)
        path = self._folders.processed_file(run)
        try:
            path.open("rb").close()
        except OSError:
            next(self.events(run), None)  # raises how to write the file again
            raise
        return path

    def _some(self) -> Listing:
        """Return all runs.

        Raises:
            HTTPException: 404, there is none.
        """
        listing = self.listing()
        if not listing.heads and not listing.unreadable:
            raise HTTPException(404, f"no run has ended yet; start one: {as_started('python app.py harvest')}")
        return listing

    def _head(self, run: str) -> tuple[FileId, RunHead]:
        file_id = self._report_id(run)
        known = self._heads.get(run)
        if known is not None and known[0] == file_id:
            return known
        return file_id, read_head(self._folders, run)

    def _report_id(self, run: str) -> FileId:
        with self._folders.errors():
            try:
                return _file_id(self._folders.report_file(run))
            except FileNotFoundError as error:
                raise NoRunError(f"there is no run {run}") from error

    def _events_id(self, run: str) -> FileId:
        return _file_id(self.processed_file(run))


@contextmanager
def _errors(run: str) -> Iterator[None]:
    """Convert the error for a removed report into a 404."""
    try:
        yield
    except NoRunError:
        raise _no_run(run) from None


def _no_run(run: str) -> HTTPException:
    return HTTPException(404, f"no run {run} has ended; /harvest/runs lists those that have")


def _file_id(path: Path) -> FileId:
    status = path.stat()
    return FileId(status.st_mtime_ns, status.st_size)
