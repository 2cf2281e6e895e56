"""The main loop of frames: the whole job on one screen.

poll      the next messages of all partitions of INPUT_TOPIC (kafka/job/source.py)
count     ts and uid of each message are read and validated (core/reading.py); pointers mark where each
          second and minute begins in the log (core/frame_log.py)
close     once the watermark has reached its end, a second's count is the distance between two pointers (plus frames
          out of order), a minute's the size of a set of users
          (core/windows.py)
publish   frames per second go to SEC_METRICS_OUTPUT_TOPIC, unique users per minute to MIN_METRICS_OUTPUT_TOPIC, frames
          that do not count to REJECTED_TOPIC, valid ones to OUTPUT_STREAM if it is set (job/outputs.py)
commit    these records, the offsets and the state become visible in one transaction, or not at all
          (kafka/job/transaction.py)
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import methodcaller
from threading import Event
from time import monotonic

from metrics.frames.core.counter import Counter
from metrics.frames.core.state import State
from metrics.frames.job.listener import Listener
from metrics.frames.job.lookout import Lookout
from metrics.frames.job.outputs import FrameSink
from metrics.frames.job.partitions import Partitions
from metrics.frames.records import Record
from metrics.frames.stream_health import StreamHealth
from metrics.kafka.job.commits import Commits
from metrics.kafka.job.input_monitor import InputMonitor
from metrics.kafka.job.source import Input
from metrics.messages.interface import KafkaMessage

_partition_of = methodcaller("partition")


@dataclass(kw_only=True, eq=False, repr=False)
class Loop:
    """The loop over the frames of the input, until `stopping` is set, or to the given end of the input."""

    source: Input
    counter: Counter
    sink: FrameSink
    commits: Commits
    partitions: Partitions  # new, idle, or far ahead of the others
    monitor: InputMonitor
    lookout: Lookout
    listeners: Sequence[Listener]
    stopping: Event

    def run(self) -> None:
        """Poll, count, close, publish, commit."""
        self.lookout.begin(monotonic(), self.counter, self.source, self.partitions.end_offsets)
        self._publish(self.counter.close(monotonic()))  # windows that an earlier run had begun to close
        while not self.stopping.is_set() and not self.source.has_ended():
            messages = self.source.batch(self.commits.room())
            self._count(messages)
            self.partitions.look(monotonic())
            self.lookout.look_when_due(monotonic())
            self._publish(self.counter.close(monotonic()))
            if self.commits.is_due(len(messages)):
                self._commit()
        if self.source.has_ended():
            self.counter.resolve()
            self._reject()
            self._publish(self.counter.close_all())
        self.lookout.look(monotonic())
        self.monitor.require_same_topic()
        self._commit_by(self.sink.retire)

    def _count(self, messages: list[KafkaMessage]) -> None:
        """Validate and count a batch. Besides `count`, the hot path, only grouping and republishing are per frame."""
        now_s = monotonic()
        for number, group in groupby(messages, _partition_of):
            run, partition = list(group), self.counter.partitions[number]
            partition.count(run)
            self.sink.republish_valid(run, partition.rejected)
            position = run[-1].offset() + 1
            partition.read_to(position, now_s)
            self.source.pass_by(number, position)
        self._reject()
        self.commits.messages += len(messages)
        took_s = monotonic() - now_s
        for listener in self.listeners:
            listener.read(len(messages), took_s)

    def _reject(self) -> None:
        for partition in self.counter.partitions.values():
            for rejected in partition.take_rejected():
                self.sink.reject(rejected)

    def _publish(self, records: Iterable[Record]) -> None:
        """Send the records of closed windows, in several transactions if there are very many."""
        for record in records:
            self.sink.publish(record)
            for listener in self.listeners:
                listener.closed(record)
            self.commits.results += 1
            if self.commits.is_full():
                self._commit()

    def _commit(self) -> None:
        if self.commits.messages:
            self.monitor.require_same_topic()
        self._commit_by(self.sink.commit)

    def _commit_by(self, commit: Callable[[State, StreamHealth], None]) -> None:
        # Go past transaction markers: a position before one would look like a frame that expired unread.
        for partition, reached in self.source.reached.items():
            self.counter.partitions[partition].pass_by(reached)
        began_s, state = monotonic(), self.counter.state()
        for partition in self.source.paused:
            state.partitions[partition].is_paused = True
        commit(state, self.lookout.health(began_s))
        took_s = self.commits.committed(began_s)
        for listener in self.listeners:
            listener.committed(state, took_s)
