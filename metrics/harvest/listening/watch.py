"""The checks during a run, every 50 ms: its time, the signal to stop, idle streams, the progress."""

import asyncio
import logging
from dataclasses import dataclass
from threading import Event

from metrics.harvest.core.journal import Stopped
from metrics.harvest.listening.clock import Clock
from metrics.harvest.listening.decider import Decider
from metrics.harvest.listening.inbox import Inbox
from metrics.harvest.listening.progress import Notified, Progress, StreamProgress
from metrics.harvest.listening.recording import Recording

log = logging.getLogger(__name__)

LOOKS_EVERY_S = 0.05


@dataclass(eq=False, repr=False)
class Watch:
    """The checks of one run, also made at the end of its time.

    Args:
        silent_s: seconds without a byte after which a warning about a stream is logged.
    """

    decider: Decider
    inbox: Inbox
    clock: Clock
    stopping: Event
    notified: Notified
    silent_s: float

    async def run(self) -> None:
        """Check until time is up or a signal came; then stop the run."""
        end_us = self.decider.end_us
        while (now_us := self.clock.now_us()) < end_us and not self.stopping.is_set():
            self.look()
            await asyncio.sleep(min(LOOKS_EVERY_S, (end_us - now_us) / 1e6))
        self.inbox.stop(Stopped(at_us=now_us, by="time" if now_us >= end_us else "signal"))

    def look(self) -> None:
        """Check every stream, and publish the progress."""
        now_us, decider = self.clock.now_us(), self.decider
        for recording in decider.recordings.values():
            self._look_at(recording, now_us)
        self.notified.newest = Progress(
            run=decider.started.run,
            seconds_left=max(0.0, (decider.end_us - now_us) / 1e6),
            name=decider.started.name,
            times=decider.started.times,
            name_seen=decider.tally.name_seen,
            streams=[self._progress(recording) for recording in decider.recordings.values()],
        )

    def _look_at(self, recording: Recording, now_us: int) -> None:
        is_silent = recording.timeline.state == "open" and now_us - recording.heard_us >= self.silent_s * 1e6
        if is_silent and not recording.is_silent:
            log.warning("%s has sent nothing for %g s", recording.stream, self.silent_s)
        recording.is_silent = is_silent

    def _progress(self, recording: Recording) -> StreamProgress:
        tally = self.decider.tally.streams[recording.stream]
        return StreamProgress(
            stream=recording.stream,
            state=recording.timeline.state,
            frames=tally.frames,
            events=tally.events,
            malformed=tally.malformed.total(),
            repeated=tally.repeated,
            bytes=recording.bytes,
            is_silent=recording.is_silent,
            why=recording.timeline.why,
        )
