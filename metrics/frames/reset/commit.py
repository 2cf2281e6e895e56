"""Commit of a reset: offsets and state in one transaction, unless an instance of the group is active."""

from threading import Event

import msgspec
from confluent_kafka import Consumer

from metrics.errors import FencedError
from metrics.frames.core.state import State
from metrics.frames.job.outputs import FrameSink
from metrics.frames.saved_state import SavedState
from metrics.frames.settings import Settings
from metrics.frames.start_state import saved_state
from metrics.frames.status.facts import Activity, Seen
from metrics.frames.status.observe import last_commit
from metrics.frames.topics_in_use import TopicsInUse
from metrics.kafka.clients import open_transactional_producer
from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.latency import CommitLatency
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.seams import TransactionLostError
from metrics.kafka.job.transaction import Transaction, call_s


def require_inactive(seen: Seen) -> None:
    """Check that no instance of a group is active.

    Raises:
        FencedError: one is active.
    """
    if seen.activity is Activity.ACTIVE:
        raise FencedError(
            f"instance {seen.instance_id} of the group {seen.group} is active; nothing was reset",
            why="it commits, and would continue from its own position",
            hint="stop it and its standbys, and try again",
        )


def commit(consumer: Consumer, settings: Settings, in_use: TopicsInUse, seen: Seen, after: State) -> None:
    """Commit offsets and state in one transaction, under the transactional id of the job.

    An instance that has started meanwhile is fenced by this, or fences it: only one of the two takes effect.

    Args:
        seen: the group when the new state was computed.
        after: the new state.

    Raises:
        FencedError: an instance has started since then; nothing was changed.
        BrokerError: the broker does not answer, or refuses.
    """
    _require_unmoved(settings, in_use, seen, last_commit(settings, in_use.input_partitions))
    batch_bytes = min(limits.size_bytes for limits in in_use.limits.values())
    producer = open_transactional_producer(settings, batch_bytes)
    budget = RetryBudget(settings.broker_timeout_s, Event())
    try:
        transaction = Transaction(producer, consumer, call_s(settings.broker_timeout_s), CommitLatency())
        saved = saved_state(consumer, settings.input_topic, in_use.input_partitions)
        _require_unmoved(settings, in_use, seen, saved)
        FrameSink(transaction, settings, in_use, Instance.of_this_process(is_forced=True), budget).retire(after)
    except TransactionLostError as lost:
        raise (_moved(settings, lost.cause.why) if lost.is_fenced else lost.cause) from None


def _require_unmoved(settings: Settings, in_use: TopicsInUse, seen: Seen, saved: SavedState | None) -> None:
    """Check that no instance has counted since the new state was computed."""
    known = {number: at for number, at in seen.state.partitions.items() if number not in seen.new}
    before = msgspec.structs.replace(seen.state, partitions=known)
    expected = (before, in_use.input_id, seen.instance_id)
    if saved is None or (saved.state, saved.topic_id, saved.instance.id) != expected:
        raise _moved(settings, "the group's state has changed")


def _moved(settings: Settings, why: str) -> FencedError:
    return FencedError(
        f"an instance of the group {settings.consumer_group_id} has started meanwhile; nothing was reset",
        why=why,
        hint="stop it and its standbys, and try again",
    )
