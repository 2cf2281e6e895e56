"""The single poll loop: poll, decode, log, close, commit."""

from collections.abc import Iterable
from threading import Event
from time import monotonic
from typing import Protocol

from metrics.frames.counter import Counter
from metrics.frames.frame import Reason
from metrics.frames.windows import Record
from metrics.kafka.checkpoint import Checkpoint
from metrics.kafka.input import BATCH_FRAMES, FrameMessage, Input

# How long results wait for their commit: while the input is quiet, while frames pour in; and a position without any.
QUIET_COMMIT_S, BUSY_COMMIT_S, EMPTY_COMMIT_S = 0.02, 0.25, 1.0
SILENCE_CHECK_S = 1.0
# A transaction must end long before the broker gives up on it, after a minute.
MOST_RECORDS = 20_000


class Watcher(Protocol):
    """Is told what the loop does."""

    def closed(self, record: Record) -> None:
        """A window was closed; its record is in the open transaction."""

    def committed(self) -> None:
        """What was closed so far is committed."""

    def read(self, frames: int) -> None:
        """A batch was read, of so many frames."""


class Loop:
    """Counts the frames of the input until `stopping` is set, or until the end that the input was given."""

    def __init__(
        self,
        source: Input,
        counter: Counter,
        checkpoint: Checkpoint,
        watcher: Watcher,
        stopping: Event,
        *,
        idle_s: int,
        republish: bool,
    ) -> None:
        self._source = source
        self._counter = counter
        self._checkpoint = checkpoint
        self._watcher = watcher
        self._idle_s = idle_s
        self._republish = republish
        self._stopping = stopping
        self._uncommitted_frames = self._uncommitted_records = 0
        self._committed_at_s = self._checked_at_s = monotonic()

    def run(self) -> None:
        """Poll, decode, log, close, commit."""
        while not self._stopping.is_set() and not self._source.has_ended():
            messages = self._source.batch()
            self._log(messages)
            self._publish(self._counter.close(monotonic()))
            self._commit_when_due(is_busy=len(messages) == BATCH_FRAMES)
        if self._source.has_ended():
            self._publish(self._counter.close_all())
        self._commit()

    def _log(self, messages: list[FrameMessage]) -> None:
        """Decode and log a batch: the hot path. All else happens once a batch."""
        partitions, checkpoint, republish = self._counter.partitions, self._checkpoint, self._republish
        for message in messages:
            rejection = partitions[message.partition()].count(message.offset(), message.value())
            if rejection is not None:
                checkpoint.reject(message, rejection)
            if republish and (rejection is None or rejection.reason == Reason.LATE):
                checkpoint.republish(message)
        now_s = monotonic()
        for partition, offset in {message.partition(): message.offset() for message in messages}.items():
            self._source.pass_by(partition, offset)
            partitions[partition].read_to(offset + 1, now_s)
        self._uncommitted_frames += len(messages)
        self._watcher.read(len(messages))
        if now_s - self._checked_at_s >= SILENCE_CHECK_S:
            self._find_silent_partitions(now_s)

    def _find_silent_partitions(self, now_s: float) -> None:
        """Let no partition hold windows open that sent nothing for idle_s and was read to its end.

        The broker is asked for the end each time: only its answer tells silence from a broken connection, or from a
        process that was asleep.
        """
        self._checked_at_s = now_s
        for partition, counter in self._counter.partitions.items():
            clock = counter.clock
            if now_s - clock.heard_at_s >= self._idle_s:
                clock.silent = self._source.is_read_to_end(partition)

    def _publish(self, steps: Iterable[Iterable[Record]]) -> None:
        """Send the records of closed windows; where one batch closes very many, in several transactions."""
        for records in steps:
            for record in records:
                self._checkpoint.publish(record)
                self._watcher.closed(record)
                self._uncommitted_records += 1
            if self._uncommitted_records >= MOST_RECORDS:
                self._commit()

    def _commit_when_due(self, *, is_busy: bool) -> None:
        waited_s = monotonic() - self._committed_at_s
        if self._uncommitted_records:
            due_s = BUSY_COMMIT_S if is_busy else QUIET_COMMIT_S
        else:
            due_s = EMPTY_COMMIT_S
        if waited_s >= due_s:
            self._commit()

    def _commit(self) -> None:
        if self._uncommitted_records or self._uncommitted_frames:
            self._checkpoint.commit(self._counter.state())
            self._uncommitted_records = self._uncommitted_frames = 0
            self._watcher.committed()
        self._committed_at_s = monotonic()
