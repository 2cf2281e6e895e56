"""Runs that have ended, read from their files for requests and for the page, a few at a time, in threads."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import NamedTuple, TypeVar

from anyio import to_thread
from starlette.exceptions import HTTPException

from metrics.errors import MetricsError
from metrics.harvest.archive.folders import Folders, is_run
from metrics.harvest.archive.runs import read_events, read_head, read_report, run_names
from metrics.harvest.core.event import Event
from metrics.harvest.core.run_report import RunHead, RunReport
from metrics.terminal.console import as_started
from metrics.web.outages import OutageLog
from metrics.web.problems import in_one_line
from metrics.web.turns import Turns

T = TypeVar("T")

LATEST = "latest"
AT_ONCE = 2
WAIT_S = 10.0
MAX_CACHED_BYTES = 16 << 20  # of report files whose contents are kept; a report takes about three times its file


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
        self._damaged = OutageLog("all reports of harvest can be read")

    async def do(self, work: Callable[[], T]) -> T:
        """Do some work in a thread, with a turn.

        Raises:
            HTTPException: 503, there are too many other requests.
        """
        async with self._turns.turn():
            return await to_thread.run_sync(work)

    def heads(self) -> Sequence[RunHead]:
        """Return all runs, the newest first. A report that cannot be read is left out, and logged."""
        heads: dict[str, tuple[FileId, RunHead]] = {}
        damage = None
        for run in run_names(self._folders):
            try:
                heads[run] = self._head(run)
            except MetricsError as error:
                damage = in_one_line(error)
        self._heads = heads
        self._damaged.report(damage)
        return sorted((head for _, head in heads.values()), key=lambda head: (head.started_at, head.run), reverse=True)

    def named(self, run: str) -> str:
        """Return the name of a run, which may be given as `latest`.

        Raises:
            HTTPException: 404, there is none.
        """
        if run == LATEST:
            return self._some()[0].run
        if is_run(run) and self._folders.report_file(run).is_file():
            return run
        self._some()
        raise HTTPException(404, f"no run {run} has ended; /harvest/runs lists those that have")

    def report(self, run: str) -> RunReport:
        """Return the report of a run.

        Args:
            run: a name, or `latest`.

        Raises:
            HTTPException: 404, there is none.
            FileError: it cannot be read.
        """
        run = self.named(run)
        key = run, self._file_id(self._folders.report_file(run))
        with self._lock:
            if key in self._reports:
                self._reports.move_to_end(key)
                return self._reports[key]
        report = read_report(self._folders, run)
        with self._lock:
            self._reports[key] = report
            while sum(file.size_bytes for _, file in self._reports) > MAX_CACHED_BYTES:
                self._reports.popitem(last=False)
        return report

    def find(self, run: str) -> RunReport | None:
        """Return the report of a run; None if there is none that can be read."""
        try:
            return self.report(run)
        except (HTTPException, MetricsError):
            return None

    def events(self, run: str) -> Iterator[Event]:
        """Return the events of a run, in their order.

        Args:
            run: a name, or `latest`.

        Raises:
            HTTPException: 404, there is no such run.
            FileError: they cannot be read.
        """
        return read_events(self._folders, self.named(run))

    def covered(self) -> Sequence[Covered]:
        """Return all runs, the oldest first.

        Raises:
            HTTPException: 404, there is none.
            FileError: there are no events of a run.
        """
        files = self._folders.processed_file
        return [
            Covered(head.run, _microseconds(head.started_at), self._file_id(files(head.run)))
            for head in reversed(self._some())
        ]

    def processed_file(self, run: str) -> Path:
        """Return the file of the events of a run, after trying to open it.

        Args:
            run: a name, or `latest`.

        Raises:
            HTTPException: 404, there is no such run.
            FileError: it cannot be read.
        """
        path = self._folders.processed_file(self.named(run))
        with self._folders.errors():
            path.open("rb").close()
        return path

    def _some(self) -> Sequence[RunHead]:
        """Return all runs, the newest first.

        Raises:
            HTTPException: 404, there is none.
        """
        heads = self.heads()
        if not heads:
            raise HTTPException(404, f"no run has ended yet; start one: {as_started('python app.py harvest')}")
        return heads

    def _head(self, run: str) -> tuple[FileId, RunHead]:
        file_id = self._file_id(self._folders.report_file(run))
        known = self._heads.get(run)
        return known if known is not None and known[0] == file_id else (file_id, read_head(self._folders, run))

    def _file_id(self, path: Path) -> FileId:
        with self._folders.errors():
            status = path.stat()
        return FileId(status.st_mtime_ns, status.st_size)


def _microseconds(instant: str) -> int:
    return round(datetime.fromisoformat(instant).timestamp() * 1_000) * 1_000
