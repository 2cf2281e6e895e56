"""Progress of a job: how far it has read, as of its last checkpoint, and what it has published."""

from collections.abc import Mapping
from contextlib import closing

import msgspec
from confluent_kafka import KafkaException, TopicPartition

from metrics.frames import topics_in_use
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.records import Record, read_record
from metrics.frames.sizes import SIZES, Size
from metrics.kafka import topics
from metrics.kafka.clients import open_admin, open_asker
from metrics.kafka.committed import committed
from metrics.kafka.errors import broker_error
from metrics.kafka.offsets import neighbours, offset_ranges
from metrics.time.moments import Moment


class PartitionProgress(msgspec.Struct):
    """Progress in one partition of the input.

    Attributes:
        position: offset of the next frame; null before the first checkpoint.
        end: end offset.
        lag: offsets from one to the other.
    """

    partition: int
    position: int | None
    end: int
    lag: int


class PublishedSize(msgspec.Struct):
    """Windows of one size that Flink has published.

    Attributes:
        records: upper bound of their number, by offsets.
        last: start of the last one; null if there is none.
    """

    size: str
    topic: str
    records: int
    last: Moment | None


class Progress(msgspec.Struct):
    """Progress of a job."""

    partitions: list[PartitionProgress]
    published: list[PublishedSize]

    @property
    def lag(self) -> int:
        """Frames that are not read yet, as of the last checkpoint."""
        return sum(at.lag for at in self.partitions)


_NOT_READ = "no checkpoint yet"  # metadata of a committed offset


def look(settings: FlinkSettings, *, is_of_group: bool) -> Progress:
    """Ask the broker how far the job that counts is.

    Args:
        is_of_group: whether it writes into the application's topics, since a handover.

    Raises:
        TopicError: the input topic is missing.
        BrokerError: the broker does not answer.
    """
    read = partitions(settings, settings.progress_group(is_of_group=is_of_group))
    topic_of = settings.topic_of if is_of_group else settings.flink_topic
    return Progress(read, [_published(settings, size, topic_of(size)) for size in SIZES])


def partitions(settings: FlinkSettings, group: str) -> list[PartitionProgress]:
    """Ask the broker how far a job has read.

    Args:
        group: the consumer group that shows it.

    Raises:
        TopicError: the input topic is missing.
        BrokerError: the broker does not answer.
    """
    admin = open_admin(settings)
    count = topics_in_use.input_partitions(admin, settings)
    places = [TopicPartition(settings.input_topic, number) for number in range(count)]
    with closing(open_asker(settings, group)) as asker:
        found_of_group = committed(asker, places)
    positions = {place.partition: place.offset for place in found_of_group if place.metadata != _NOT_READ}
    found = []
    for number, (low, high) in offset_ranges(admin, settings.input_topic, count).items():
        position = positions.get(number)
        found.append(PartitionProgress(number, position, high, max(0, high - (low if position is None else position))))
    return found


def note_beginning(settings: FlinkSettings, group: str) -> None:
    """Make what an earlier job has read unknown, so that nobody takes it for what the one that starts has read.

    Args:
        group: the consumer group that shows it.

    Raises:
        TopicError: the input topic is missing.
        BrokerError: the broker does not answer, or does not take them.
    """
    count = topics_in_use.input_partitions(open_admin(settings), settings)
    places = [TopicPartition(settings.input_topic, number, 0, _NOT_READ) for number in range(count)]
    _commit(settings, group, places, "what an earlier job has read cannot be told from what this one will")


def note_end(settings: FlinkSettings, group: str, ends: Mapping[int, int]) -> None:
    """Commit the offsets that a job has read to: Flink often ends without committing the last ones.

    Args:
        group: the consumer group that shows it; its job has ended with the input.
        ends: by partition.

    Raises:
        BrokerError: the broker does not answer, or does not take them.
    """
    open_admin(settings)  # a commit waits 45 s for a broker that is away
    places = [TopicPartition(settings.input_topic, number, offset) for number, offset in ends.items()]
    _commit(settings, group, places, "the offsets that the job has read to were not committed")


def _commit(settings: FlinkSettings, group: str, places: list[TopicPartition], failed: str) -> None:
    with closing(open_asker(settings, group)) as asker:
        try:
            asker.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            raise broker_error(failed, [error.args[0]]) from error


def _published(settings: FlinkSettings, size: Size, topic: str) -> PublishedSize:
    admin = open_admin(settings)
    if topics.partition_counts(admin).get(topic, 0) != 1:
        return PublishedSize(size.name, topic, 0, None)
    ranges = {(topic, 0): offset_ranges(admin, topic, 1)[0]}
    [(place, (low, high))] = ranges.items()
    before = neighbours(settings, {place: high}, ranges)[place].before if high > low else None
    record = None if before is None else read_record(size, before.key(), before.value(), topic)
    last = Moment.of(record.start) if isinstance(record, Record) else None
    return PublishedSize(size.name, topic, high - low, last)
