"""Outputs, offsets and state in one transaction; and the state read back.

The committed offset of a partition is its low-water mark. The metadata beside it holds the rest of the state as JSON,
at most 4,096 bytes (`offset.metadata.max.bytes`), so that whoever may read the consumer group can read the state. What
belongs to all partitions together stands with the lowest one.
"""

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Literal

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from metrics.errors import BrokerError, FencedError, MetricsError, StateError
from metrics.frames.counter import PartitionState, State, Tally
from metrics.frames.frame import Rejection
from metrics.frames.windows import Record, SecondRecord, Series
from metrics.kafka import topics
from metrics.kafka.clients import text_of
from metrics.kafka.input import FrameMessage
from metrics.settings import Settings

TRANSACTION_TIMEOUT_S = 30.0


class WindowsMetadata(msgspec.Struct):
    """What belongs to all partitions together."""

    closed_through: int
    seconds: Series
    minutes: Series


class Metadata(msgspec.Struct, omit_defaults=True):
    """The metadata of one partition's committed offset."""

    version: Literal[1]
    position: int
    newest: int
    watermark: int
    tally: Tally
    windows: WindowsMetadata | None = None


def to_offsets(state: State, topic: str) -> list[TopicPartition]:
    """Write a state as offsets with metadata."""
    windows: WindowsMetadata | None = WindowsMetadata(state.closed_through, state.seconds, state.minutes)
    offsets = []
    for number, partition in sorted(state.partitions.items()):
        metadata = Metadata(1, partition.position, partition.newest, partition.watermark, partition.tally, windows)
        text = msgspec.json.encode(metadata).decode()
        offsets.append(TopicPartition(topic, number, partition.low_water, metadata=text))
        windows = None
    return offsets


def from_offsets(offsets: Iterable[TopicPartition]) -> State | None:
    """Read a state back from the committed offsets of all partitions that have one; None if none has.

    Raises:
        StateError: an offset has no metadata of ours.
    """
    state = None
    for offset in sorted(offsets, key=lambda offset: offset.partition):
        try:
            metadata = msgspec.json.decode(offset.metadata or "", type=Metadata)
        except msgspec.DecodeError as error:
            raise StateError(
                f"the committed offset of {offset.topic}/{offset.partition} holds no state of this program",
                why=f"its metadata is {offset.metadata!r}: {error}",
                now="use another CONSUMER_GROUP_ID, or delete this group's offsets to count anew:\n"
                "kafka-consumer-groups.sh --delete-offsets",
            ) from error
        if metadata.windows is not None:
            windows = metadata.windows
            state = State(windows.closed_through, windows.seconds, windows.minutes, {})
        if state is None:
            raise StateError(f"the state of {offset.topic} is incomplete: its first partition has none")
        state.partitions[offset.partition] = PartitionState(
            metadata.position, offset.offset, metadata.newest, metadata.watermark, metadata.tally
        )
    return state


def load(consumer: Consumer, topic: str, partitions: int) -> State:
    """Read the state of a consumer group; partitions without one start with the first record that they hold.

    Raises:
        StateError: it is not ours, or the input no longer holds frames that it needs.
        BrokerError: the broker does not answer.
    """
    try:
        answers = consumer.committed([TopicPartition(topic, number) for number in range(partitions)], timeout=10.0)
    except KafkaException as error:
        raise BrokerError("the broker does not tell the consumer group's offsets", why=text_of(error)) from error
    state = from_offsets(answer for answer in answers if answer.offset >= 0) or State.fresh({})
    for number in range(partitions):
        low, high = topics.offsets(consumer, topic, number)
        saved = state.partitions.setdefault(number, PartitionState(low, low))
        if saved.low_water < low or saved.position > high:
            raise StateError(
                f"frames of {topic}/{number} that were still needed are gone",
                why=f"the state needs {saved.low_water} to {saved.position}, the topic holds {low} to {high}",
                now="count anew with another CONSUMER_GROUP_ID and other output topics, or bring the frames back",
            )
    return state


