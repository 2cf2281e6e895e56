"""The one task that decides what a run takes and when it stops.

A run takes the frames of its streams one by one, in the order in which they were received. It stops at the first of:

time        `seconds` after its start: what is received then or later is not taken;
name        the frame with event number `times` of users with the name, valid and not repeated: it is taken, and
            nothing after it, not even from the same chunk;
signal      Ctrl-C or SIGTERM;
no-stream   every stream is refused or has ended.
"""

from collections.abc import AsyncIterator
from pathlib import Path

from metrics.harvest.archive.journal import JournalWriter
from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.journal import Started, Stopped, StoppedBy, Taken
from metrics.harvest.core.tally import Tally
from metrics.harvest.listening.inbox import Chunk, Item
from metrics.harvest.listening.recording import Recording


class Decider:
    """The decisions of a run. They depend on its items alone, so the same items give the same run.

    Args:
        folder: of the run's raw files.

    Attributes:
        tally: the counts of the frames that were taken.
        recordings: by stream.

    Raises:
        FileError: by each method, if the journal or a raw file cannot be written.
    """

    def __init__(self, started: Started, folder: Path, journal: JournalWriter) -> None:
        self.started = started
        self.end_us = started.at_us + round(started.seconds * 1e6)
        self.tally = Tally(started.name, started.times)
        self.recordings = {stream: Recording(stream, folder, started.frame_limit_bytes) for stream in STREAMS}
        self._journal = journal
        self._journal.append([started])

    async def run(self, items: AsyncIterator[Item]) -> None:
        """Take items until one of them stops the run."""
        async for item in items:
            if by := self.take(item):
                self._journal.append([Stopped(at_us=min(item.at_us, self.end_us), by=by)])
                return

    def take(self, item: Item) -> StoppedBy | None:
        """Take the next item; return why the run stops with it, or None if it continues."""
        if item.at_us >= self.end_us:
            return "time"
        if isinstance(item, Stopped):
            return item.by
        recording = self.recordings[item.stream]
        if isinstance(item, Chunk):
            return self._take_frames(recording, item)
        self._journal.append([item])
        recording.change(item)
        return "no-stream" if all(recording.is_over for recording in self.recordings.values()) else None

    def _take_frames(self, recording: Recording, chunk: Chunk) -> StoppedBy | None:
        """Take the frames that end in a chunk, up to the one that stops the run; write the journal, then the bytes.

        In this order, every complete frame in a raw file has a line in the journal, even after a kill.
        """
        entries = []
        for frame in recording.parse(chunk.data, chunk.at_us):
            position = recording.take(frame)
            self.tally.take(frame, position, chunk.at_us)
            entries.append(Taken(at_us=chunk.at_us, stream=position.stream, connection=position.connection))
            if self.tally.is_full:
                break
        if entries:
            self._journal.append(entries)
        recording.write(recording.taken(chunk.data) if self.tally.is_full else chunk.data)
        return "name" if self.tally.is_full else None

    def close(self) -> None:
        """Cut and close every raw file after the last frame that was taken."""
        for recording in self.recordings.values():
            recording.close()
