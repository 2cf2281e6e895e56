"""Outputs, offsets and state in one transaction; and the state read back.

The committed offset of a partition is its low-water mark. The metadata beside it holds the rest of the state as JSON,
at most 4,096 bytes (`offset.metadata.max.bytes`), so that whoever may read the consumer group can read the state. What
belongs to all partitions together stands with the lowest one.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from metrics.errors import BrokerError, FencedError, MetricsError, StateError, TopicError
from metrics.frames.frame import FrameMessage, Rejection
from metrics.frames.state import PartitionState, Rules, State
from metrics.frames.windows import Record, SecondRecord, Series
from metrics.kafka import topics
from metrics.kafka.clients import text_of
from metrics.kafka.topics import TopicsInUse
from metrics.settings import Settings

TRANSACTION_TIMEOUT_S = 30.0
ABORT_TIMEOUT_S = 5.0
MOST_REFUSALS = 3
ANY_PARTITION = -1
# What a record, its batch and a header take beside their own bytes, at the most.
_FRAMING_BYTES, _FRAMING_BYTES_A_HEADER = 128, 10

Headers = list[tuple[str, str | bytes | None]]

ANEW = "count anew with another CONSUMER_GROUP_ID and other output topics"


class WindowsMetadata(msgspec.Struct, array_like=True):
    """What belongs to all partitions together."""

    topic_id: str
    rules: Rules
    closing_to: int
    seconds: Series
    minutes: Series


class Metadata(msgspec.Struct, array_like=True):
    """The metadata of one partition's committed offset, as an array: names would take half of its bytes."""

    version: Literal[2]
    partition: PartitionState
    windows: WindowsMetadata | None


class SavedState(NamedTuple):
    """A state, and the id of the topic that its offsets are of: a topic made anew has another one."""

    state: State
    topic_id: str


def to_offsets(saved: SavedState, topic: str) -> list[TopicPartition]:
    """Write a state as offsets with metadata."""
    state = saved.state
    windows: WindowsMetadata | None = WindowsMetadata(
        saved.topic_id, state.rules, state.closing_to, state.seconds, state.minutes
    )
    offsets = []
    for number, partition in sorted(state.partitions.items()):
        text = msgspec.json.encode(Metadata(2, partition, windows)).decode()
        offsets.append(TopicPartition(topic, number, partition.low_water, metadata=text))
        windows = None
    return offsets


def from_offsets(offsets: Iterable[TopicPartition]) -> SavedState | None:
    """Read a state back from the committed offsets of all partitions that have one; None if none has.

    Raises:
        StateError: an offset has no metadata of ours.
    """
    saved = None
    for offset in sorted(offsets, key=lambda offset: offset.partition):
        metadata = _metadata(offset)
        if metadata.windows is not None:
            windows = metadata.windows
            state = State(windows.closing_to, windows.rules, windows.seconds, windows.minutes, {})
            saved = SavedState(state, windows.topic_id)
        if saved is None:
            raise StateError(f"the state of {offset.topic} is incomplete: its first partition has none", now=ANEW)
        saved.state.partitions[offset.partition] = metadata.partition
    return saved


def _metadata(offset: TopicPartition) -> Metadata:
    try:
        return msgspec.json.decode(offset.metadata or "", type=Metadata)
    except msgspec.DecodeError as error:
        raise StateError(
            f"the committed offset of {offset.topic}/{offset.partition} holds no state of this program",
            why=f"its metadata is {offset.metadata!r}: {error}",
            now=ANEW,
        ) from error


