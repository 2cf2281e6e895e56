"""The input topic: its partitions, assigned by hand, how far each was read, and where each ends."""

from collections.abc import Mapping
from typing import Protocol, cast

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, Message, TopicPartition

from metrics.errors import BrokerError, StateError

BATCH_FRAMES = 1000
POLL_S = 0.02
ASK_TIMEOUT_S = 1.0

# What the client mends by itself; a broker that stays away is noticed by the commit.
_PASSING = frozenset(
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


class FrameMessage(Protocol):
    """A Kafka message that is no event: it has a place in the log."""

    def topic(self) -> str: ...  # noqa: D102
    def partition(self) -> int: ...  # noqa: D102
    def offset(self) -> int: ...  # noqa: D102
    def key(self) -> bytes | None: ...  # noqa: D102
    def value(self) -> bytes | None: ...  # noqa: D102
    def timestamp(self) -> tuple[int, int]: ...  # noqa: D102
    def headers(self) -> list[tuple[str, bytes | None]] | None: ...  # noqa: D102


class Input:
    """Reads all partitions of one topic.

    Args:
        starts: for each partition the offset of the first record to read.
        ends: for each partition the offset to stop before; None to read on for ever.

    Attributes:
        reached: for each partition the offset before which nothing is left to read.
    """

    def __init__(
        self, consumer: Consumer, topic: str, starts: Mapping[int, int], ends: Mapping[int, int] | None = None
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._ends = ends
        self.reached = dict(starts)
        consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in starts.items()])

    def has_ended(self) -> bool:
        """Tell whether every partition was read to its given end."""
        ends = self._ends
        return ends is not None and all(reached >= ends[partition] for partition, reached in self.reached.items())

    def batch(self) -> list[FrameMessage]:
        """Return the next frames, at most BATCH_FRAMES, after at most POLL_S seconds."""
        messages = self._consumer.consume(BATCH_FRAMES, POLL_S)
        frames = cast("list[FrameMessage]", [message for message in messages if message.error() is None])
        if len(frames) < len(messages):
            for message in messages:
                self._take_event(message)
        return frames if self._ends is None else self._before_ends(frames, self._ends)

    def pass_by(self, partition: int, offset: int) -> None:
        """Note that a record is dealt with. The end may be known to lie behind it, and behind what is no record."""
        self.reached[partition] = max(self.reached[partition], offset + 1)

    def _before_ends(self, frames: list[FrameMessage], ends: Mapping[int, int]) -> list[FrameMessage]:
        if all(reached + len(frames) <= ends[partition] for partition, reached in self.reached.items()):
            return frames
        return [frame for frame in frames if frame.offset() < ends[frame.partition()]]

    def _take_event(self, message: Message) -> None:
        error = message.error()
        if error is None or error.code() in _PASSING:
            return
        partition, offset = message.partition(), message.offset()
        if error.code() == KafkaError._PARTITION_EOF and partition is not None and offset is not None:
            self.reached[partition] = max(self.reached[partition], offset)
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise StateError(f"frames of {self._topic}/{partition} that were still needed are gone", why=error.str())
        else:
            raise BrokerError(f"the topic {self._topic} cannot be read", why=error.str())

    def is_read_to_end(self, partition: int) -> bool:
        """Ask the broker whether nothing is left to read in a partition; without an answer nobody knows, so no."""
        place = TopicPartition(self._topic, partition)
        try:
            _, high = self._consumer.get_watermark_offsets(place, timeout=ASK_TIMEOUT_S)
        except KafkaException:
            return False
        return self.reached[partition] >= high

    def lag(self) -> int:
        """Return how many records are waiting, by what the last fetch told."""
        waiting = 0
        for partition, reached in self.reached.items():
            _, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
            if high not in (OFFSET_INVALID, None):
                waiting += max(0, high - reached)
        return waiting
