"""Errors of the client: what they say, which of them pass, and how they become this program's."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from metrics.errors import BrokerError, DeniedError
from metrics.kafka.permissions import to_allow

# What the client mends by itself; a broker that stays away is noticed by the commit.
PASSING = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.REQUEST_TIMED_OUT,
    }
)
# The answer of a group's coordinator after a broker has started, and while the group moves to another one.
COORDINATOR_MOVES = frozenset(
    {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS}
)
# The answer of a partition that was just created, or whose leader just changed.
LEADER_MOVES = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._WAIT_CACHE,
    }
)

# What differs between two tries that failed for the same reason; and what a broker is called before it told its number.
_OF_ONE_TRY = re.compile(
    r" \(after \d+ms in state \w+(, \d+ identical error\(s\) suppressed)?\)|(?<=\d)/bootstrap(?=:)"
)


def text_of(error: KafkaException) -> str:
    """Return what an exception of the client says."""
    return text_of_error(error.args[0])


def text_of_error(error: KafkaError) -> str:
    """Return what an error of the client says, without what differs between two tries that fail for the same reason."""
    return _OF_ONE_TRY.sub("", error.str()).strip()


@contextmanager
def client_errors(what: str) -> Iterator[None]:
    """Raise an error of the client as one of this program.

    Args:
        what: what happened, for the user.

    Raises:
        DeniedError: the user lacks a permission; the error names it.
        BrokerError: anything else: no answer in time, no connection, a refusal.
    """
    try:
        yield
    except KafkaException as error:
        allow = to_allow([error.args[0].code()])
        kind = DeniedError if allow else BrokerError
        raise kind(what, why=text_of(error), hint=allow) from error
