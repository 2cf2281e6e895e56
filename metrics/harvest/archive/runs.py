"""The finished runs, read from their files.

A file that a user removed is an error only when it is needed: a run without its processed file still has its report.
Other files in the folders are ignored.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from metrics.errors import FileError
from metrics.harvest.archive.folders import DamagedRunError, Folders, is_run
from metrics.harvest.archive.row_starts import FIRST, RowStart
from metrics.harvest.core.event import Event
from metrics.harvest.core.rows import COLUMNS, event_of, read_rows
from metrics.harvest.core.run_report import RunHead, RunReport

LATEST = "latest"

_REPORT = re.compile(r"report_(.+)\.json")
_REWRITE_HINT = "remove it, and the next harvest writes it again from the archive"

_Report = TypeVar("_Report", RunHead, RunReport)


class NoRunError(FileError):
    """A run without a report, or a folder without any run."""


def run_names(folders: Folders) -> list[str]:
    """Return the names of the runs that have a report, unordered.

    Raises:
        FileError: the folder cannot be read.
    """
    with folders.errors():
        paths = [*folders.report.iterdir()] if folders.report.exists() else []
    names = (match[1] for path in paths if (match := _REPORT.fullmatch(path.name)))
    return [name for name in names if is_run(name)]


def list_runs(folders: Folders) -> list[RunHead]:
    """Return the heads of the runs that have a report, the newest start first.

    Raises:
        FileError: a report cannot be read.
    """
    return sorted((read_head(folders, run) for run in run_names(folders)), key=_start, reverse=True)


def find_run(folders: Folders, run: str) -> str:
    """Return the name of a run, which may be given as `latest`.

    Raises:
        NoRunError: it has no report.
        FileError: a report cannot be read.
    """
    if run == LATEST:
        runs = list_runs(folders)
        if not runs:
            raise NoRunError(f"there is no run in {folders.root}", hint="start one: python app.py harvest")
        return runs[0].run
    if not is_run(run) or not folders.report_file(run).exists():
        raise NoRunError(f"there is no run {run} in {folders.root}", hint="list the runs: python app.py harvest runs")
    return run


def read_head(folders: Folders, run: str) -> RunHead:
    """Return the report of a run without its answers.

    Raises:
        FileError: there is none, or it cannot be read.
    """
    return _read(folders.report_file(run), RunHead)


def read_report(folders: Folders, run: str) -> RunReport:
    """Return the report of a run.

    Raises:
        FileError: there is none, or it cannot be read.
    """
    return _read(folders.report_file(run), RunReport)


def read_events(folders: Folders, run: str, start: RowStart = FIRST) -> Iterator[Event]:
    """Yield the events of a run in their order, from its processed file.

    Args:
        start: of the first event to yield.

    Raises:
        FileError: there is none, or it cannot be read.
    """
    path = folders.processed_file(run)
    again = f"write it again: python app.py harvest replay {folders.archive_run(run)} > {path}"
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


def _read(path: Path, kind: type[_Report]) -> _Report:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as error:
        hint = "list the runs: python app.py harvest runs"
        raise NoRunError(f"{path} does not exist", why="the run has no report", hint=hint) from error
    except OSError as error:
        hint = f"allow reading it, or {_REWRITE_HINT}"
        raise DamagedRunError(f"{path} cannot be read", why=error.strerror or str(error), hint=hint) from error
    except msgspec.ValidationError as error:
        what = f"{path} is not a report of this version"
        raise DamagedRunError(what, why=str(error), hint=_REWRITE_HINT) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedRunError(f"{path} is damaged", why=str(error), hint=_REWRITE_HINT) from error


def _start(run: RunHead) -> tuple[str, int, str]:
    """Return the sort key of a run; of two that started in the same millisecond, `_2` is the later one."""
    return run.started_at, len(run.run), run.run
