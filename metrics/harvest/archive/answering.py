"""Answers from the events of runs, however many there are: figures in one pass, users from events sorted by user."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import gettempdir

import msgspec

from metrics.files.atomic import write_errors
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.sorting import SortedRows
from metrics.harvest.core.reports import FigureCounts, RunEvents, UserEvent, UserReport, report_users

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(UserEvent).decode


class ReportedRuns:
    """Answers from the events of one or more runs, which are read once.

    Memory does not grow with the events: figures keep a few numbers for each user and show; users are read from a file
    without a name, one at a time, and as often as needed.

    Args:
        runs: in any order.

    Attributes:
        figures: all answers except the reports of users.

    Raises:
        FileError: events cannot be read, or sorted.
    """

    def __init__(self, folders: Folders, runs: Iterable[RunEvents]) -> None:
        counts = FigureCounts()
        self._rows = SortedRows(_rows(counts.take(runs)), _sorted_in(folders))
        self.figures = counts.figures()

    def users(self) -> Iterator[UserReport]:
        """Yield the reports of users, by id."""
        return report_users(map(_decode, self._rows))


def _rows(events: Iterable[UserEvent]) -> Iterator[tuple[tuple[int, int], bytes]]:
    for number, event in enumerate(events):
        yield (event.user_id, number), _encode(event)


def _sorted_in(folders: Folders) -> Path:
    """Return a folder for sorting: that of the events, or the system's where the former can only be read."""
    with write_errors(folders.processed, "use a larger disk"):
        return folders.processed if os.access(folders.processed, os.W_OK) else Path(gettempdir())
