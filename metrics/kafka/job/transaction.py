"""The Kafka transaction: outputs, offsets, and the state in their metadata, become visible together or not at all."""

from contextlib import suppress
from time import monotonic
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from metrics.kafka import futures
from metrics.kafka.clients import LOOK_TIMEOUT_S
from metrics.kafka.errors import to_allow
from metrics.kafka.job.latency import CommitLatency
from metrics.kafka.job.seams import TransactionLostError
from metrics.kafka.record_metadata import Headers
from metrics.wording.errors import BrokerError, DeniedError, RefusedError, SettingsError

# Limits of one step; Ctrl-C is handled between two steps. A transaction takes seven round trips to the broker, four of
# them in its last step (measured). The broker aborts it after 30 s, so a longer limit would not help.
LONGEST_CALL_S, SHORTEST_CALL_S = 20.0, 5.0
GRACE_S = 2.0
ABORT_TIMEOUT_S = 5.0
_FAILED = "the transaction failed; none of it was committed"
_RESTART = "restart: it resumes from the last commit"
MAX_REFUSALS = 3
ANY_PARTITION = -1
_TRANSACTION_LOG = "__transaction_state"
_FENCED = frozenset({KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED})


def call_s(broker_timeout_s: int) -> float:
    """Return the limit in seconds for one step of a transaction, so that two tries fit into the retry budget."""
    return min(LONGEST_CALL_S, max(SHORTEST_CALL_S, broker_timeout_s / 2))


class Transaction:
    """Sequence of transactions: what was sent since the last commit becomes visible with the next, all or nothing.

    Args:
        consumer: of the group whose offsets are committed.
        call_s: the limit for one step.

    Attributes:
        is_open: whether something was sent since the last commit.
    """

    def __init__(self, producer: Producer, consumer: Consumer, call_s: float, latency: CommitLatency) -> None:
        """Take over the transactional id: the previous instance is fenced, and its open transaction aborted.

        Raises:
            TransactionLostError: the broker does not answer, or refuses.
            SettingsError: the broker does not allow the transaction timeout.
        """
        self._producer = producer
        self._consumer = consumer
        self._latency = latency
        self._call_s = call_s
        self.is_open = self._has_failed = self._hangs = False
        self._refusals: list[str] = []
        self._refused: list[int] = []
        # Without a connection to the broker, the client looks for its coordinator again only after 500 ms.
        with suppress(KafkaException):
            producer.list_topics(timeout=LOOK_TIMEOUT_S)
        try:
            self._call(producer.init_transactions, self._call_s)
        except TransactionLostError as lost:
            self._explain(lost)
            raise

    def _explain(self, lost: "TransactionLostError") -> None:
        """Add another possible cause of a failed take-over: the topic of transactions is missing."""
        with suppress(KafkaException):
            found = self._producer.list_topics(timeout=LOOK_TIMEOUT_S)
            if _TRANSACTION_LOG not in found.topics and not lost.is_fenced:
                lost.cause.why += (
                    f"\nthe broker has no topic {_TRANSACTION_LOG}, or hides it: it cannot be created "
                    f"if transaction.state.log.replication.factor is above the number of nodes, {len(found.brokers)}"
                )

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        timestamp_ms: int,
        headers: Headers,
        partition: int = ANY_PARTITION,
    ) -> None:
        """Pass a record to the client once its queue has room.

        Raises:
            TransactionLostError: nothing more can be sent.
        """
        if not self.is_open:
            self._begin()
        try:
            while True:
                try:
                    self._producer.produce(
                        topic, value, key, partition, self._note_refusal, timestamp=timestamp_ms, headers=headers
                    )
                except BufferError:
                    self._producer.poll(0.1)  # the queue is full
                else:
                    return
        except KafkaException as error:
            raise self._lost(error) from error

    def commit(self, offsets: list[TopicPartition]) -> None:
        """Commit what was sent, together with offsets and their metadata, if there are any.

        Raises:
            TransactionLostError: nothing was committed; resume from the last commit.
        """
        self._latency.begin(monotonic())
        # 1. The offsets go into the transaction: only if it commits does a restart begin from them.
        if not self.is_open:
            self._begin()
        if offsets:
            group = self._consumer.consumer_group_metadata()
            self._call(self._producer.send_offsets_to_transaction, offsets, group, self._call_s)
        # 2. The commit flushes the outputs first, and fails if one of them was refused.
        self._call(self._producer.commit_transaction, self._call_s)
        self.is_open = False
        self._latency.end(monotonic())

    def _begin(self) -> None:
        self._call(self._producer.begin_transaction)
        self.is_open = True

    def close(self) -> None:
        """Abort what was sent since the last commit, so that readers need not wait for a timeout.

        If a step has failed, that is left to the next instance.
        """
        if self.is_open and not self._has_failed:
            with suppress(KafkaException, TimeoutError):
                futures.call(ABORT_TIMEOUT_S + GRACE_S, self._producer.abort_transaction, ABORT_TIMEOUT_S)
        self.is_open = False
        if not self._hangs:
            self._producer.purge()

    def _note_refusal(self, error: KafkaError | None, message: Message) -> None:
        """Keep why records were refused, which the error of the failed commit does not contain."""
        if error is not None and len(self._refusals) < MAX_REFUSALS:
            hint = "; a compacted topic requires keys" if error.code() == KafkaError.INVALID_RECORD else ""
            self._refusals.append(f"{message.topic()}: {error.str()}{hint}")
            self._refused.append(error.code())

    def _call(self, step: Any, *arguments: Any) -> None:
        """Perform one step of the transaction.

        When a broker is killed in its middle, send_offsets_to_transaction may never return (librdkafka 2.16), despite
        its timeout, at the first try or a second. So nothing is retried, and a step that does not return is abandoned,
        together with its producer.
        """
        try:
            futures.call(self._call_s + GRACE_S, step, *arguments, meanwhile=lambda: self._latency.check(monotonic()))
        except KafkaException as error:
            raise self._lost(error) from error
        except TimeoutError:
            self._has_failed = self._hangs = True
            raise TransactionLostError(
                BrokerError(_FAILED, why="the client did not return in time", hint=_RESTART), is_fenced=False
            ) from None

    def _lost(self, error: KafkaException) -> "TransactionLostError | SettingsError":
        self._has_failed = True
        cause = self._cause(error)
        if cause.code() == KafkaError.INVALID_TRANSACTION_TIMEOUT:
            return SettingsError(
                "the broker does not allow the transaction timeout",
                why=cause.str(),
                hint="lower KAFKA_TRANSACTION_TIMEOUT_MS, or raise transaction.max.timeout.ms on the broker",
            )
        return TransactionLostError(self._failure(cause), is_fenced=cause.code() in _FENCED)

    def _cause(self, error: KafkaException) -> KafkaError:
        """Return why a step failed. `produce` only says that nothing can be sent, so another step is asked."""
        cause: KafkaError = error.args[0]
        if cause.code() in (KafkaError._FATAL, KafkaError._STATE):
            try:
                self._producer.begin_transaction()
            except KafkaException as underlying:
                cause = underlying.args[0]
        return cause

    def _failure(self, cause: KafkaError) -> BrokerError:
        with suppress(KafkaException):  # a broken producer raises its error again
            self._producer.poll(0)  # reports the refusals
        why = "\n".join(dict.fromkeys([*self._refusals, cause.str().strip()]))
        allow = to_allow([cause.code(), *self._refused])
        kind = DeniedError if allow else RefusedError if self._refusals else BrokerError
        return kind(_FAILED, why=why, hint=allow or _RESTART)
