"""The end of a run: its other files are made from its raw files.

The steps are taken in this order; each is atomic, and on disk before the next one begins:

1. `processed/processed_RUN.csv`, the events in their order;
2. each raw file is cut after the last frame taken, and `raw/RUN` becomes `archive/RUN`;
3. `report/exec_report_RUN.txt`;
4. `report/report_RUN.json`.

So a run with the last of these is finished. If the process is killed at any moment, the steps are taken again from the
first one: the raw files are the same, and so are the files made from them.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from metrics.files import atomic
from metrics.harvest.archive.answering import ReportedRuns
from metrics.harvest.archive.folders import JOURNAL, DamagedRunError, Folders, is_run, raw_file, sync_folder
from metrics.harvest.archive.journal import damaged, has_line
from metrics.harvest.archive.lock import LockedFolders
from metrics.harvest.archive.replay import Progress, Replayed, replay, unwatched
from metrics.harvest.archive.runs import read_events
from metrics.harvest.archive.sorting import PREFIX
from metrics.harvest.core.report_json import run_report_json
from metrics.harvest.core.reports import RunEvents
from metrics.harvest.core.run_report import RunFigures, execution_report, run_report
from metrics.wording.errors import FileError, MetricsError
from metrics.wording.text import in_line, numbered

_DISK_HINT = "move HARVEST_DIR to a larger disk"
# Names of the temporary files of `atomic` and `sorting`.
_FINAL_NAME = r"(processed_[0-9_]+\.csv|exec_report_[0-9_]+\.txt|report_[0-9_]+\.json)"
_LEFT_OVER = re.compile(rf"{_FINAL_NAME}\.[0-9a-f]+\.part|{re.escape(PREFIX)}.*")


class StoppedError(MetricsError):
    """A harvest that was stopped while it finished earlier runs, so its own run did not begin."""


def finish(folders: LockedFolders, run: str, progress: Progress = unwatched) -> RunFigures:
    """Make the files of a run that has stopped for any reason; return its report without the users.

    Raises:
        DamagedRunError: its journal or a raw file is damaged, or the archive has another run of its name.
        FileError: a file cannot be written; the next harvest finishes the run.
    """
    with _left_to_next_harvest(run):
        return _report(folders, run, _archive(folders, run, progress))


def unfinished(folders: Folders) -> list[str]:
    """Return the sorted names of the runs without a report, including one that is still running.

    Raises:
        FileError: the folders cannot be read.
    """
    archived = (path for path in _runs_in(folders, folders.archive) if (path / JOURNAL).is_file())
    without_report = (path.name for path in archived if not folders.report_file(path.name).exists())
    return sorted({*(path.name for path in _runs_in(folders, folders.raw)), *without_report})


def finish_all(
    folders: LockedFolders, say: Callable[[str], None], is_stopping: Callable[[], bool] = lambda: False
) -> list[str]:
    """Finish the runs without a report, such as those of killed processes; return the names of the finished ones.

    A run that had taken nothing is removed. A damaged one is skipped with a warning, so it does not prevent others from
    being finished, or new ones from starting; it stays as it is until its user repairs or moves it.

    Args:
        say: called with each warning about a run.
        is_stopping: asked after each run.

    Raises:
        FileError: a file cannot be written or removed.
        StoppedError: it is stopping.
    """
    _remove_left_over(folders)
    finished: list[str] = []
    left = unfinished(folders)
    while left:
        run = left.pop(0)
        if _finish_killed(folders, run, say):
            finished.append(run)
        if is_stopping():
            raise StoppedError(f"stopped before the run began; the next harvest finishes {numbered(len(left), 'run')}")
    return finished


def _finish_killed(folders: LockedFolders, run: str, say: Callable[[str], None]) -> bool:
    """Finish a run without a report; return whether that was possible."""
    if _is_empty(folders.raw_run(run)):
        _remove(folders, folders.raw_run(run))
        say(f"run {run} was killed before its first request: removed")
        return False
    say(f"run {run} has no report (was it killed?): finishing it")
    try:
        with _left_to_next_harvest(run), _blamed_on(folders, run):
            replayed = _archive(folders, run, unwatched)
            report = _report(folders, run, replayed)
    except DamagedRunError as error:
        say(f"run {run} is skipped: {error}")
        return False
    say(f"run {run} is finished: {numbered(report.events, 'event')}")
    if replayed.lost:
        say(f"run {run} lacks {numbered(replayed.lost, 'frame')}: in its journal, but not complete in its raw files")
    return True


def _runs_in(folders: Folders, folder: Path) -> list[Path]:
    with folders.errors():
        if not folder.exists():
            return []
        return [path for path in folder.iterdir() if is_run(path.name) and path.is_dir()]


def _is_empty(folder: Path) -> bool:
    """Return whether the folder of a run has neither a line in its journal nor a byte of a stream."""
    try:
        files = {path.name: path for path in folder.iterdir()}
        journal = files.pop(JOURNAL, None)
        if journal is not None and has_line(journal):
            return False
        return all(path.suffix == ".sse" and path.stat().st_size == 0 for path in files.values())
    except OSError:  # it is in the archive; or finishing it reports why it cannot be read
        return False


def _remove(folders: Folders, folder: Path) -> None:
    with folders.errors():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _remove_left_over(folders: Folders) -> None:
    """Remove the temporary files of processes that were killed."""
    with folders.errors():
        for folder in (folders.processed, folders.report):
            for path in folder.iterdir():
                if _LEFT_OVER.fullmatch(path.name):
                    path.unlink()


@contextmanager
def _blamed_on(folders: Folders, run: str) -> Iterator[None]:
    """Convert an unexpected error, such as a lack of memory, into one about this run."""
    try:
        yield
    except FileError:
        raise
    except Exception as error:
        hint = f"move {_folder(folders, run)} elsewhere"
        raise DamagedRunError("it cannot be finished", why=repr(error), hint=hint) from error


def _folder(folders: Folders, run: str) -> Path:
    """Return the folder of a run's raw files."""
    raw = folders.raw_run(run)
    return raw if raw.is_dir() else folders.archive_run(run)