def load(consumer: Consumer, settings: Settings, in_use: TopicsInUse) -> State:
    """Read the state of the consumer group; partitions without one start with the first record that they hold.

    Raises:
        StateError: it is not ours, it is gone, or the input no longer holds frames that it needs.
        BrokerError: the broker does not answer.
    """
    topic, partitions = settings.input_topic, range(in_use.input_partitions)
    try:
        answers = consumer.committed([TopicPartition(topic, number) for number in partitions], timeout=10.0)
    except KafkaException as error:
        raise BrokerError("the broker does not tell the consumer group's offsets", why=text_of(error)) from error
    failures = {str(answer.error) for answer in answers if answer.error is not None}
    if failures:
        raise BrokerError("the broker does not tell all of the consumer group's offsets", why="\n".join(failures))
    saved = from_offsets(answer for answer in answers if answer.offset >= 0)
    if saved is None:
        _refuse_if_state_is_gone(settings)
        saved = SavedState(State.fresh({}, settings.rules()), in_use.input_id)
    if saved.topic_id != in_use.input_id:
        raise StateError(
            f"the topic {topic} was deleted and made anew",
            why=f"the group {settings.consumer_group_id} has read the one with the id {saved.topic_id}, "
            f"this one has the id {in_use.input_id}",
            now=ANEW,
        )
    for number in partitions:
        low, high = topics.offsets(consumer, topic, number)
        partition = saved.state.partitions.setdefault(number, PartitionState(low, low))
        if partition.low_water < low or partition.position > high:
            raise StateError(
                f"frames of {topic}/{number} that were still needed are gone",
                why=f"the state needs {partition.low_water} to {partition.position}, the topic holds {low} to {high}",
                now=f"bring the frames back, or {ANEW}",
            )
    return saved.state


def _refuse_if_state_is_gone(settings: Settings) -> None:
    """Tell a group that never ran from one whose offsets expired: that one would publish every window again."""
    topic = topics.first_with_records(settings, settings.result_topics())
    if topic is not None:
        raise StateError(
            f"the group {settings.consumer_group_id} has no state, but results are there",
            why=f"{topic} holds records of windows; the group's offsets expired (offsets.retention.minutes), "
            "were deleted, or it is another group that wrote them",
            now="to count all frames again, set other output topics or empty these;\n"
            "to go on where another group stopped, set CONSUMER_GROUP_ID to that one",
        )


