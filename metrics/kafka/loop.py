"""The single poll loop: poll, decode, log, close, commit."""

from collections.abc import Iterable
from threading import Event
from time import monotonic
from typing import Protocol

from metrics.frames.counter import Counter
from metrics.frames.frame import FrameMessage
from metrics.frames.windows import Record
from metrics.kafka.checkpoint import Checkpoint
from metrics.kafka.input import BATCH_FRAMES, Ends, Input

# How long results wait for their commit: while the input is quiet, while frames pour in; and a position without any.
QUIET_COMMIT_S, BUSY_COMMIT_S, EMPTY_COMMIT_S = 0.02, 0.25, 1.0
# Brokers forget offsets, which hold the state, some time after they were committed; so they are committed anew.
STATE_COMMIT_S = 3600.0
SILENCE_CHECK_S = 0.5
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
        ends: Ends,
        counter: Counter,
        checkpoint: Checkpoint,
        watcher: Watcher,
        stopping: Event,
        *,
        idle_s: int,
        republish: bool,
    ) -> None:
        self._source = source
        self._ends = ends
        self._counter = counter
        self._checkpoint = checkpoint
        self._watcher = watcher
        self._idle_s = idle_s
        self._republish = republish
        self._stopping = stopping
        self._uncommitted_frames = self._uncommitted_records = 0
        self._committed_at_s = self._asked_at_s = monotonic()

    def run(self) -> None:
        """Poll, decode, log, close, commit."""
        self._publish(self._counter.close(monotonic()))  # what an earlier run had begun to close
        while not self._stopping.is_set() and not self._source.has_ended():
            messages = self._source.batch()
            self._log(messages)
            self._publish(self._counter.close(monotonic()))
            self._commit_when_due(is_busy=len(messages) == BATCH_FRAMES)
        if self._source.has_ended():
            self._counter.settle()
            self._send_rejected()
            self._publish(self._counter.close_all())
        self._commit()

    def _log(self, messages: list[FrameMessage]) -> None:
        """Decode and log a batch: the hot path. All else happens once a batch."""
        partitions, checkpoint, republish = self._counter.partitions, self._checkpoint, self._republish
        for message in messages:
            is_frame = partitions[message.partition()].count(message)
            if republish and is_frame:
                checkpoint.republish(message)
        self._send_rejected()
        now_s = monotonic()
        for partition, offset in {message.partition(): message.offset() for message in messages}.items():
            self._source.pass_by(partition, offset)
            partitions[partition].read_to(offset + 1, now_s)
        self._uncommitted_frames += len(messages)
        self._watcher.read(len(messages))
        self._find_silent_partitions(now_s)

    def _send_rejected(self) -> None:
        for counter in self._counter.partitions.values():
            for message, rejection in counter.rejected:
                self._checkpoint.reject(message, rejection)
            counter.rejected.clear()

    def _find_silent_partitions(self, now_s: float) -> None:
        """Let no partition hold windows open that sent nothing for idle_s and was read to its end.

        The broker is asked for the end again and again: only its answer tells silence from a broken connection, or
        from a process that was asleep.
        """
        clocks = {partition: counter.clock for partition, counter in self._counter.partitions.items()}
        for end in self._ends.told():
            clock = clocks[end.partition]
            is_silent = (
                end.asked_at_s - clock.heard_at_s >= self._idle_s and self._source.reached[end.partition] >= end.offset
            )
            clock.silent_at_s = end.asked_at_s if is_silent else None
        if now_s - self._asked_at_s >= SILENCE_CHECK_S:
            self._asked_at_s = now_s
            quiet = [partition for partition, clock in clocks.items() if now_s - clock.heard_at_s >= self._idle_s]
            self._ends.ask(quiet, now_s)
        for partition in self._source.ended():
            clocks[partition].silent_at_s = now_s  # with a given end, nothing more can come

    def _publish(self, records: Iterable[Record]) -> None:
        """Send the records of closed windows; where one batch closes very many, in several transactions."""
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
        elif self._uncommitted_frames:
            due_s = EMPTY_COMMIT_S
        else:
            due_s = STATE_COMMIT_S
        if waited_s >= due_s:
            self._commit()

    def _commit(self) -> None:
        self._checkpoint.commit(self._counter.state())
        self._uncommitted_records = self._uncommitted_frames = 0
        self._committed_at_s = monotonic()
        self._watcher.committed()