class Checkpoint:
    """The open transaction: what was sent since the last commit becomes visible at the next one, all or nothing."""

    def __init__(self, producer: Producer, consumer: Consumer, settings: Settings, ahead_ms: Mapping[str, int]) -> None:
        """Take over the transactional id: an instance that had it is fenced, what it left open is aborted.

        Args:
            ahead_ms: how far ahead of its clock the broker lets a timestamp be, for each topic of results.
        """
        self._producer = producer
        self._consumer = consumer
        self._settings = settings
        self._ahead_ms = ahead_ms
        self._is_open = False
        self._call(producer.init_transactions, TRANSACTION_TIMEOUT_S)

    def publish(self, record: Record) -> None:
        """Send the record of a closed window; its timestamp is the window's start."""
        is_second = isinstance(record, SecondRecord)
        settings = self._settings
        topic = settings.sec_metrics_output_topic if is_second else settings.min_metrics_output_topic
        # Some brokers refuse a timestamp that is far ahead of their clock; that must not stop the loop.
        latest_ms = int(time.time() * 1000) + self._ahead_ms[topic] // 2
        self._send(topic, record.key, record.value(), min(record.start * 1000, latest_ms), [])

    def reject(self, message: FrameMessage, rejection: Rejection) -> None:
        """Send a frame that was not counted, its bytes unchanged, with the reason and where it came from."""
        headers = [
            ("reason", str(rejection.reason)),
            ("detail", rejection.detail),
            ("topic", message.topic()),
            ("partition", str(message.partition())),
            ("offset", str(message.offset())),
        ]
        self._send(self._settings.rejected_topic, message.key(), message.value(), message.timestamp()[1], headers)

    def republish(self, message: FrameMessage) -> None:
        """Send a valid frame on to OUTPUT_STREAM, its key, bytes and timestamp unchanged."""
        topic = self._settings.output_stream or ""
        headers = message.headers() or []
        self._send(topic, message.key(), message.value(), message.timestamp()[1], headers)

    def commit(self, state: State) -> None:
        """Commit what was sent, together with the state that it leads to."""
        # 1. The state goes into the transaction: if it commits, a restart begins behind these outputs.
        self._begin()
        offsets = to_offsets(state, self._settings.input_topic)
        group = self._consumer.consumer_group_metadata()
        self._call(self._producer.send_offsets_to_transaction, offsets, group, TRANSACTION_TIMEOUT_S)
        # 2. The commit flushes the outputs first, and fails if one of them was refused.
        self._call(self._producer.commit_transaction, TRANSACTION_TIMEOUT_S)
        self._is_open = False

    def _begin(self) -> None:
        if not self._is_open:
            self._call(self._producer.begin_transaction)
            self._is_open = True

    def _send(
        self,
        topic: str,
        key: str | bytes | None,
        value: bytes | None,
        timestamp_ms: int,
        headers: Any,
    ) -> None:
        self._begin()
        while True:
            try:
                self._producer.produce(topic, value, key, timestamp=max(0, timestamp_ms), headers=headers)
            except BufferError:
                self._producer.poll(0.1)  # the queue is full: wait until the broker has taken some
            except KafkaException as error:
                raise self._wrapped(error) from error
            else:
                return

    def _call(self, step: Any, *arguments: Any) -> None:
        """Take one step of the transaction, again where the client says that it may be repeated."""
        give_up_s = time.monotonic() + TRANSACTION_TIMEOUT_S
        while True:
            try:
                step(*arguments)
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > give_up_s:
                    raise self._wrapped(error) from error
            else:
                return

    def _wrapped(self, error: KafkaException) -> MetricsError:
        cause = error.args[0]
        if cause.txn_requires_abort():
            with suppress(KafkaException):
                self._producer.abort_transaction(TRANSACTION_TIMEOUT_S)
        if cause.code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED):
            return FencedError(
                f"another instance took over the group {self._settings.consumer_group_id}",
                why=text_of(error),
                now="nothing is lost: it goes on where this one committed last",
            )
        return BrokerError(
            "the transaction failed; nothing of it is visible",
            why=text_of(error),
            now="start again: the last commit is where it goes on",
        )
