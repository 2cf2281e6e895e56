"""Records read at both ends of partitions: they tell of what time the first and the last one are, and their size."""

from collections.abc import Mapping
from time import monotonic
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from metrics.kafka.clients import assign, open_onlooker
from metrics.kafka.headers import headers_of
from metrics.kafka.offsets import Extent, Partition
from metrics.kafka.settings import KafkaSettings

RECORDS_TIMEOUT_S = 10.0
SAMPLE_RECORDS = 10
WIDER = 8


class Sample(NamedTuple):
    """What was read at both ends of a partition.

    Attributes:
        end: offset after the last record; behind it are only ends of transactions, and what was aborted.
        first_ms, last_ms: timestamps of the first and of the last record; None where there is none.
        records, size_bytes: of what was read; a record's size is that of its key, value and headers.
        offsets: how many offsets these records lie in.
    """

    end: int
    first_ms: int | None
    last_ms: int | None
    records: int
    size_bytes: int
    offsets: int


def sampled(settings: KafkaSettings, extents: Mapping[Partition, Extent]) -> dict[Partition, Sample]:
    """Read some records at both ends of partitions.

    The last offset of a partition may hold none: a transaction ended there. The last record is looked for further and
    further before it.

    Returns:
        The samples; a partition that was not read within RECORDS_TIMEOUT_S seconds has none.
    """
    give_up_s = monotonic() + RECORDS_TIMEOUT_S
    heads = {place: _Stretch(low, high, SAMPLE_RECORDS) for place, (low, high) in extents.items()}
    consumer = open_onlooker(settings)
    try:
        _read(consumer, heads, give_up_s)
        tails = _tails(consumer, {place: head for place, head in heads.items() if head.is_read}, give_up_s)
    finally:
        consumer.close()
    return {place: _sample(heads[place], tail) for place, tail in tails.items()}


class _Stretch:
    """The records from an offset on, as far as they were read: all that lie before the end, or the first ones."""

    def __init__(self, start: int, end: int, most: int | None = None) -> None:
        self.start = self.next = self.after_last = start
        self.end = max(start, end)
        self.most = most
        self.records = self.size_bytes = 0
        self.first_ms: int | None = None
        self.last_ms: int | None = None
        self.is_read = self.next == self.end

    def take(self, message: Message) -> None:
        """Take a record, or the end of the partition."""
        error, offset = message.error(), message.offset()
        if error is None and offset is not None and offset < self.end:
            self.last_ms = stamp_ms(message)
            self.first_ms = self.last_ms if not self.records else self.first_ms
            self.records += 1
            self.size_bytes += _size_bytes(message)
            self.next = self.after_last = offset + 1
            self.is_read = self.next == self.end or self.records == self.most
        elif error is None or error.code() == KafkaError._PARTITION_EOF:
            self.next, self.is_read = self.end, True


def _tails(consumer: Consumer, heads: Mapping[Partition, _Stretch], give_up_s: float) -> dict[Partition, _Stretch]:
    """Read the last records behind what was read at the beginning, in as few offsets as it takes to find one."""
    tails: dict[Partition, _Stretch] = {}
    lacking = dict(heads)
    offsets = SAMPLE_RECORDS
    while lacking and monotonic() < give_up_s:
        stretches = {place: _Stretch(max(head.next, head.end - offsets), head.end) for place, head in lacking.items()}
        _read(consumer, stretches, give_up_s)
        for place, stretch in stretches.items():
            if stretch.is_read and (stretch.records or stretch.start == heads[place].next):
                tails[place] = stretch
                del lacking[place]
        offsets *= WIDER
    return tails


def _read(consumer: Consumer, stretches: Mapping[Partition, _Stretch], give_up_s: float) -> None:
    waiting = {place: stretch for place, stretch in stretches.items() if not stretch.is_read}
    if waiting:
        assign(consumer, [TopicPartition(*place, stretch.start) for place, stretch in waiting.items()])
    while waiting and monotonic() < give_up_s:
        for message in consumer.consume(100, 0.1):
            place = message.topic() or "", message.partition() or 0
            if place not in waiting:
                continue
            waiting[place].take(message)
            if waiting[place].is_read:
                del waiting[place]
                consumer.incremental_unassign([TopicPartition(*place)])


def _sample(head: _Stretch, tail: _Stretch) -> Sample:
    last = tail if tail.records else head
    return Sample(
        last.after_last,
        head.first_ms if head.records else tail.first_ms,
        last.last_ms,
        head.records + tail.records,
        head.size_bytes + tail.size_bytes,
        head.next - head.start + tail.next - tail.start,
    )


def stamp_ms(message: Message | None) -> int | None:
    """Return a record's timestamp in milliseconds since the epoch; None where there is none."""
    kind, timestamp_ms = message.timestamp() if message is not None else (0, -1)
    return timestamp_ms if kind and timestamp_ms >= 0 else None


def _size_bytes(message: Message) -> int:
    headers = sum(len(name) + len(value or b"") for name, value in headers_of(message) or [])
    return len(message.key() or b"") + len(message.value() or b"") + headers
