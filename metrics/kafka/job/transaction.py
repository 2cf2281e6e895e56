"""Outputs, offsets and state in one transaction."""

import time
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from metrics.errors import BrokerError, DeniedError, RefusedError, SettingsError
from metrics.frames.core.frame import FrameMessage, Reason, Rejection
from metrics.frames.core.partition import RejectedFrame
from metrics.frames.core.state import State
from metrics.frames.core.windows import Record, SecondRecord
from metrics.frames.job.saved_state import Instance, SavedState, to_offsets
from metrics.frames.job.signs import NONE, Signs
from metrics.frames.settings import Settings
from metrics.kafka import futures
from metrics.kafka.clients import LOOK_TIMEOUT_S
from metrics.kafka.headers import Headers, headers_of
from metrics.kafka.job.retry import Patience
from metrics.kafka.job.slowness import Pace
from metrics.kafka.permissions import to_allow
from metrics.kafka.topics import TopicsInUse

# One try of a step; between two of them Ctrl-C is heard. A transaction was measured to take seven round trips to the
# broker, four of them in its last step; the broker gives up on it after 30 s, so waiting longer would not help.
LONGEST_CALL_S, SHORTEST_CALL_S = 20.0, 5.0
GRACE_S = 2.0
ABORT_TIMEOUT_S = 5.0
WHAT = "the transaction failed; none of it was committed"
NOW = "start again: the last commit is where it goes on"
MOST_REFUSALS = 3
ANY_PARTITION = -1
_TRANSACTION_LOG = "__transaction_state"
# What a record, its batch and a header take beside their own bytes, at the most.
_FRAMING_BYTES, _FRAMING_BYTES_A_HEADER = 128, 10
_FENCED = frozenset({KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED})


def call_s(broker_timeout_s: int) -> float:
    """Return how long one step of a transaction may take: two tries at least fit into what is borne."""
    return min(LONGEST_CALL_S, max(SHORTEST_CALL_S, broker_timeout_s / 2))


