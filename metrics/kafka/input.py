"""The input topic: its partitions, assigned by hand, how far each was read, and where each ends."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    IsolationLevel,
    KafkaError,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

from metrics.errors import BrokerError, StateError
from metrics.frames.frame import FrameMessage

if TYPE_CHECKING:
    from concurrent.futures import Future

BATCH_FRAMES = 1000
POLL_S = 0.02
ASK_TIMEOUT_S = 2.0

_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]

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
        return self._ends is not None and len(self.ended()) == len(self.reached)

    def ended(self) -> list[int]:
        """Return the partitions that were read to their given end."""
        ends = self._ends
        return [partition for partition, reached in self.reached.items() if ends and reached >= ends[partition]]

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

    def lag(self) -> int:
        """Return how many records are waiting, by what the last fetch told."""
        waiting = 0
        for partition, reached in self.reached.items():
            _, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
            if high not in (OFFSET_INVALID, None):
                waiting += max(0, high - reached)
        return waiting


class End(NamedTuple):
    """Where the broker said that a partition ends, and when it was asked, in seconds of wall time."""

    partition: int
    offset: int
    asked_at_s: float


class Ends:
    """Asks the broker where partitions end, and takes its answers later: the loop never waits for them.

    An open transaction is part of the log here: what it holds has come, so its partition is not silent.
    """

    def __init__(self, admin: AdminClient, topic: str) -> None:
        self._admin = admin
        self._topic = topic
        self._asked_at_s = 0.0
        self._asked: dict[TopicPartition, Future[ListOffsetsResultInfo]] = {}

    def ask(self, partitions: Collection[int], now_s: float) -> None:
        """Ask for the ends of some partitions, unless a question is still open."""
        if not self._asked and partitions:
            specs = {TopicPartition(self._topic, partition): _LATEST for partition in partitions}
            self._asked_at_s = now_s
            self._asked = self._admin.list_offsets(
                specs, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=ASK_TIMEOUT_S
            )

    def told(self) -> Iterator[End]:
        """Yield what was answered since the last call; for a partition without an answer nothing is known."""
        if not all(future.done() for future in self._asked.values()):
            return
        for place, future in self._asked.items():
            if future.exception() is None:
                yield End(place.partition, future.result().offset, self._asked_at_s)
        self._asked = {}