@contextmanager
def _left_to_next_harvest(run: str) -> Iterator[None]:
    """Add a hint about the next harvest to an error of writing."""
    try:
        yield
    except DamagedRunError:
        raise
    except FileError as error:
        hint = f"{error.hint}\nthen start harvest again: it first finishes run {run}"
        raise FileError(error.what, why=error.why, hint=hint) from error


def _archive(folders: Folders, run: str, progress: Progress) -> Replayed:
    """Take steps 1 and 2; only step 1 if the run is already in the archive."""
    raw, archived = folders.raw_run(run), folders.archive_run(run)
    if not _folder(folders, run).is_dir():
        why = f"neither {raw} nor {archived} exists"
        raise DamagedRunError(f"the raw files of run {run} are gone", why=why, hint=f"restore {raw} from a copy")
    if not raw.is_dir():
        return _write_events(folders, run, archived, progress)
    if os.path.lexists(archived):
        hint = f"compare the two, and move {raw} or {archived} elsewhere"
        raise DamagedRunError(f"{raw} cannot be archived", why=f"{archived} exists too", hint=hint)
    replayed = _write_events(folders, run, raw, progress)
    _cut(raw, replayed)
    with atomic.write_errors(archived, _DISK_HINT):
        raw.rename(archived)
        sync_folder(folders.archive)
        sync_folder(folders.raw)
    return replayed


def _write_events(folders: Folders, run: str, source: Path, progress: Progress) -> Replayed:
    path = folders.processed_file(run)
    with atomic.writing(path, _DISK_HINT) as file, atomic.write_errors(path, _DISK_HINT):
        replayed = replay(source, file, folders.processed, progress)
        if (name := replayed.timeline.started.run) != run:
            raise damaged(source / JOURNAL, f"it is of another run, {in_line(name)}")
    _sync_name(path)
    return replayed


def _cut(folder: Path, replayed: Replayed) -> None:
    """Cut each raw file after the last frame taken, and wait until all files of the run are on disk."""
    for connection, end in replayed.ends.items():
        path = raw_file(folder, *connection)
        with atomic.write_errors(path, _DISK_HINT), suppress(FileNotFoundError), _opened(path) as file:
            file.truncate(end)
            os.fsync(file.fileno())
    path = folder / JOURNAL
    with atomic.write_errors(path, _DISK_HINT), _opened(path) as file:
        os.fsync(file.fileno())
    _sync_name(path)


def _opened(path: Path) -> IO[bytes]:
    """Open a file of a run to change it.

    Raises:
        DamagedRunError: that is not allowed, as for a file of another user.
        OSError: it cannot be opened.
    """
    try:
        return path.open("r+b")
    except PermissionError as error:
        hint = f"allow writing it, or move the folder {path.parent} elsewhere"
        raise DamagedRunError(f"{path} cannot be written", why=error.strerror or str(error), hint=hint) from error


def _report(folders: Folders, run: str, replayed: Replayed) -> RunFigures:
    """Take steps 3 and 4."""
    sizes = Counter[str]()
    for (stream, _), end in replayed.ends.items():
        sizes[stream] += end
    timeline = replayed.timeline
    answers = ReportedRuns(folders, [RunEvents(timeline.started.at_us, read_events(folders, run))])
    report = run_report(timeline, replayed.tally, sizes, answers.figures)
    _write(folders.execution_report(run), [execution_report(report).encode()])
    _write(folders.report_file(run), run_report_json(report, answers.users()))
    return report


def _write(path: Path, parts: Iterable[bytes]) -> None:
    with atomic.writing(path, _DISK_HINT) as file, atomic.write_errors(path, _DISK_HINT):
        file.writelines(parts)
    _sync_name(path)


def _sync_name(path: Path) -> None:
    with atomic.write_errors(path, _DISK_HINT):
        sync_folder(path.parent)
