"""A commit by a command, under the job's transactional id: an instance that starts meanwhile is fenced, or wins."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from confluent_kafka import Consumer

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
from metrics.wording.errors import FencedError

_AGAIN = "stop it and its standbys, and try again"


def require_inactive(seen: Seen) -> None:
    """Check that no instance of a group is active.

    Raises:
        FencedError: one is active.
    """
    if seen.activity is Activity.ACTIVE:
        raise FencedError(
            f"instance {seen.instance_id} of the group {seen.group} is active; nothing was changed",
            why="it commits, and would continue from its own position",
            hint=_AGAIN,
        )


@contextmanager
def taken_over(
    consumer: Consumer, settings: Settings, in_use: TopicsInUse, is_unmoved: Callable[[SavedState | None], bool]
) -> Iterator[FrameSink]:
    """Fence the previous instance, and yield a sink to commit with.

    Args:
        is_unmoved: whether the group still has the state that the caller has seen, by what it has committed.

    Raises:
        FencedError: an instance has started since then; what was not committed is not changed.
        BrokerError: the broker does not answer, or refuses.
    """
    moved = _started(settings, "the group's state has changed")
    if not is_unmoved(last_commit(settings, in_use.input_partitions)):
        raise moved
    batch_bytes = min(limits.size_bytes for limits in in_use.limits.values())
    producer = open_transactional_producer(settings, batch_bytes)
    budget = RetryBudget(settings.broker_timeout_s, Event())
    try:
        transaction = Transaction(producer, consumer, call_s(settings.broker_timeout_s), CommitLatency())
        if not is_unmoved(saved_state(consumer, settings.input_topic, in_use.input_partitions)):
            raise moved
        yield FrameSink(transaction, settings, in_use, Instance.of_this_process(is_forced=True), budget)
    except TransactionLostError as lost:
        raise (_started(settings, lost.cause.why) if lost.is_fenced else lost.cause) from None


def _started(settings: Settings, why: str) -> FencedError:
    return FencedError(
        f"an instance of the group {settings.consumer_group_id} has started meanwhile; nothing was changed",
        why=why,
        hint=_AGAIN,
    )
