"""Records of windows in the output topics, as they are read."""

from collections.abc import Iterable, Iterator
from heapq import merge
from operator import attrgetter

from confluent_kafka import Message

from metrics.frames import records as of_windows
from metrics.frames.records import OfWindow, Record, Unreadable, read_record
from metrics.frames.sizes import Size
from metrics.kafka.reader import PartitionRange, Streams


def records(streams: Streams, size: Size, part: PartitionRange) -> Iterator[tuple[Message, OfWindow | Unreadable]]:
    """Yield the messages of a partition, each with its record."""
    for message in streams.of(part.topic, part.partition):
        place = f"{part.topic}/{part.partition} offset {message.offset()}"
        yield message, read_record(size, message.key(), message.value(), place)


def in_order(streams: Streams, size: Size, parts: Iterable[PartitionRange]) -> Iterator[Record]:
    """Yield the records of a topic that are in order, by their windows."""
    ordered = (of_windows.in_order(record for _, record in records(streams, size, part)) for part in parts)
    return merge(*ordered, key=attrgetter("start"))
