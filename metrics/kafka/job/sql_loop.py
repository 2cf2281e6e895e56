"""The loop of a job whose sink is a database.

poll      the next messages of all partitions (source.py)
collect   until there are enough, or they have waited for long enough
commit    what the system makes of them, and the offsets after them, all or nothing (the system's sink, on sql_sink.py)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from time import monotonic
from typing import Protocol

from metrics.kafka.job.commits import Commits
from metrics.kafka.job.input_monitor import InputMonitor
from metrics.kafka.job.seams import Sink
from metrics.kafka.job.source import Input
from metrics.kafka.job.sql_sink import SqlSink
from metrics.messages.interface import KafkaMessage

MAX_BYTES = 4 << 20


class BatchSink(Sink, Protocol):
    """Sink of a system that commits whole messages, on the sink of their offsets."""

    @property
    def offsets(self) -> SqlSink:
        """The sink of offsets, which knows no system."""

    def commit(self, messages: Sequence[KafkaMessage], next_offsets: Mapping[int, int], stopping: Event) -> bool:
        """Commit messages and the offsets after them; return false if it waited for its turn, and `stopping` was set.

        Raises:
            TransactionLostError, DatabaseError: as `SqlSink.transaction`.
        """

    def finish(self) -> None:
        """Commit the end of the run; after it, a standby may take over.

        Raises:
            TransactionLostError, DatabaseError: as `SqlSink.transaction`.
        """


@dataclass(kw_only=True, eq=False, repr=False)
class Loop:
    """The loop over the messages of a topic, until `stopping` is set, or to the given end of the topic.

    Attributes:
        on_commit: called after each commit, with the number of messages in it, and its duration in seconds.
        max_bytes: the limit of the values and keys that wait for a commit; the client fetches more ahead.
    """

    source: Input
    sink: BatchSink
    commits: Commits
    monitor: InputMonitor
    stopping: Event
    on_commit: Callable[[int, float], None]
    max_bytes: int = MAX_BYTES
    _collected: list[KafkaMessage] = field(default_factory=list)
    _collected_bytes: int = 0

    def run(self) -> None:
        """Poll, collect, commit."""
        while not self.stopping.is_set() and not self.source.has_ended():
            messages = self.source.batch(self.commits.room())
            self._collect(messages)
            self.monitor.look(monotonic())
            self._add_partitions()
            if self.commits.is_due(len(messages)) or self._collected_bytes >= self.max_bytes:
                self._commit()
            elif self.commits.needs_heartbeat():
                self.sink.offsets.heartbeat()
                self.commits.sent_heartbeat()
        self._commit()
        self.sink.finish()

    def _collect(self, messages: list[KafkaMessage]) -> None:
        self._collected_bytes += sum(len(message.value() or b"") + len(message.key() or b"") for message in messages)
        ends = {message.partition(): message.offset() + 1 for message in messages}  # the last one of each remains
        for partition, end in ends.items():
            self.source.pass_by(partition, end)
        self._collected += messages
        self.commits.messages += len(messages)

    def _add_partitions(self) -> None:
        for partition in range(len(self.source.reached), self.monitor.partitions):
            self.source.add_partition(partition, 0)

    def _commit(self) -> None:
        if self._collected:
            self.monitor.require_same_topic()
        began_s = monotonic()
        if self.sink.commit(self._collected, self.source.reached, self.stopping):
            self.on_commit(len(self._collected), self.commits.committed(began_s))
            self._collected, self._collected_bytes = [], 0
