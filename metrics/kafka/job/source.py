"""The input topic: its partitions, assigned by hand, how far each was read, and where each ends."""

from collections.abc import Mapping
from time import monotonic
from typing import cast

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, Message, TopicPartition

from metrics.errors import BrokerError, StateError
from metrics.kafka.clients import assign
from metrics.kafka.errors import PASSING
from metrics.kafka.message import RecordMessage

BATCH_RECORDS = 1000
# A record that closes a window waits at most this long until its batch is full.
POLL_S = 0.005
# A batch is a thousand messages that come and go, none of them in a cycle. By default, Python looks for cycles after
# each 700 objects: that took a twelfth of the time.
GARBAGE_OBJECTS = 100_000


class Input:
    """Reads all partitions of one topic.

    Args:
        starts: for each partition the offset of the first record to read.
        ends: for each partition the offset to stop before; None to read on for ever.

    Attributes:
        reached: for each partition the offset before which nothing is left to read.
        paused: partitions that nothing is fetched from for now.
        waited_s: how long the input was waited for, since less came than was asked for.
        ends_met: for each partition the offset at which nothing more could be read, and when that was.
    """

    def __init__(
        self, consumer: Consumer, topic: str, starts: Mapping[int, int], ends: Mapping[int, int] | None = None
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        # A partition that came after the ends were asked for ends where it starts.
        self._ends = None if ends is None else {**starts, **ends}
        self.reached = dict(starts)
        self.paused: set[int] = set()
        self.waited_s = 0.0
        self.ends_met: dict[int, tuple[int, float]] = {}
        assign(consumer, [TopicPartition(topic, partition, offset) for partition, offset in starts.items()])

    def has_ended(self) -> bool:
        """Tell whether every partition was read to its given end."""
        return self._ends is not None and len(self.ended()) == len(self.reached)

    def add_partition(self, partition: int, start: int) -> None:
        """Read one more partition."""
        self.reached[partition] = start
        if self._ends is not None:
            self._ends[partition] = start
        self._consumer.incremental_assign([TopicPartition(self._topic, partition, start)])

    def pause(self, wanted: set[int]) -> None:
        """Pause these partitions and no others: one that is no longer named here is resumed."""
        if wanted == self.paused:
            return
        self._consumer.pause([TopicPartition(self._topic, number) for number in wanted - self.paused])
        self._consumer.resume([TopicPartition(self._topic, number) for number in self.paused - wanted])
        self.paused = wanted

    def ended(self) -> list[int]:
        """Return the partitions that were read to their given end."""
        ends = self._ends
        return [partition for partition, reached in self.reached.items() if ends and reached >= ends[partition]]

    def batch(self, most: int = BATCH_RECORDS) -> list[RecordMessage]:
        """Return the next records, at most `most` of them, after at most POLL_S seconds."""
        began_s = monotonic()
        messages = self._consumer.consume(most, POLL_S)
        if len(messages) < most:
            self.waited_s += monotonic() - began_s
        records = cast("list[RecordMessage]", [message for message in messages if message.error() is None])
        if len(records) < len(messages):
            for message in messages:
                self._take_event(message)
        return records if self._ends is None else self._before_ends(records, self._ends)

    def pass_by(self, partition: int, offset: int) -> None:
        """Note that a record is dealt with. The known end may lie beyond it, after transaction markers."""
        self.reached[partition] = max(self.reached[partition], offset + 1)

    def _before_ends(self, records: list[RecordMessage], ends: Mapping[int, int]) -> list[RecordMessage]:
        """Leave out the records after an end, if there are any.

        Their number proves nothing: transaction markers, aborted and compacted records take offsets, too.
        """
        positions = self._consumer.position([TopicPartition(self._topic, partition) for partition in self.reached])
        passed = [at.partition for at in positions if at.offset > ends[at.partition]]
        if not passed:
            return records
        for partition in passed:  # what comes next lies after the end, so nothing is left before it
            self.reached[partition] = max(self.reached[partition], ends[partition])
        return [record for record in records if record.offset() < ends[record.partition()]]

    def _take_event(self, message: Message) -> None:
        error = message.error()
        if error is None or error.code() in PASSING:
            return
        partition, offset = message.partition(), message.offset()
        if error.code() == KafkaError._PARTITION_EOF and partition is not None and offset is not None:
            self.reached[partition] = max(self.reached[partition], offset)
            self.ends_met[partition] = offset, monotonic()
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise StateError(
                f"records of {self._topic}/{partition} that were still needed are gone",
                why=f"{error.str()}; they were to be read from offset {offset} on; "
                "they were removed, or the topic was deleted and recreated",
                hint="start again: it says what is lost, and how to go on",
            )
        else:
            raise BrokerError(f"the topic {self._topic} cannot be read", why=error.str())

    def lags(self) -> dict[int, int]:
        """Return at most how many records are waiting in each partition, by its last fetch, if there was one.

        Offsets without records are among them. But nothing waits in a partition that was read to its end: what follows
        belongs to an open transaction.
        """
        lags: dict[int, int] = {}
        for partition, reached in self.reached.items():
            _, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
            if high not in (OFFSET_INVALID, None):
                end, _ = self.ends_met.get(partition, (OFFSET_INVALID, 0.0))
                lags[partition] = 0 if end == reached else max(0, high - reached)
        return lags
