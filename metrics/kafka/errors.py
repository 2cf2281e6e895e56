"""Errors of the client: their text, which of them are temporary, and their conversion to errors of this program."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from metrics.errors import BrokerError, DeniedError
from metrics.kafka.permissions import to_allow

# Errors that the client recovers from by itself; if the broker stays away, a commit fails.
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
# Answers of a group's coordinator while it loads or moves.
COORDINATOR_MOVES = frozenset(
    {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS}
)
# Answers for a partition that was just created, or whose leader just changed.
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

# Parts that differ between two tries that failed for the same reason; and a broker's name before its id is known.
_OF_ONE_TRY = re.compile(
    r" \(after \d+ms in state \w+(, \d+ identical error\(s\) suppressed)?\)|(?<=\d)/bootstrap(?=:)"
)


def text_of(error: KafkaException) -> str:
    """Return the text of an exception of the client."""
    return text_of_error(error.args[0])


def text_of_error(error: KafkaError) -> str:
    """Return the text of an error of the client, without parts that differ between two tries."""
    return _OF_ONE_TRY.sub("", error.str()).strip()


@contextmanager
def client_errors(what: str) -> Iterator[None]:
    """Convert errors of the client to errors of this program.

    Args:
        what: a line for the user about what happened.

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
