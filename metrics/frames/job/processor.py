"""The processor of frames, which the runner drives: builds a run, and restores its state."""

import gc
from collections.abc import Sequence
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from confluent_kafka import Consumer

from metrics.frames import topics_in_use
from metrics.frames.core.counter import Counter
from metrics.frames.core.state import State
from metrics.frames.job.listener import Listener
from metrics.frames.job.lookout import Lookout
from metrics.frames.job.loop import Loop
from metrics.frames.job.outputs import FrameSink
from metrics.frames.job.partitions import Partitions
from metrics.frames.job.rebuild import rebuilt
from metrics.frames.settings import Settings
from metrics.frames.start_state import Beginning, begin, last_instance
from metrics.kafka.clients import open_transactional_producer
from metrics.kafka.job.commits import Commits, TransactionLimit
from metrics.kafka.job.heartbeat import Instance, require_not_fenced
from metrics.kafka.job.input_monitor import MONITOR_TIMEOUT_S, InputMonitor
from metrics.kafka.job.latency import CommitLatency
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.seams import Clients, TransactionLostError
from metrics.kafka.job.source import GARBAGE_OBJECTS, Input
from metrics.kafka.job.transaction import Transaction, call_s
from metrics.kafka.offsets import offset_ranges
from metrics.wording.errors import BrokerError

if TYPE_CHECKING:
    from metrics.frames.topics_in_use import TopicsInUse


class FrameProcessor:
    """The processor of frames; its sink is `FrameSink`, its loop `Loop`.

    Attributes:
        counter: the core; a new one after each restore.
        source: the input; a new one after each restore.
        work: what one instance at a time does.
        instance_id: the id of this instance, as committed.
    """

    def __init__(self, settings: Settings, stopping: Event) -> None:
        self._settings = settings
        self._stopping = stopping
        self._latency = CommitLatency()
        self._limit = TransactionLimit()
        self._listeners: Sequence[Listener] = ()
        self._ends: dict[int, int] | None = None
        self._monitor: InputMonitor | None = None
        self._lookout = Lookout(settings, self.warn)
        self._clients: Clients
        self._in_use: TopicsInUse
        self._sink: FrameSink
        self.counter: Counter
        self.source: Input
        self.work = f"the group {settings.consumer_group_id}"
        self.instance_id = ""

    def listen(self, listeners: Sequence[Listener]) -> None:
        """Set the listeners of the run."""
        self._listeners = listeners
        self._latency.report = self.warn

    def warn(self, line: str) -> None:
        """Notify the listeners of an outage or its end, or of something wrong with the stream."""
        for listener in self._listeners:
            listener.warned(line)

    def connect(self, clients: Clients) -> None:
        """Use new clients, and check that no topic is missing or would lose results."""
        self._clients = clients
        self._in_use = topics_in_use.check(clients.admin, self._settings)

    def last_instance(self, consumer: Consumer) -> Instance | None:
        """Return the instance that committed last."""
        return last_instance(consumer, self._settings.input_topic)

    def end_here(self) -> None:
        """Stop at the current end of the input, with every window closed."""
        found = offset_ranges(self._clients.admin, self._settings.input_topic, self._in_use.input_partitions)
        self._ends = {number: high for number, (_, high) in found.items()}

    def open_sink(self, instance: Instance, budget: RetryBudget) -> FrameSink:
        """Take over the transactional id, which is the group's id: the previous instance is fenced."""
        settings, in_use = self._settings, self._in_use
        batch_bytes = min(limits.size_bytes for limits in in_use.limits.values())
        producer = open_transactional_producer(settings, batch_bytes)
        transaction = Transaction(producer, self._clients.consumer, call_s(settings.broker_timeout_s), self._latency)
        self._sink = FrameSink(transaction, settings, in_use, instance, budget)
        self.instance_id = instance.id
        return self._sink

    def restore(self) -> None:
        """Restore the state of the last commit, rebuild its open windows from the input topic, and continue."""
        state = self._begin().accepted()
        self.counter = self._rebuilt(state)
        self._resume(state)

    def restore_accepting_loss(self) -> list[str]:
        """Restore what is left of the last commit; returns a line for each loss."""
        beginning = self._begin()
        self.counter = self._rebuilt(beginning.state)
        missing = self.counter.write_off()
        self._resume(beginning.state)
        gone = [f"frames of open windows that are gone: {missing:,}"] if missing else []
        return [*beginning.losses, *gone]

    def _begin(self) -> Beginning:
        admin, consumer = self._clients
        return begin(admin, consumer, self._settings, self._in_use)

    def _rebuilt(self, state: State) -> Counter:
        def heartbeat() -> None:
            self._sink.heartbeat(state)
            for listener in self._listeners:
                listener.read(0, 0.0)  # shows that the run is alive

        return rebuilt(self._clients.consumer, self._settings, state, heartbeat)

    def _resume(self, state: State) -> None:
        """Continue from the state that the core was rebuilt from."""
        (admin, consumer), topic = self._clients, self._settings.input_topic
        self.counter.resume()
        self._sink.heartbeat(self.counter.state())
        positions = {number: partition.position for number, partition in state.partitions.items()}
        self.source = Input(consumer, topic, positions, self._ends)
        self._monitor = InputMonitor(
            admin,
            topic,
            self._in_use.input_id,
            len(positions),
            partial(last_instance, consumer, topic, MONITOR_TIMEOUT_S),
            partial(require_not_fenced, own_id=self.instance_id, work=self.work),
        )

    def run(self) -> None:
        """Count until stopped, or to the end of the input; then commit for the last time."""
        assert self._monitor is not None
        gc.set_threshold(GARBAGE_OBJECTS)
        settings, commits = self._settings, Commits(self._limit)
        loop = Loop(
            source=self.source,
            counter=self.counter,
            sink=self._sink,
            commits=commits,
            partitions=Partitions(self.counter, self.source, self._monitor, settings.idle_s, settings.align_s),
            monitor=self._monitor,
            lookout=self._lookout,
            listeners=self._listeners,
            stopping=self._stopping,
        )
        try:
            loop.run()
        except (TransactionLostError, BrokerError) as error:
            for listener in self._listeners:
                listener.rewound()
            if isinstance(error, TransactionLostError):
                self._limit.record_loss(commits.messages)
            raise

    def release(self) -> bool:
        """Stop asking the broker; return whether the consumer may be closed."""
        monitor, self._monitor = self._monitor, None
        return monitor is None or monitor.leave()
