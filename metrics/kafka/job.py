"""The main job, put together: clients, topics, saved state, loop."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from time import monotonic
from typing import NamedTuple

from confluent_kafka import Consumer

from metrics.frames.counter import Counter
from metrics.frames.state import State
from metrics.kafka import topics
from metrics.kafka.checkpoint import Checkpoint, load
from metrics.kafka.clients import open_admin, open_consumer, open_transactional_producer
from metrics.kafka.input import Ends, Input
from metrics.kafka.loop import Loop, Watcher
from metrics.settings import Settings


class Job(NamedTuple):
    """The main job, ready to run."""

    settings: Settings
    counter: Counter
    source: Input
    ends: Ends
    outputs: Checkpoint

    def run(self, watcher: Watcher, stopping: Event) -> None:
        """Count until `stopping` is set, or to the given end of the input; then commit."""
        republish = self.settings.output_stream is not None
        loop = Loop(
            self.source,
            self.ends,
            self.counter,
            self.outputs,
            watcher,
            stopping,
            idle_s=self.settings.idle_s,
            republish=republish,
        )
        loop.run()


@contextmanager
def opened(settings: Settings, *, until_end: bool) -> Iterator[Job]:
    """Open the main job where its consumer group stands, and close its clients at the end.

    Args:
        until_end: let the job stop at the end that the input has now, with every window closed.

    Raises:
        MetricsError: the broker, a topic or the saved state does not let the job begin.
    """
    admin = open_admin(settings)
    in_use = topics.check(admin, settings)
    consumer = open_consumer(settings)
    try:
        # The transactional id is taken over before the state is read: from then on no other instance can change it.
        batch_bytes = min(limits.size_bytes for limits in in_use.limits.values())
        outputs = Checkpoint(open_transactional_producer(settings, batch_bytes), consumer, settings, in_use)
        state = load(consumer, settings, in_use)
        counter = restore(consumer, settings, state)
        ends = topics.ends(consumer, settings.input_topic, in_use.input_partitions) if until_end else None
        positions = {number: partition.position for number, partition in state.partitions.items()}
        source = Input(consumer, settings.input_topic, positions, ends)
        try:
            yield Job(settings, counter, source, Ends(admin, settings.input_topic), outputs)
        finally:
            outputs.abort()
    finally:
        consumer.close()


def restore(consumer: Consumer, settings: Settings, state: State) -> Counter:
    """Rebuild the open windows of a saved state from the log, from each low-water mark to its position."""
    counter = Counter(state, settings.rules(), gap_limit_s=settings.gap_limit_s, now_s=monotonic())
    starts = {number: partition.low_water for number, partition in state.partitions.items()}
    positions = {number: partition.position for number, partition in state.partitions.items()}
    source = Input(consumer, settings.input_topic, starts, positions)
    while not source.has_ended():
        for message in source.batch():
            counter.partitions[message.partition()].rebuild(message)
            source.pass_by(message.partition(), message.offset())
    counter.resume()
    return counter
