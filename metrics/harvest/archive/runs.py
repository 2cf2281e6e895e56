"""The finished runs, read from their files.

A file that a user removed is an error only when it is needed: a run without its processed file still has its report.
Other files in the folders are ignored.
"""

import csv
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar, cast, overload

import msgspec
from msgspec import structs

from metrics.harvest.archive.folders import DamagedRunError, Folders, is_run
from metrics.harvest.archive.row_starts import FIRST, RowStart
from metrics.harvest.core.event import Event
from metrics.harvest.core.instants import amsterdam_day
from metrics.harvest.core.reports import UserReport
from metrics.harvest.core.rows import COLUMNS, event_of, read_rows
from metrics.harvest.core.run_report import RunAnswers, RunHead, RunReport
from metrics.wording.errors import FileError
from metrics.wording.text import in_line

LATEST = "latest"

_REPORT = re.compile(r"report_(.+)\.json")
_REWRITE_HINT = "remove it, and the next harvest writes it again from the archive"

_NAME_SIZE = len("20231207_170121")
_LIST_HINT = "list the runs: python app.py harvest runs"

_Report = TypeVar("_Report", bound=RunHead)

_decode_user = msgspec.json.Decoder(UserReport).decode


class NoRunError(FileError):
    """A run without a report, or a folder without any run."""


class Listing(NamedTuple):
    """The runs that have a report.

    Attributes:
        heads: of the reports that can be read, the newest start first.
        unreadable: for each other run, why its report cannot be read.
    """

    heads: Sequence[RunHead]
    unreadable: Mapping[str, FileError]

    @property
    def newest(self) -> str:
        """The name of the newest run; empty without any."""
        return max([*self.unreadable, *(head.run for head in self.heads[:1])], key=name_key, default="")

    @property
    def damage(self) -> FileError | None:
        """Why the report of the newest run cannot be read; None if it can be, or if there is none."""
        return self.unreadable.get(self.newest)


class _StoredUsers(Sequence[UserReport]):
    """Users of a report, each decoded when it is read, so that memory is that of the file.

    Reading one raises DamagedRunError if it is not the report of a user.
    """

    def __init__(self, path: Path, encoded: Sequence[msgspec.Raw]) -> None:
        self._path, self._encoded = path, encoded

    def __len__(self) -> int:
        return len(self._encoded)

    @overload
    def __getitem__(self, index: int) -> UserReport: ...
    @overload
    def __getitem__(self, index: slice) -> list[UserReport]: ...
    def __getitem__(self, index: int | slice) -> UserReport | list[UserReport]:
        with _errors(self._path):
            if isinstance(index, slice):
                return [_decode_user(user) for user in self._encoded[index]]
            return _decode_user(self._encoded[index])


def run_names(folders: Folders) -> list[str]:
    """Return the names of the runs that have a report, unordered.

    Raises:
        FileError: the folder cannot be read.
    """
    with folders.errors():
        paths = [*folders.report.iterdir()] if folders.report.exists() else []
    names = (match[1] for path in paths if (match := _REPORT.fullmatch(path.name)))
    return [name for name in names if is_run(name)]


def list_runs(folders: Folders, read: Callable[[Folders, str], RunHead] | None = None) -> Listing:
    """Return the runs that have a report.

    Args:
        read: `read_head`, or a function that does the same from a cache.

    Raises:
        FileError: the folder cannot be read.
    """
    heads: list[RunHead] = []
    unreadable: dict[str, FileError] = {}
    for run in sorted(run_names(folders), key=name_key):
        try:
            heads.append((read or read_head)(folders, run))
        except NoRunError:
            continue  # it has just been removed
        except FileError as error:
            unreadable[run] = error
    return Listing(sorted(heads, key=start_key, reverse=True), unreadable)


def start_key(run: RunHead) -> tuple[str, int, str]:
    """Return the sort key of a run; of two that started in the same millisecond, `_2` is the later one."""
    return run.started_at, len(run.run), run.run


def name_key(run: str) -> tuple[str, int, str]:
    """Return the sort key of the name of a run, for those whose reports cannot be read; `_2` is before `_10`."""
    return run[:_NAME_SIZE], len(run), run


def require_run(folders: Folders, run: str) -> str:
    """Return the name of a run, if it has a report.

    Raises:
        NoRunError: it has none.
    """
    if not is_run(run) or not folders.report_file(run).exists():
        raise NoRunError(f"there is no run {in_line(run)} in {folders.root}", hint=_LIST_HINT)
    return run


def read_head(folders: Folders, run: str) -> RunHead:
    """Return the report of a run without its answers.

    Raises:
        FileError: there is none, or it cannot be read.
    """
    return _read(folders.report_file(run), run, RunHead)


def read_report(folders: Folders, run: str) -> RunReport:
    """Return the report of a run, whose users are decoded when they are read.

    Raises:
        FileError: there is none, or it cannot be read.
    """
    path = folders.report_file(run)
    report = _read(path, run, RunAnswers[list[msgspec.Raw]])
    users = _StoredUsers(path, report.reports.users)
    return cast("RunReport", structs.replace(report, reports=structs.replace(report.reports, users=users)))


def report_lines(folders: Folders, run: str) -> Iterator[str]:
    """Yield the lines of the report of a run, without their ends.

    Raises:
        FileError: there is none, or it cannot be read.
    """
    path = folders.report_file(run)
    with _errors(path), path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.removesuffix("\n")


def read_events(folders: Folders, run: str, start: RowStart = FIRST) -> Iterator[Event]:
    """Yield the events of a run in their order, from its processed file.

    Args:
        start: of the first event to yield.

    Raises:
        FileError: there is none, or it cannot be read.
    """
    path = folders.processed_file(run)
    archived, csv_file = shlex.quote(str(folders.archive_run(run))), shlex.quote(str(path))
    again = f"write it again: python app.py harvest replay {archived} > {csv_file}"
    number = 1 + start.events
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = read_rows(file)
            if next(rows, None) != [*COLUMNS]:
                raise DamagedRunError(f"{path} is damaged", why="its first line has other columns", hint=again)
            if start.offset:
                file.seek(start.offset)
            for row in rows:
                number += 1
                yield event_of(row)
    except OSError as error:
        raise DamagedRunError(f"{path} cannot be read", why=error.strerror or str(error), hint=again) from error
    except (ValueError, csv.Error) as error:
        raise DamagedRunError(f"{path} is damaged", why=f"row {number}: {error}", hint=again) from error


def _read(path: Path, run: str, kind: type[_Report]) -> _Report:
    with _errors(path):
        report = msgspec.json.decode(path.read_bytes(), type=kind)
        amsterdam_day(report.started_us)
    if report.run != run:
        raise DamagedRunError(f"{path} is damaged", why=f"it is of run {in_line(report.run)}", hint=_REWRITE_HINT)
    return report


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Turn errors of reading a report into FileErrors."""
    try:
        yield
    except FileNotFoundError as error:
        raise NoRunError(f"{path} does not exist", why="the run has no report", hint=_LIST_HINT) from error
    except OSError as error:
        hint = f"allow reading it, or {_REWRITE_HINT}"
        raise DamagedRunError(f"{path} cannot be read", why=error.strerror or str(error), hint=hint) from error
    except msgspec.ValidationError as error:
        what = f"{path} is not a report of this version"
        raise DamagedRunError(what, why=str(error), hint=_REWRITE_HINT) from error
    except (msgspec.DecodeError, ValueError, OverflowError) as error:
        raise DamagedRunError(f"{path} is damaged", why=str(error), hint=_REWRITE_HINT) from error
