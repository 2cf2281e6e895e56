"""The folders of harvest, with the files of each run."""

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from metrics.files.locks import folder_errors
from metrics.files.project import project_folder
from metrics.harvest.core.instants import run_name
from metrics.wording.errors import FileError

_RUN = re.compile(r"[0-9]{8}_[0-9]{6}(_[1-9][0-9]*)?")
JOURNAL = "journal.jsonl"


class DamagedRunError(FileError):
    """A run with files that are damaged, missing or unreadable; other runs are not affected."""


@dataclass(frozen=True)
class Folders:
    """The folders under HARVEST_DIR. Other files in them are left alone.

    Attributes:
        root: the folder HARVEST_DIR.
    """

    root: Path

    @classmethod
    def of(cls, harvest_dir: str) -> "Folders":
        """Return the folders under a HARVEST_DIR, relative to the clone or, if installed, the working folder."""
        return cls(project_folder() / harvest_dir)

    @property
    def raw(self) -> Path:
        """The folder of runs that are not finished."""
        return self.root / "raw"

    @property
    def processed(self) -> Path:
        """The folder of the events of each run."""
        return self.root / "processed"

    @property
    def archive(self) -> Path:
        """The folder of the raw files of finished runs."""
        return self.root / "archive"

    @property
    def report(self) -> Path:
        """The folder of reports."""
        return self.root / "report"

    def raw_run(self, run: str) -> Path:
        """Return the folder of the raw files of a run that is not finished."""
        return self.raw / run

    def processed_file(self, run: str) -> Path:
        """Return the file of the events of a run."""
        return self.processed / f"processed_{run}.csv"

    def archive_run(self, run: str) -> Path:
        """Return the folder of the raw files of a finished run."""
        return self.archive / run

    def execution_report(self, run: str) -> Path:
        """Return the file of the execution report: how long each stream was listened to."""
        return self.report / f"exec_report_{run}.txt"

    def report_file(self, run: str) -> Path:
        """Return the file of the report of a run, the last one to be written."""
        return self.report / f"report_{run}.json"

    def errors(self) -> AbstractContextManager[None]:
        """Convert operating system errors about these folders into FileErrors."""
        return folder_errors(self.root, "harvest", "allow reading and writing in it, or set HARVEST_DIR to another")

    def make(self) -> None:
        """Create missing folders.

        Raises:
            FileError: a folder cannot be created.
        """
        with self.errors():
            for folder in (self.raw, self.processed, self.archive, self.report):
                folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self.root)

    def new_run(self, started_us: int) -> str:
        """Create the raw folder of a new run; return its name, which no other run has in any folder.

        Raises:
            FileError: a folder cannot be created.
        """
        self.make()
        with self.errors():
            run = next(run for run in _names(run_name(started_us)) if not self._is_used(run))
            self.raw_run(run).mkdir()
            sync_folder(self.raw)
        return run

    def _is_used(self, run: str) -> bool:
        paths = (self.raw_run(run), self.processed_file(run), self.archive_run(run))
        return any(map(os.path.lexists, (*paths, self.execution_report(run), self.report_file(run))))


def is_run(name: str) -> bool:
    """Return whether this is the name of a run, such as `20231207_170121` or `20231207_170121_2`."""
    return _RUN.fullmatch(name) is not None


def raw_file(folder: Path, stream: str, connection: int) -> Path:
    """Return the file of the bytes of a connection, in the folder of its run."""
    return folder / f"{stream}-{connection}.sse"


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk, as fsync does for the contents of a file."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _names(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name}_{number}"
