"""The one task that decides what a run takes and when it stops.

A run takes the frames of its streams one by one, in the order in which they were received. It stops at the first of:

time        `seconds` after its start: what is received then or later is not taken;
name        the frame with event number `times` of users with the name, valid and not repeated: it is taken, and
            nothing after it, not even from the same chunk;
signal      Ctrl-C, SIGTERM or SIGHUP;
no-stream   every stream is refused or has ended.
"""

from collections.abc import AsyncIterator
from pathlib import Path

from metrics.harvest.archive.journal import JournalWriter
from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.journal import Started, Stopped, StoppedBy
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
        self.recordings = {
            stream: Recording(stream, folder, started.frame_limit_bytes, tally=self.tally, journal=journal)
            for stream in STREAMS
        }
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
            recording.receive(item.data, item.at_us)
            return "name" if self.tally.is_full else None
        recording.change(item)
        return "no-stream" if all(recording.is_over for recording in self.recordings.values()) else None

    def close(self) -> None:
        """Cut and close every raw file after the last frame that was taken."""
        for recording in self.recordings.values():
            recording.close()
