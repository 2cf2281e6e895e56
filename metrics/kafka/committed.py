"""Committed offsets of a consumer group, always queried through a consumer of that group.

The admin client would crash the process while the group's coordinator is loading or has moved:
https://github.com/confluentinc/librdkafka/issues/5040, and the assertion of
https://github.com/confluentinc/librdkafka/issues/4605 is in the same code.
"""

from collections.abc import Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from metrics.kafka.errors import COORDINATOR_MOVES, are_temporary, broker_error
from metrics.kafka.futures import ASK_TIMEOUT_S
from metrics.time.deadline import Deadline


def committed(
    consumer: Consumer, partitions: Sequence[TopicPartition], timeout_s: float = ASK_TIMEOUT_S
) -> list[TopicPartition]:
    """Return the committed offsets of the consumer's group in some partitions; partitions without one are left out.

    A consumer that reads committed records waits for offsets which an open transaction is about to commit. One that
    reads uncommitted records does not, and gets those of the last transaction that has ended.

    Raises:
        BrokerError: the offset of one is not known.
    """
    deadline = Deadline(timeout_s)
    answers, failures = deadline.poll(
        lambda: _asked(consumer, partitions, deadline.left_s()),
        until=lambda asked: not are_temporary(asked[1], COORDINATOR_MOVES),
    )
    # A group that is not found has committed nothing.
    if failures := [error for error in failures if error.code() != KafkaError.GROUP_ID_NOT_FOUND]:
        raise broker_error("the broker does not return the consumer group's offsets", failures)
    return [answer for answer in answers if answer.offset >= 0]


def _asked(
    consumer: Consumer, partitions: Sequence[TopicPartition], timeout_s: float
) -> tuple[list[TopicPartition], list[KafkaError]]:
    """Return the answers, and the errors among them."""
    try:
        answers = consumer.committed(list(partitions), timeout_s)
    except KafkaException as error:
        return [], _causes(consumer) or [error.args[0]]
    return answers, [answer.error for answer in answers if answer.error is not None]


def _causes(consumer: Consumer) -> list[KafkaError]:
    """Return why a consumer gets no answer, if it knows: without permission to read a group, calls only time out.

    A consumer that reads records is not asked, since those that it returned would be lost.
    """
    if consumer.assignment():
        return []
    events = [message.error() for message in consumer.consume(10, 0)]
    return [error for error in events if error is not None]