class Checkpoint:
    """The open transaction: what was sent since the last commit becomes visible at the next one, all or nothing."""

    def __init__(self, producer: Producer, consumer: Consumer, settings: Settings, in_use: TopicsInUse) -> None:
        """Take over the transactional id: an instance that had it is fenced, what it left open is aborted."""
        self._producer = producer
        self._consumer = consumer
        self._settings = settings
        self._in_use = in_use
        self._is_open = False
        self._refusals: list[str] = []
        self._call(producer.init_transactions, TRANSACTION_TIMEOUT_S)

    def publish(self, record: Record) -> None:
        """Send the record of a closed window; its timestamp is the window's start."""
        is_second = isinstance(record, SecondRecord)
        settings = self._settings
        topic = settings.sec_metrics_output_topic if is_second else settings.min_metrics_output_topic
        self._send(topic, record.key.encode(), record.value(), record.start * 1000, [])

    def reject(self, message: FrameMessage, rejection: Rejection) -> None:
        """Send a frame that was not counted, its bytes unchanged, with the reason and where it came from.

        A frame larger than the topic takes is cut, with a header that tells its size; the whole of it is where the
        headers say.
        """
        headers: Headers = [
            ("reason", str(rejection.reason).encode()),
            ("detail", rejection.detail.encode()),
            ("topic", message.topic().encode()),
            ("partition", b"%d" % message.partition()),
            ("offset", b"%d" % message.offset()),
        ]
        topic, key, value = self._settings.rejected_topic, message.key(), message.value()
        room_bytes = self._in_use.limits[topic].size_bytes - _FRAMING_BYTES - _size_bytes(headers)
        if len(key or b"") + len(value or b"") > room_bytes:
            headers.append(("cut_from_bytes", b"%d" % len(value or b"")))
            key = (key or b"")[: room_bytes // 2]
            value = (value or b"")[: room_bytes - len(key)]
        self._send(topic, key, value, message.timestamp()[1], headers)

    def republish(self, message: FrameMessage) -> None:
        """Send a valid frame on to OUTPUT_STREAM: key, bytes, headers and timestamp, and the partition if it is there.

        Raises:
            TopicError: it is larger than the topic takes.
        """
        topic = self._settings.output_stream or ""
        key, value, headers = message.key(), message.value() or b"", message.headers() or []
        limits = self._in_use.limits[topic]
        size_bytes = len(key or b"") + len(value) + _size_bytes(headers) + _FRAMING_BYTES
        if size_bytes > limits.size_bytes:
            raise TopicError(
                f"a frame is larger than {topic} takes",
                why=f"{message.topic()}/{message.partition()} offset {message.offset()} needs {size_bytes:,} bytes, "
                f"max.message.bytes of {topic} is {limits.size_bytes:,}",
                now=f"kafka-configs.sh --alter --topic {topic} --add-config max.message.bytes={size_bytes}",
            )
        partition = message.partition() if message.partition() < limits.partitions else ANY_PARTITION
        self._send(topic, key, value, message.timestamp()[1], headers, partition)

    def commit(self, state: State) -> None:
        """Commit what was sent, together with the state that it leads to."""
        # 1. The state goes into the transaction: if it commits, a restart begins behind these outputs.
        self._begin()
        offsets = to_offsets(SavedState(state, self._in_use.input_id), self._settings.input_topic)
        group = self._consumer.consumer_group_metadata()
        self._call(self._producer.send_offsets_to_transaction, offsets, group, TRANSACTION_TIMEOUT_S)
        # 2. The commit flushes the outputs first, and fails if one of them was refused.
        self._call(self._producer.commit_transaction, TRANSACTION_TIMEOUT_S)
        self._is_open = False

    def abort(self) -> None:
        """Take back what was sent since the last commit, so that readers behind it need not wait for a timeout."""
        if self._is_open:
            self._is_open = False
            with suppress(KafkaException):
                self._producer.abort_transaction(ABORT_TIMEOUT_S)

    def _begin(self) -> None:
        if not self._is_open:
            self._call(self._producer.begin_transaction)
            self._is_open = True

    def _send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        timestamp_ms: int,
        headers: Headers,
        partition: int = ANY_PARTITION,
    ) -> None:
        self._begin()
        timestamp_ms = self._taken_timestamp_ms(topic, timestamp_ms)
        while True:
            try:
                self._producer.produce(
                    topic, value, key, partition, self._note_refusal, timestamp=timestamp_ms, headers=headers
                )
            except BufferError:
                self._producer.poll(0.1)  # the queue is full: wait until the broker has taken some
            except KafkaException as error:
                raise self._wrapped(error) from error
            else:
                return

    def _taken_timestamp_ms(self, topic: str, timestamp_ms: int) -> int:
        """Return the nearest timestamp that the topic takes: half of its limits, since clocks differ.

        A frame without a timestamp gets that of now. For the client, 0 means now; so the first millisecond of 1970
        becomes the second.
        """
        now_ms = int(time.time() * 1000)
        if timestamp_ms < 0:
            return now_ms
        limits = self._in_use.limits[topic]
        earliest_ms, latest_ms = now_ms - limits.behind_ms // 2, now_ms + limits.ahead_ms // 2
        return max(1, earliest_ms, min(timestamp_ms, latest_ms))

    def _note_refusal(self, error: KafkaError | None, message: Message) -> None:
        """Keep why records were refused: the commit that fails for it says only that it did."""
        if error is not None and len(self._refusals) < MOST_REFUSALS:
            self._refusals.append(f"{message.topic()}: {error.str()}")

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
        self._producer.poll(0)  # it brings the refusals
        if cause.code() in (KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED):
            return FencedError(
                f"another instance took over the group {self._settings.consumer_group_id}",
                why=text_of(error),
                now="nothing is lost: it goes on where this one committed last",
            )
        return BrokerError(
            "the transaction failed; nothing of it is visible",
            why="\n".join(dict.fromkeys([*self._refusals, text_of(error)])),
            now="start again: the last commit is where it goes on",
        )


def _size_bytes(headers: Headers) -> int:
    return sum(len(name.encode()) + len(value or b"") + _FRAMING_BYTES_A_HEADER for name, value in headers)
