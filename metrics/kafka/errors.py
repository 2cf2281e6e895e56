"""Errors of the client: their text, which of them are temporary, and their conversion to errors of this program."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from metrics.wording.errors import BrokerError, DeniedError

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
        KafkaError._NOENT,  # none of the partitions that were asked about has a leader
    }
)

_ALLOW = {
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "Write and Describe on the transactional id CONSUMER_GROUP_ID",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "IdempotentWrite on the cluster",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "Read on the group CONSUMER_GROUP_ID",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "Read on the topics that are read, and Write on those that are written to",
}

# Parts that differ between two tries that failed for the same reason; and a broker's name before its id is known.
_OF_ONE_TRY = re.compile(
    r" \(after \d+ms in state \w+(, \d+ identical error\(s\) suppressed)?\)|(?<=\d)/bootstrap(?=:)"
)


def text_of(error: KafkaError) -> str:
    """Return the text of an error of the client, without parts that differ between two tries."""
    return _OF_ONE_TRY.sub("", error.str()).strip()


def to_allow(codes: Iterable[int]) -> str:
    """Return the permissions that the user needs, a line each; empty if no error is about permissions."""
    return "\n".join(f"allow this user {_ALLOW[code]}" for code in dict.fromkeys(codes) if code in _ALLOW)


def are_temporary(errors: Sequence[KafkaError], codes: Collection[int]) -> bool:
    """Return whether something failed, and for these reasons only."""
    return bool(errors) and all(error.code() in codes for error in errors)


def broker_error(what: str, errors: Sequence[KafkaError], why: str = "") -> BrokerError:
    """Return the error of this program for errors of the client.

    Args:
        what: a line for the user about what happened.
        why: the causes, if the client's texts are not enough.

    Returns:
        A DeniedError if the user lacks a permission; it names the permission.
    """
    allow = to_allow(error.code() for error in errors)
    kind = DeniedError if allow else BrokerError
    return kind(what, why=why or "\n".join(dict.fromkeys(map(text_of, errors))), hint=allow)


@contextmanager
def client_errors(what: str) -> Iterator[None]:
    """Convert errors of the client to errors of this program.

    Args:
        what: a line for the user about what happened.

    Raises:
        DeniedError: the user lacks a permission.
        BrokerError: anything else: no answer in time, no connection, a refusal.
    """
    try:
        yield
    except KafkaException as error:
        raise broker_error(what, [error.args[0]]) from error
