"""The replay of a run: its events, made once more from its journal and its raw files, as sorted CSV."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from metrics.harvest.archive.folders import JOURNAL, raw_file
from metrics.harvest.archive.journal import damaged, read_journal, unreadable
from metrics.harvest.archive.sorting import SortedRows
from metrics.harvest.core.event import STREAMS, Event, Position
from metrics.harvest.core.frames import Frame, FrameParser
from metrics.harvest.core.journal import AnyEntry, Closed, Failed, Opened, Started, Taken
from metrics.harvest.core.order import SortKey, sort_key
from metrics.harvest.core.rows import COLUMNS, cells, row_text
from metrics.harvest.core.tally import Tally
from metrics.harvest.core.timeline import Timeline

Progress = Callable[[int, int], None]
"""Called with the bytes of raw files read so far, and their total."""

_CHUNK_BYTES = 64 << 10


def unwatched(_done: int, _total: int) -> None:
    """Ignore the progress of a replay."""


class Replayed(NamedTuple):
    """The result of a replay.

    Attributes:
        ends: for each connection, as stream and number, the bytes of its raw file through the last frame taken.
        lost: number of frames that were taken, but are not complete in the raw files, because these were changed or
            their disk lost its power; 0 for a killed process: its last line may lack its bytes.
    """

    timeline: Timeline
    tally: Tally
    ends: dict[tuple[str, int], int]
    lost: int


def replay(folder: Path, csv: IO[bytes], sorted_in: Path, progress: Progress = unwatched) -> Replayed:
    """Write the events of a run as CSV. Equal raw files give equal bytes; nothing in the folder is changed.

    Args:
        folder: of the run, in `raw` or `archive`.
        sorted_in: a folder with temporary space for the size of the CSV.

    Raises:
        DamagedRunError: the journal is not that of a run, or a file cannot be read.
        FileError: the rows cannot be sorted.
        OSError: `csv` cannot be written.
    """
    entries = read_journal(folder)
    started = next(entries, None)
    if not isinstance(started, Started):
        raise damaged(folder / JOURNAL, "its first line, with the run and its rule to stop, is missing")
    run = _Run(folder, started, progress)
    csv.write(row_text(COLUMNS).encode())
    csv.writelines(SortedRows(run.rows(entries), sorted_in))
    return Replayed(run.timeline, run.tally, run.ends, run.lost)


class _Run:
    """A run being replayed, entry by entry."""

    def __init__(self, folder: Path, started: Started, progress: Progress) -> None:
        self.timeline = Timeline(started)
        self.tally = Tally(started.name, started.times)
        self.ends: dict[tuple[str, int], int] = {}
        self._missing = 0
        self._folder = folder
        self._open: dict[tuple[str, int], Iterator[tuple[Position, Frame]]] = {}
        self._read_bytes, self._size_bytes = 0, sum(map(_size, folder.glob("*.sse")))
        self._progress = progress

    @property
    def lost(self) -> int:
        """Number of frames taken that are not complete in the raw files; 0 for a killed process."""
        return 0 if self.timeline.stopped_by == "killed" else self._missing

    def rows(self, entries: Iterable[AnyEntry]) -> Iterator[tuple[SortKey, bytes]]:
        """Yield each event as its sort key and its row of CSV, in the order in which the run took them."""
        for event in self._events(entries):
            yield sort_key(event), row_text(cells(event)).encode()

    def _events(self, entries: Iterable[AnyEntry]) -> Iterator[Event]:
        for entry in entries:
            if isinstance(entry, Opened | Taken | Closed | Failed) and entry.stream not in STREAMS:
                raise damaged(self._folder / JOURNAL, f"it names a stream {entry.stream}")
            self.timeline.take(entry)
            match entry:
                case Opened(stream=stream, connection=connection):
                    self._begin(stream, connection)
                case Closed(stream=stream, connection=connection):
                    self._frames(stream, connection)
                    del self._open[stream, connection]
                case Taken(stream=stream, connection=connection):
                    taken = next(self._frames(stream, connection), None)
                    self._missing += taken is None
                    if taken is not None and (event := self._take(*taken)) is not None:
                        yield event
        if self.timeline.stopped_by == "killed":
            yield from self._unrecorded()

    def _unrecorded(self) -> Iterator[Event]:
        """Yield the events of frames in raw files without a line in the journal.

        A killed process leaves none, since it writes lines first; a computer that lost its power may.
        """
        for frames in self._open.values():
            for position, frame in frames:
                if self.tally.is_full:
                    return
                if (event := self._take(position, frame)) is not None:
                    yield event

    def _begin(self, stream: str, connection: int) -> None:
        if (stream, connection) in self.ends:
            raise damaged(self._folder / JOURNAL, f"it opens the connection {stream}-{connection} twice")
        self.ends[stream, connection] = 0
        self._open[stream, connection] = self._read(stream, connection)

    def _frames(self, stream: str, connection: int) -> Iterator[tuple[Position, Frame]]:
        frames = self._open.get((stream, connection))
        if frames is None:
            raise damaged(self._folder / JOURNAL, f"it uses the connection {stream}-{connection}, which is not open")
        return frames

    def _read(self, stream: str, connection: int) -> Iterator[tuple[Position, Frame]]:
        """Yield the complete frames of a raw file; none if a killed process had yet to create it."""
        path = raw_file(self._folder, stream, connection)
        parser, number = FrameParser(self.timeline.started.frame_limit_bytes), 0
        try:
            with path.open("rb", buffering=0) as file:
                while chunk := file.read(_CHUNK_BYTES):
                    self._read_bytes += len(chunk)
                    self._progress(self._read_bytes, self._size_bytes)
                    for frame in parser.feed(chunk):
                        number += 1
                        yield Position(stream, connection, number), frame
        except FileNotFoundError:
            return
        except OSError as error:
            raise unreadable(path, error) from error

    def _take(self, position: Position, frame: Frame) -> Event | None:
        self.ends[position.stream, position.connection] = frame.end
        return self.tally.take(frame, position, self.timeline.now_us)


def _size(path: Path) -> int:
    """Return the size of a raw file; 0 if it cannot be read, which its connection reports."""
    with suppress(OSError):
        return path.stat().st_size
    return 0
