"""A stream as decided so far: its state, and the raw file of its connection."""

from pathlib import Path
from typing import NamedTuple

from metrics.harvest.archive.journal import JournalWriter
from metrics.harvest.archive.raw import RawWriter
from metrics.harvest.core.event import Position
from metrics.harvest.core.frames import FrameParser
from metrics.harvest.core.journal import Closed, Failed, Opened, Taken
from metrics.harvest.core.tally import Tally
from metrics.harvest.core.timeline import StreamTimeline


class Resumption(NamedTuple):
    """Facts that the next request of a stream depends on.

    Attributes:
        last_id: the last event ID.
        retry_ms: the reconnection time that the server asked for.
        failures: the number of requests in a row, up to the last one, that brought no event.
    """

    last_id: bytes
    retry_ms: int | None
    failures: int


class Recording:
    """A stream of a run, and the raw files of its connections.

    Args:
        folder: of the run's raw files.
        tally: counts the frames of all streams.
        journal: of the run.

    Attributes:
        timeline: of the stream so far.
        heard_us: time at which it last opened or sent something.
        is_silent: whether it is open, but idle: no byte for HARVEST_SILENT_S.
        bytes: of the raw files.

    Raises:
        FileError: by methods that write, if the journal or a raw file cannot be written.
    """

    def __init__(
        self, stream: str, folder: Path, frame_limit_bytes: int, *, tally: Tally, journal: JournalWriter
    ) -> None:
        self.stream = stream
        self.timeline = StreamTimeline()
        self.heard_us = 0
        self.is_silent = False
        self.bytes = 0
        self._folder = folder
        self._limit = frame_limit_bytes
        self._tally = tally
        self._journal = journal
        self._failures = 0
        self._retry_ms: int | None = None  # of earlier connections
        self._parser = FrameParser(frame_limit_bytes)
        self._raw: RawWriter | None = None
        self._has_event = False  # the connection
        self._written = 0  # bytes of the connection
        self._end = 0  # of its last frame that was taken

    @property
    def is_over(self) -> bool:
        """Whether it is never requested again."""
        return self.timeline.state in ("refused", "ended")

    @property
    def resumption(self) -> Resumption:
        """How to ask for the rest of the stream."""
        retry_ms = self._parser.retry_ms
        return Resumption(self._parser.last_id, self._retry_ms if retry_ms is None else retry_ms, self._failures)

    def change(self, entry: Opened | Closed | Failed) -> None:
        """Take a change of the stream's state."""
        self._journal.append([entry])
        self.timeline.take(entry)
        match entry:
            case Opened():
                self._open(entry)
            case Closed():
                self.close()
                self._failures = 0 if self._has_event else self._failures + 1
            case Failed():
                self._failures += 1

    def _open(self, entry: Opened) -> None:
        self.heard_us = entry.at_us
        self._retry_ms = self.resumption.retry_ms
        self._parser = FrameParser(self._limit, self._parser.last_id)
        self._raw = RawWriter(self._folder, self.stream, entry.connection)
        self._has_event = False
        self._written = self._end = 0

    def receive(self, data: bytes, at_us: int) -> None:
        """Take the frames that end in these bytes, the next ones of the connection, up to one that stops the run.

        The journal is written before the bytes, so that a frame that is complete in its raw file has a line.
        """
        self.heard_us = at_us
        entries = []
        for frame in self._parser.feed(data):
            entry = Taken(at_us=at_us, stream=self.stream, connection=self.timeline.connections)
            entries.append(entry)
            self.timeline.take(entry)
            self._end = frame.end
            position = Position(self.stream, self.timeline.connections, self.timeline.frames)
            self._has_event |= self._tally.take(frame, position, at_us) is not None
            if self._tally.is_full:
                data = data[: frame.end - self._written]
                break
        if entries:
            self._journal.append(entries)
        assert self._raw is not None, "a connection is open"
        self._raw.write(data)
        self._written += len(data)
        self.bytes += len(data)

    def close(self) -> None:
        """End the raw file, if one is open, after the last frame that was taken."""
        if self._raw is not None:
            end = min(self._end, self._written)  # the same, unless the last write failed
            self._raw.truncate(end)
            self._raw.close()
            self.bytes += end - self._written
            self._raw = None
