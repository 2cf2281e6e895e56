"""The input topic: its manually assigned partitions, how far each was read, and its end."""

from collections.abc import Mapping
from time import monotonic
from typing import cast

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, Message, TopicPartition

from metrics.kafka.clients import assign
from metrics.kafka.errors import PASSING, broker_error
from metrics.messages.interface import KafkaMessage
from metrics.wording.errors import StateError

BATCH_MESSAGES = 1000
# A record that closes a window waits at most this long until its batch is full.
POLL_S = 0.005
# A batch is a thousand short-lived messages without cycles. By default, Python searches for cycles after every 700
# objects, which took a twelfth of the time.
GARBAGE_OBJECTS = 100_000


class Input:
    """Reader of all partitions of one topic.

    Args:
        starts: for each partition the offset of the first record to read.
        stop_before: for each partition the offset to stop before; None to read for ever.

    Attributes:
        reached: for each partition the offset before which nothing is left to read.
        paused: partitions that are not fetched at present.
        waited_s: seconds spent waiting for the input, because fewer records came than requested.
        caught_up: for each partition the offset at which nothing more could be read, and the time.
    """

    def __init__(
        self, consumer: Consumer, topic: str, starts: Mapping[int, int], stop_before: Mapping[int, int] | None = None
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        # A partition that was added after the ends were requested ends at its start.
        self._stop_before = None if stop_before is None else {**starts, **stop_before}
        self._starts, self.reached = dict(starts), dict(starts)
        self.paused: set[int] = set()
        self.waited_s = 0.0
        self.caught_up: dict[int, tuple[int, float]] = {}
        assign(consumer, [TopicPartition(topic, partition, offset) for partition, offset in starts.items()])

    def has_ended(self) -> bool:
        """Return whether every partition was read to its given end."""
        return self._stop_before is not None and len(self.ended()) == len(self.reached)

    def add_partition(self, partition: int, start: int) -> None:
        """Read one more partition."""
        self._starts[partition] = self.reached[partition] = start
        if self._stop_before is not None:
            self._stop_before[partition] = start
        self._consumer.incremental_assign([TopicPartition(self._topic, partition, start)])

    def pause(self, wanted: set[int]) -> None:
        """Pause these partitions, and resume all others; one of which nothing has come yet is left alone.

        While the client begins to fetch a partition, it may lose a pause, or the partition:
        https://github.com/confluentinc/librdkafka/issues/5591 and /2190.
        """
        wanted = {number for number in wanted if self.reached[number] != self._starts[number]}
        if wanted == self.paused:
            return
        self._consumer.pause([TopicPartition(self._topic, number) for number in wanted - self.paused])
        self._consumer.resume([TopicPartition(self._topic, number) for number in self.paused - wanted])
        self.paused = wanted

    def ended(self) -> list[int]:
        """Return the partitions that were read to their given end."""
        ends = self._stop_before
        return [partition for partition, reached in self.reached.items() if ends and reached >= ends[partition]]

    def batch(self, most: int = BATCH_MESSAGES) -> list[KafkaMessage]:
        """Return the next messages, at most `most` of them, after at most POLL_S seconds."""
        began_s = monotonic()
        messages = self._consumer.consume(most, POLL_S)
        if len(messages) < most:
            self.waited_s += monotonic() - began_s
        records = cast("list[KafkaMessage]", [message for message in messages if message.error() is None])
        if len(records) < len(messages):
            for message in messages:
                self._take_event(message)
        return records if self._stop_before is None else self._before_ends(records, self._stop_before)

    def pass_by(self, partition: int, position: int) -> None:
        """Note that no record is left before a position. The known end may be beyond it, after transaction markers."""
        self.reached[partition] = max(self.reached[partition], position)

    def _before_ends(self, records: list[KafkaMessage], ends: Mapping[int, int]) -> list[KafkaMessage]:
        """Leave out records after an end.

        The number of records proves nothing: transaction markers, aborted and compacted records take offsets, too.
        """
        positions = self._consumer.position([TopicPartition(self._topic, partition) for partition in self.reached])
        passed = [at.partition for at in positions if at.offset > ends[at.partition]]
        if not passed:
            return records
        for partition in passed:  # the next record is after the end, so nothing is left before it
            self.reached[partition] = max(self.reached[partition], ends[partition])
        return [record for record in records if record.offset() < ends[record.partition()]]

    def _take_event(self, message: Message) -> None:
        error = message.error()
        if error is None or error.code() in PASSING:
            return
        partition, offset = message.partition(), message.offset()
        if error.code() == KafkaError._PARTITION_EOF and partition is not None and offset is not None:
            self.reached[partition] = max(self.reached[partition], offset)
            self.caught_up[partition] = offset, monotonic()
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise StateError(
                f"records of {self._topic}/{partition} that were still needed are gone",
                why=f"{error.str()}; they were to be read from offset {offset}; "
                "they were removed, or the topic was deleted and recreated",
                hint="restart: it reports what is lost, and how to continue",
            )
        else:
            raise broker_error(f"the topic {self._topic} cannot be read", [error])

    def lags(self) -> dict[int, int]:
        """Return an upper bound of the unread records in each partition, by its last fetch, if there was one.

        It includes offsets without records. In a partition that was read to its end, nothing is unread: what follows
        belongs to an open transaction.
        """
        lags: dict[int, int] = {}
        for partition, reached in self.reached.items():
            _, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
            if high not in (OFFSET_INVALID, None):
                end, _ = self.caught_up.get(partition, (OFFSET_INVALID, 0.0))
                lags[partition] = 0 if end == reached else max(0, high - reached)
        return lags
