"""Comparison of Flink's topics with the application's, record by record: keys, values and timestamps, in order."""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import zip_longest

import msgspec
from confluent_kafka import Message

from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.sizes import SIZES
from metrics.kafka import topics
from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.offsets import offset_ranges
from metrics.kafka.reader import PartitionRange, Progress, Streams
from metrics.wording.errors import TopicError


class WrittenRecord(msgspec.Struct, frozen=True):
    """Record as it is written in a topic.

    Attributes:
        timestamp_ms: of the record, in milliseconds since the epoch.
    """

    key: str
    value: str
    timestamp_ms: int

    @classmethod
    def of(cls, message: Message) -> "WrittenRecord":
        """Return the record of a message; bytes that are not UTF-8 are escaped."""
        key, value = ((part or b"").decode(errors="backslashreplace") for part in (message.key(), message.value()))
        return cls(key, value, message.timestamp()[1])


class Mismatch(msgspec.Struct, frozen=True):
    """Records at one place of the order that differ; null where one side has none."""

    application: WrittenRecord | None
    flink: WrittenRecord | None


class ComparedSize(msgspec.Struct):
    """Records of one window size.

    Attributes:
        equal: records that are the same on both sides, in order, from the first one.
        application, flink: records of each side.
        first: the first difference before the end of both; null if one is merely further.
    """

    size: str
    application_topic: str
    flink_topic: str
    equal: int = 0
    application: int = 0
    flink: int = 0
    first: Mismatch | None = None

    @property
    def agrees(self) -> bool:
        """Whether there are records to compare, all of them are equal, and neither side has more."""
        return self.equal == self.application == self.flink > 0


class TopicComparison:
    """Comparison of all window sizes, ready to run.

    Attributes:
        offsets: upper bound of the number of records to read.
        sizes: what was found.
    """

    def __init__(self, settings: FlinkSettings) -> None:
        self._settings = settings
        self.sizes = [ComparedSize(size.name, settings.topic_of(size), settings.flink_topic(size)) for size in SIZES]
        self._ranges = {topic: _range(settings, topic) for topic in _topics(settings)}
        self.offsets = sum(at.end - at.start for at in self._ranges.values())

    def run(self, on_progress: Callable[[int], None]) -> None:
        """Read both sides, and note the first difference of each size.

        Raises:
            BrokerError: a topic cannot be read.
        """
        progress = Progress(on_progress)
        for found in self.sizes:
            ranges = [self._ranges[topic] for topic in (found.application_topic, found.flink_topic)]
            with closing(open_reader(self._settings)) as reader:
                streams = Streams(reader, ranges)
                ours, theirs = (progress.over(at, streams.of(at.topic, at.partition)) for at in ranges)
                _compare(found, map(WrittenRecord.of, ours), map(WrittenRecord.of, theirs))

    @property
    def agrees(self) -> bool:
        """Whether every size does."""
        return all(found.agrees for found in self.sizes)


def _compare(found: ComparedSize, ours: Iterator[WrittenRecord], theirs: Iterator[WrittenRecord]) -> None:
    is_equal = True
    for own, other in zip_longest(ours, theirs):
        found.application += own is not None
        found.flink += other is not None
        if is_equal and own == other:
            found.equal += 1
            continue
        is_equal = False
        if found.first is None and own is not None and other is not None:
            found.first = Mismatch(own, other)


def _topics(settings: FlinkSettings) -> Iterator[str]:
    for size in SIZES:
        yield from (settings.topic_of(size), settings.flink_topic(size))


def _range(settings: FlinkSettings, topic: str) -> PartitionRange:
    admin = open_admin(settings)
    partitions = topics.partition_counts(admin).get(topic, 0)
    if partitions != 1:
        what = f"has {partitions} partitions, whose records have no common order" if partitions else "does not exist"
        raise TopicError(
            f"the topic {topic} cannot be compared",
            why=f"it {what}",
            hint="count first: python app.py --until-end, and python app.py flink run --until-end",
        )
    [(low, high)] = offset_ranges(admin, topic, partitions).values()
    return PartitionRange(topic, 0, low, high)
