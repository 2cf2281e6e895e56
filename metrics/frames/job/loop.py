"""The single poll loop: poll, decode, log, close, commit."""

import gc
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import methodcaller
from threading import Event
from time import monotonic

from metrics.frames.core.counter import Counter
from metrics.frames.core.frame import FrameMessage
from metrics.frames.core.partition import PartitionCounter
from metrics.frames.core.state import State
from metrics.frames.core.windows import Record
from metrics.frames.job.listener import Watcher
from metrics.frames.job.lookout import Lookout
from metrics.frames.job.signs import Signs
from metrics.frames.settings import Settings
from metrics.kafka.job.limits import Load
from metrics.kafka.job.source import BATCH_FRAMES, Input
from metrics.kafka.job.transaction import Checkpoint
from metrics.kafka.job.watch import End, Watch

# How long results wait for their commit: while the input is quiet, while frames pour in; and a position without any.
# That is longer than a second, so that it is not under way when live frames close the next one.
QUIET_COMMIT_S, BUSY_COMMIT_S, EMPTY_COMMIT_S = 0.02, 0.25, 1.5
BUSY_FRAMES = 200  # in a batch; that is 40,000 a second, of which a commit each 20 ms would take a good part
# With nothing to commit, the state is: so that who stands by sees that this instance lives, and because brokers forget
# offsets, which hold the state, some time after they were committed.
BEAT_S = 2.0
SILENCE_CHECK_S = 0.5
LOOK_OUT_S = 1.0
# A transaction must end long before the broker gives up on it.
MOST_RECORDS = 20_000
# A batch is a thousand messages that come and go, none of them in a cycle. By default, Python looks for cycles after
# each 700 objects: that took a twelfth of the time.
GARBAGE_OBJECTS = 100_000

_partition_of = methodcaller("partition")