class Checkpoint:
    """The open transaction: what was sent since the last commit becomes visible at the next one, all or nothing."""

    def __init__(
        self,
        producer: Producer,
        consumer: Consumer,
        settings: Settings,
        in_use: TopicsInUse,
        patience: Patience,
        pace: Pace,
        instance: Instance,
    ) -> None:
        """Take over the transactional id: an instance that had it is fenced, what it left open is aborted.

        Raises:
            TransactionLostError: the broker does not answer, or refuses.
            SettingsError: the broker does not let transactions take so long.
        """
        self._producer = producer
        self._patience = patience
        self._pace = pace
        self.instance = instance
        self._consumer = consumer
        self._settings = settings
        self._in_use = in_use
        self._is_open = self._has_failed = self._hangs = False
        self._refusals: list[str] = []
        self._refused: list[int] = []
        self._call_s = call_s(settings.broker_timeout_s)
        # Without a connection to the broker, the client looks for its coordinator anew after 500 ms only.
        with suppress(KafkaException):
            producer.list_topics(timeout=LOOK_TIMEOUT_S)
        try:
            self._call(producer.init_transactions, self._call_s)
        except TransactionLostError as lost:
            self._explain(lost)
            raise

    def _explain(self, lost: "TransactionLostError") -> None:
        """Say what else may be the cause where nothing can be taken over: there is no log of transactions."""
        with suppress(KafkaException):
            found = self._producer.list_topics(timeout=LOOK_TIMEOUT_S)
            if _TRANSACTION_LOG not in found.topics and not lost.is_fenced:
                lost.cause.why += (
                    f"\nthe broker has no topic {_TRANSACTION_LOG}, or hides it: it cannot be made "
                    f"where transaction.state.log.replication.factor is above the number of nodes, {len(found.brokers)}"
                )

    def publish(self, record: Record) -> None:
        """Send the record of a closed window; its timestamp is the window's start."""
        is_second = isinstance(record, SecondRecord)
        settings = self._settings
        topic = settings.sec_metrics_output_topic if is_second else settings.min_metrics_output_topic
        self._send(topic, record.key.encode(), record.value(), record.start * 1000, [])

    def reject(self, rejected: RejectedFrame) -> None:
        """Send a frame that was not counted, its bytes unchanged, with the reason and where it came from.

        The headers `ts` and `event_time` are there where they are known. A frame larger than the topic takes is cut,
        with a header that tells its size; the whole of it is where the headers say.
        """
        message, rejection, ts, event_time = rejected
        headers: Headers = [
            ("reason", str(rejection.reason).encode()),
            ("detail", rejection.detail.encode()),
            ("topic", message.topic().encode()),
            ("partition", b"%d" % message.partition()),
            ("offset", b"%d" % message.offset()),
            *((name, b"%d" % time_s) for name, time_s in (("ts", ts), ("event_time", event_time)) if time_s >= 0),
        ]
        topic, key, value = self._settings.rejected_topic, message.key(), message.value()
        room_bytes = self._in_use.limits[topic].size_bytes - _FRAMING_BYTES - _size_bytes(headers)
        if len(key or b"") + len(value or b"") > room_bytes:
            headers.append(("cut_from_bytes", b"%d" % len(value or b"")))
            key = (key or b"")[: room_bytes // 2]
            value = (value or b"")[: room_bytes - len(key)]
        self._send(topic, key, value, message.timestamp()[1], headers)

    def republish(self, messages: Iterable[FrameMessage]) -> None:
        """Send valid frames on to OUTPUT_STREAM: key, bytes, headers and timestamp, and the partition if it is there.

        One that is larger than the topic takes, or whose headers cannot be read, is a dead letter instead. It counts
        nevertheless.
        """
        topic = self._settings.output_stream or ""
        limits, (earliest_ms, latest_ms) = self._in_use.limits[topic], self._taken_timestamps_ms(topic)
        self._begin()
        for message in messages:
            key, value, headers = message.key(), message.value() or b"", headers_of(message)
            if headers is None:
                self._reject_unreadable_headers(message, topic)
                continue
            size_bytes = len(key or b"") + len(value) + (_size_bytes(headers) if headers else 0) + _FRAMING_BYTES
            if size_bytes > limits.size_bytes:
                self._reject_too_large(message, size_bytes, topic)
                continue
            timestamp_ms = message.timestamp()[1]
            if not earliest_ms <= timestamp_ms <= latest_ms:
                timestamp_ms = self._taken_timestamp_ms(topic, timestamp_ms)
            partition = message.partition() if message.partition() < limits.partitions else ANY_PARTITION
            self._produce(topic, key, value, partition, timestamp_ms, headers)

    def _reject_too_large(self, message: FrameMessage, size_bytes: int, topic: str) -> None:
        most_bytes = self._in_use.limits[topic].size_bytes
        why = f"it needs {size_bytes:,} bytes, and max.message.bytes of {topic} is {most_bytes:,}"
        self.reject(RejectedFrame(message, Rejection(Reason.TOO_LARGE, f"counted, and not republished: {why}")))
        self._patience.tell_once(
            Reason.TOO_LARGE,
            f"frames larger than {topic} takes are counted, but not republished: they go to "
            f"{self._settings.rejected_topic} as {Reason.TOO_LARGE}; reported once\n"
            f"why: the first is {message.topic()}/{message.partition()} offset {message.offset()}; {why}\n"
            f"now: kafka-configs.sh --alter --topic {topic} --add-config max.message.bytes={size_bytes}\n"
            "and start again",
        )

    def _reject_unreadable_headers(self, message: FrameMessage, topic: str) -> None:
        why = "the name of a header is not UTF-8"
        rejection = Rejection(Reason.UNREADABLE_HEADERS, f"counted, and not republished: {why}")
        self.reject(RejectedFrame(message, rejection))
        self._patience.tell_once(
            Reason.UNREADABLE_HEADERS,
            f"frames whose headers cannot be read are counted, but not republished to {topic}: they go to "
            f"{self._settings.rejected_topic} as {Reason.UNREADABLE_HEADERS}; reported once\n"
            f"why: the first is {message.topic()}/{message.partition()} offset {message.offset()}; {why}",
        )

    def retire(self, state: State, signs: Signs = NONE) -> None:
        """Commit for the last time: whoever stands by may take over."""
        self.instance = msgspec.structs.replace(self.instance, is_active=False)
        self.commit(state, signs)

    def commit(self, state: State, signs: Signs = NONE) -> None:
        """Commit what was sent, together with the state that it leads to.

        Raises:
            TransactionLostError: none of it was committed; go back to the last commit, and on from there.
        """
        had_records = self._is_open
        self.announce(state, signs)
        if had_records:
            self._patience.relieve_of_all()
        else:
            self._patience.relieve()

    def announce(self, state: State, signs: Signs = NONE) -> None:
        """Commit the state as it is, so that all can see that this instance is active."""
        self.instance = msgspec.structs.replace(self.instance, beat=self.instance.beat + 1)
        self._pace.begin(monotonic())
        # 1. The state goes into the transaction: if it commits, a restart begins behind these outputs.
        self._begin()
        saved = SavedState(state, self._in_use.input_id, self.instance, signs)
        offsets = to_offsets(saved, self._settings.input_topic)
        group = self._consumer.consumer_group_metadata()
        self._call(self._producer.send_offsets_to_transaction, offsets, group, self._call_s)
        # 2. The commit flushes the outputs first, and fails if one of them was refused.
        self._call(self._producer.commit_transaction, self._call_s)
        self._is_open = False
        self._pace.end(monotonic())

    def close(self) -> None:
        """Take back what was sent since the last commit, so that readers behind it need not wait for a timeout.

        Where a step has failed, that is left to the instance that takes over.
        """
        if self._is_open and not self._has_failed:
            with suppress(KafkaException, TimeoutError):
                futures.call(ABORT_TIMEOUT_S + GRACE_S, self._producer.abort_transaction, ABORT_TIMEOUT_S)
        self._is_open = False
        if not self._hangs:
            self._producer.purge()

    def _begin(self) -> None:
        if not self._is_open:
            self._call(self._producer.begin_transaction)
            self._is_open = True

    def _send(self, topic: str, key: bytes | None, value: bytes | None, timestamp_ms: int, headers: Headers) -> None:
        self._begin()
        timestamp_ms = self._taken_timestamp_ms(topic, timestamp_ms)
        self._produce(topic, key, value, ANY_PARTITION, timestamp_ms, headers)

    def _produce(
        self, topic: str, key: bytes | None, value: bytes | None, partition: int, timestamp_ms: int, headers: Headers
    ) -> None:
        """Hand a record to the client, once its queue has room for it."""
        while True:
            try:
                self._producer.produce(
                    topic, value, key, partition, self._note_refusal, timestamp=timestamp_ms, headers=headers
                )
            except BufferError:
                self._make_room()
            except KafkaException as error:
                raise self._lost(error) from error
            else:
                return

    def _make_room(self) -> None:
        """Wait until the broker has taken something from a queue that is full."""
        try:
            self._producer.poll(0.1)
        except KafkaException as error:
            raise self._lost(error) from error

    def _taken_timestamp_ms(self, topic: str, timestamp_ms: int) -> int:
        """Return the nearest timestamp that the topic takes; a frame without one gets that of now."""
        if timestamp_ms < 0:
            return int(time.time() * 1000)
        earliest_ms, latest_ms = self._taken_timestamps_ms(topic)
        return max(earliest_ms, min(timestamp_ms, latest_ms))

    def _taken_timestamps_ms(self, topic: str) -> tuple[int, int]:
        """Return the first and the last timestamp that a topic takes: half of its limits, since clocks differ.

        For the client, 0 means now; so the first millisecond of 1970 becomes the second.
        """
        limits, now_ms = self._in_use.limits[topic], int(time.time() * 1000)
        return max(1, now_ms - limits.behind_ms // 2), now_ms + limits.ahead_ms // 2

    def _note_refusal(self, error: KafkaError | None, message: Message) -> None:
        """Keep why records were refused: the commit that fails for it says only that it did."""
        if error is not None and len(self._refusals) < MOST_REFUSALS:
            hint = (
                "; a compacted topic takes no record without a key" if error.code() == KafkaError.INVALID_RECORD else ""
            )
            self._refusals.append(f"{message.topic()}: {error.str()}{hint}")
            self._refused.append(error.code())

    def _call(self, step: Any, *arguments: Any) -> None:
        """Take one step of the transaction.

        By what the client says, some errors may be repeated, and each step has a timeout. But where a broker was killed
        in the middle, send_offsets_to_transaction was seen never to return (librdkafka 2.16), at the first try or at
        the second. So nothing is tried twice, and a step that does not return is left behind with its producer.
        """
        try:
            futures.call(self._call_s + GRACE_S, step, *arguments, meanwhile=lambda: self._pace.wait(monotonic()))
        except KafkaException as error:
            raise self._lost(error) from error
        except TimeoutError:
            self._has_failed = self._hangs = True
            raise TransactionLostError(
                BrokerError(WHAT, why="the client did not come back from it in time", now=NOW), is_fenced=False
            ) from None

    def _lost(self, error: KafkaException) -> "TransactionLostError | SettingsError":
        self._has_failed = True
        cause = self._cause(error)
        if cause.code() == KafkaError.INVALID_TRANSACTION_TIMEOUT:
            return SettingsError(
                "the broker does not take the time-out of transactions",
                why=cause.str(),
                now="lower KAFKA_TRANSACTION_TIMEOUT_MS, or raise transaction.max.timeout.ms on the broker",
            )
        return TransactionLostError(self._failure(cause), is_fenced=cause.code() in _FENCED)

    def _cause(self, error: KafkaException) -> KafkaError:
        """Return why a step failed. To produce only tells that nothing can be sent; any other step tells why."""
        cause: KafkaError = error.args[0]
        if cause.code() in (KafkaError._FATAL, KafkaError._STATE):
            try:
                self._producer.begin_transaction()
            except KafkaException as told:
                cause = told.args[0]
        return cause

    def _failure(self, cause: KafkaError) -> BrokerError:
        with suppress(KafkaException):  # where the producer is broken, it says so once more
            self._producer.poll(0)  # it brings the refusals
        why = "\n".join(dict.fromkeys([*self._refusals, cause.str().strip()]))
        allow = to_allow([cause.code(), *self._refused])
        kind = DeniedError if allow else RefusedError if self._refusals else BrokerError
        return kind(WHAT, why=why, now=allow or NOW)


class TransactionLostError(Exception):
    """The open transaction will never commit: the job goes back to the last commit, and on from there.

    Attributes:
        cause: what it was, for when this goes on for too long.
        is_fenced: another process took over the transactional id; or the broker gave up on a transaction that was
            open for too long, which looks the same from here.
    """

    def __init__(self, cause: BrokerError, *, is_fenced: bool) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.is_fenced = is_fenced


def _size_bytes(headers: Headers) -> int:
    return sum(len(name.encode()) + len(value or b"") + _FRAMING_BYTES_A_HEADER for name, value in headers)
