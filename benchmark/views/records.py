"""The records of a topic of view events, and what they add up to."""

from collections.abc import Iterator
from contextlib import closing

from confluent_kafka import Message

from benchmark.broker import TOPIC_PREFIX, Broker
from metrics.kafka import topics
from metrics.kafka.clients import open_admin, open_consumer
from metrics.kafka.offsets import OffsetRange, offset_ranges
from metrics.kafka.reader import PartitionRange, Streams
from metrics.views.core.recount import Recount
from metrics.views.settings import ViewsSettings


def read_all(broker: Broker, topic: str) -> Iterator[Message]:
    """Yield the records of a topic, one partition after the other."""
    for partition, (low, high) in _ranges(broker, topic).items():
        with closing(open_consumer(_settings(broker))) as consumer:
            yield from Streams(consumer, [PartitionRange(topic, partition, low, high)]).of(topic, partition)


def number_of(broker: Broker, topic: str) -> int:
    """Return the number of records of a topic, which has no transactions: each offset is one of a record."""
    return sum(high - low for low, high in _ranges(broker, topic).values())


def _ranges(broker: Broker, topic: str) -> dict[int, OffsetRange]:
    admin = open_admin(_settings(broker))
    return offset_ranges(admin, topic, topics.partition_counts(admin)[topic])


def _settings(broker: Broker) -> ViewsSettings:
    return ViewsSettings(bootstrap_servers=broker.address, consumer_group_id=f"{TOPIC_PREFIX}reader")


def recounted(broker: Broker, topic: str) -> Recount:
    """Return what the tables must contain once all records of a topic are counted."""
    recount = Recount()
    for message in read_all(broker, topic):
        recount.take(message.partition() or 0, message.offset() or 0, message.value())
    return recount