class Loop:
    """Counts the frames of the input until `stopping` is set, or until the end that the input was given.

    Attributes:
        uncommitted_frames: how many frames the open transaction holds.
    """

    def __init__(
        self,
        source: Input,
        watch: Watch,
        counter: Counter,
        checkpoint: Checkpoint,
        load: Load,
        watcher: Watcher,
        lookout: Lookout,
        stopping: Event,
        settings: Settings,
    ) -> None:
        self._source = source
        self._watch = watch
        self._counter = counter
        self._checkpoint = checkpoint
        self._load = load
        self._watcher = watcher
        self._lookout = lookout
        self._stopping = stopping
        self._idle_s = settings.idle_s
        self._align_s = settings.align_s
        self._republish = settings.output_stream is not None
        self.uncommitted_frames = self._uncommitted_records = 0
        self._committed_at_s = self._asked_at_s = self._looked_out_at_s = monotonic()
        self._ends_told: dict[int, End] = {}
        self._ends_to_reach: dict[int, End] = {}

    def run(self) -> None:
        """Poll, decode, log, close, commit."""
        gc.set_threshold(GARBAGE_OBJECTS)
        self._lookout.begin(monotonic(), self._counter)
        self._publish(self._counter.close(monotonic()))  # what an earlier run had begun to close
        while not self._stopping.is_set() and not self._source.has_ended():
            messages = self._source.batch(self._room())
            self._log(messages)
            self._look_around(monotonic())
            self._publish(self._counter.close(monotonic()))
            self._commit_when_due(is_busy=len(messages) >= BUSY_FRAMES)
        if self._source.has_ended():
            self._counter.settle()
            self._send_rejected()
            self._publish(self._counter.close_all())
        self._look_out(monotonic())
        self._watch.require_same_topic()
        self._commit_by(self._checkpoint.retire)

    def _room(self) -> int:
        """Return how many frames the next batch may have."""
        return max(1, min(BATCH_FRAMES, self._load.most_frames - self.uncommitted_frames))

    def _log(self, messages: list[FrameMessage]) -> None:
        """Decode and log a batch: the hot path is `count`. All else happens once a batch and partition."""
        now_s = monotonic()
        for partition, run in groupby(messages, _partition_of):
            frames, counter = list(run), self._counter.partitions[partition]
            counter.count(frames)
            if self._republish:
                self._send_on(frames, counter)
            last_offset = frames[-1].offset()
            counter.read_to(last_offset + 1, now_s)
            self._source.pass_by(partition, last_offset)
        self._send_rejected()
        self.uncommitted_frames += len(messages)
        self._watcher.read(len(messages), monotonic() - now_s)

    def _send_on(self, messages: list[FrameMessage], counter: PartitionCounter) -> None:
        """Republish what is a frame: late, held or too far in the future, it still is one."""
        no_frames = {rejected.message.offset() for rejected in counter.rejected if rejected.is_no_frame()}
        frames = [message for message in messages if message.offset() not in no_frames] if no_frames else messages
        self._checkpoint.republish(frames)

    def _send_rejected(self) -> None:
        for counter in self._counter.partitions.values():
            for rejected in counter.rejected:
                self._checkpoint.reject(rejected)
            counter.rejected.clear()

    def _look_around(self, now_s: float) -> None:
        """See to what is not in the frames: silence, partitions that are new or far ahead, another instance."""
        self._watch.look(now_s)
        for partition in range(len(self._counter.partitions), self._watch.partitions):
            self._counter.add_partition(partition, 0, now_s)
            self._source.add_partition(partition, 0)
        self._find_silent_partitions(now_s)
        if len(self._counter.partitions) > 1:
            self._align(now_s)
        if now_s - self._looked_out_at_s >= LOOK_OUT_S:
            self._look_out(now_s)

    def _look_out(self, now_s: float) -> None:
        self._looked_out_at_s = now_s
        self._lookout.look(now_s, self._counter, self._source, self._ends_told)

    def _align(self, now_s: float) -> None:
        """Let partitions that are far ahead in event time wait for the slowest, so that they do not fill the memory.

        Windows close no later by it. What was fetched of a partition is thrown away when it has to wait, so it goes on
        only when half of its lead is gone.
        """
        waiting = self._source.held_back
        leads = self._counter.leads(now_s).items()
        limits = {number: self._align_s // 2 if number in waiting else self._align_s for number, _ in leads}
        self._source.hold_back({number for number, lead_s in leads if lead_s > limits[number]})

    def _find_silent_partitions(self, now_s: float) -> None:
        """Let no partition hold windows open that said nothing about time for idle_s and was read to its end.

        The broker is asked for the end again and again: only its answer tells silence from a broken connection, or
        from a process that was asleep. What came since then may say nothing about time either, so an answer is kept
        until the partition is read up to it.
        """
        clocks = {partition: counter.clock for partition, counter in self._counter.partitions.items()}
        for end in self._watch.ends_told():
            self._ends_told[end.partition] = end
            self._ends_to_reach.setdefault(end.partition, end)
        for partition, offset, asked_at_s in [*self._ends_to_reach.values()]:
            clock = clocks[partition]
            if self._source.reached[partition] >= offset:
                was_quiet = asked_at_s - clock.moved_at_s >= self._idle_s
                clock.silent_at_s = asked_at_s if was_quiet else None
                del self._ends_to_reach[partition]
            elif now_s - asked_at_s >= SILENCE_CHECK_S:
                clock.silent_at_s = None
        if now_s - self._asked_at_s >= SILENCE_CHECK_S:
            self._asked_at_s = now_s
            quiet = [partition for partition, clock in clocks.items() if now_s - clock.moved_at_s >= self._idle_s]
            self._watch.ask_ends(quiet, now_s)
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
        else:
            due_s = EMPTY_COMMIT_S if self.uncommitted_frames else BEAT_S
        if waited_s >= due_s or self.uncommitted_frames >= self._load.most_frames:
            self._commit()

    def _commit(self) -> None:
        if self.uncommitted_frames:
            self._watch.require_same_topic()
        self._commit_by(self._checkpoint.commit)

    def _commit_by(self, commit: Callable[[State, Signs], None]) -> None:
        # Else, where the log ends with a transaction, a topic whose frames expire would seem to lose what was not read.
        for partition, reached in self._source.reached.items():
            self._counter.partitions[partition].pass_by(reached)
        began_s, state = monotonic(), self._counter.state()
        commit(state, self._lookout.signs(began_s))
        self._committed_at_s = monotonic()
        took_s = self._committed_at_s - began_s
        self._load.committed(self.uncommitted_frames, took_s)
        self._uncommitted_records = self.uncommitted_frames = 0
        self._watcher.committed(state, took_s)
