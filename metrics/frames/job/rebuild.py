"""The open windows of a saved state, rebuilt from the input topic."""

from collections.abc import Callable
from time import monotonic

from confluent_kafka import Consumer

from metrics.frames.core.counter import Counter
from metrics.frames.core.state import State
from metrics.frames.settings import Settings
from metrics.kafka.job.heartbeat import HEARTBEAT_S
from metrics.kafka.job.source import Input
from metrics.time.deadline import Deadline
from metrics.wording.errors import BrokerError

TIMEOUT_S = 15.0


def rebuilt(consumer: Consumer, settings: Settings, state: State, heartbeat: Callable[[], None]) -> Counter:
    """Rebuild the open windows of a saved state from the input topic: in each partition, restart offset to position.

    Args:
        heartbeat: called at once and every HEARTBEAT_S seconds, to show that this instance is alive, since the
            rebuild may take long.

    Raises:
        BrokerError: no frame came for TIMEOUT_S.
        StateError: the frames were judged by other rules.
    """
    heartbeat()
    counter = Counter(state, settings.rules(), gap_limit_s=settings.gap_limit_s, now_s=monotonic())
    if not state.needs_frames():
        return counter
    starts = {number: partition.restart_offset for number, partition in state.partitions.items()}
    positions = {number: partition.position for number, partition in state.partitions.items()}
    source = Input(consumer, settings.input_topic, starts, positions)
    unanswered, until_heartbeat = Deadline(TIMEOUT_S), Deadline(HEARTBEAT_S)
    while not source.has_ended():
        for message in source.batch():
            counter.partitions[message.partition()].rebuild(message)
            source.pass_by(message.partition(), message.offset() + 1)
            unanswered.renew()
        if until_heartbeat.has_passed():
            heartbeat()
            until_heartbeat.renew()
        if unanswered.has_passed():
            raise BrokerError(
                "the frames of the open windows cannot be read again",
                why=f"no frame of {settings.input_topic} came for {TIMEOUT_S:.0f} s",
            )
    return counter
