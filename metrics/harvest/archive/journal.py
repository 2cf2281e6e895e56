"""The file of a run's journal."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from metrics.harvest.archive.appended import AppendedFile
from metrics.harvest.archive.folders import JOURNAL, DamagedRunError
from metrics.harvest.core.journal import AnyEntry, Opened, Started, Stopped

# More than any line of a run; a damaged file may have lines of any length.
_LINE_LIMIT_BYTES = 1 << 20


class JournalWriter:
    """The journal of a new run, in its folder `raw/RUN`.

    Raises:
        FileError: by each method, if the file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._file = AppendedFile(folder / JOURNAL)
        self._encoder = msgspec.json.Encoder()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, entries: Iterable[AnyEntry]) -> None:
        """Write entries by one system call; if it fails, none of them is kept."""
        self._file.write(self._encoder.encode_lines(entries))


def has_line(path: Path) -> bool:
    """Return whether a journal has a complete first line.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.readline(_LINE_LIMIT_BYTES).endswith(b"\n")


def read_journal(folder: Path) -> Iterator[AnyEntry]:
    """Yield the entries of a run's journal: `Started`, then any others, and at most one `Stopped`, the last.

    A killed process may leave an incomplete last line, which is ignored. An empty journal yields nothing.

    Raises:
        DamagedRunError: the file is missing, cannot be read, or is not the journal of a run.
    """
    path = folder / JOURNAL
    decoder = msgspec.json.Decoder(AnyEntry)
    before: AnyEntry | None = None
    started_us = 0
    try:
        with path.open("rb") as file:
            lines = iter(lambda: file.readline(_LINE_LIMIT_BYTES), b"")
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n") and len(line) < _LINE_LIMIT_BYTES:
                    return  # the last one
                try:
                    entry = decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise damaged(path, f"line {number} is not an entry of a journal: {error}") from error
                if fault := _fault(entry, before, started_us):
                    raise damaged(path, f"line {number} {fault}")
                if before is None:
                    started_us = entry.at_us
                yield entry
                before = entry
    except OSError as error:
        raise unreadable(path, error) from error


def _fault(entry: AnyEntry, before: AnyEntry | None, started_us: int) -> str | None:
    """Return why an entry cannot follow the one before it, as the predicate of a sentence; None if it can."""
    if isinstance(entry, Started) is not (before is None) or isinstance(before, Stopped):
        return "is not one that can follow the line before it"
    if before is not None and entry.at_us < before.at_us:
        return "has a time before that of the line before it"
    if isinstance(entry, Opened) and entry.requested_us > entry.at_us:
        return "has a request after its answer"
    if isinstance(entry, Opened) and entry.requested_us < started_us:
        return "has a request before the start of the run"
    return None


def damaged(path: Path, why: str) -> DamagedRunError:
    """Return the error for a file with contents that no run writes."""
    hint = f"restore {path.name} from a copy, or move the folder {path.parent} elsewhere"
    return DamagedRunError(f"{path} is damaged", why=why, hint=hint)


def unreadable(path: Path, error: OSError) -> DamagedRunError:
    """Return the error for a file of a run that is missing or cannot be read."""
    hint = f"allow reading {path.name}, restore it from a copy, or move the folder {path.parent} elsewhere"
    return DamagedRunError(f"{path} cannot be read", why=error.strerror or str(error), hint=hint)
