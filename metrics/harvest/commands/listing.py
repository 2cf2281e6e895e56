"""The runs that commands show."""

from collections.abc import Mapping, Sequence

from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.runs import NoRunError, list_runs
from metrics.harvest.core.run_report import RunHead
from metrics.terminal.console import warn
from metrics.wording.errors import FileError


def readable_runs(folders: Folders) -> Sequence[RunHead]:
    """Return the runs whose reports can be read, the newest first; each of the others is a warning.

    Raises:
        NoRunError: there is no run.
        FileError: no report can be read.
    """
    heads, unreadable = list_runs(folders)
    if not heads:
        for error in unreadable.values():
            raise error
        raise NoRunError(f"there is no run in {folders.root}", hint="start one: python app.py harvest")
    warn_unreadable(unreadable)
    return heads


def warn_unreadable(unreadable: Mapping[str, FileError]) -> None:
    """Print a warning for each run that is left out, since its report cannot be read."""
    for run, error in unreadable.items():
        warn(f"run {run} is left out: {error}")
