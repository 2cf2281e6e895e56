"""Records that Flink has published since a handover."""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from heapq import merge

from confluent_kafka.admin import AdminClient

from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.switch.checked import Published
from metrics.frames.records import Record, read_record
from metrics.frames.saved_state import Handover
from metrics.frames.sizes import SIZES, Size
from metrics.frames.topics_in_use import TopicsInUse
from metrics.kafka import futures
from metrics.kafka.clients import open_reader, open_transactional_producer
from metrics.kafka.errors import client_errors
from metrics.kafka.futures import ASK_TIMEOUT_S
from metrics.kafka.offsets import offset_ranges, open_transactions
from metrics.kafka.reader import PartitionRange, Streams
from metrics.time.deadline import Deadline
from metrics.wording.errors import BrokerError, StateError

# Flink takes the first id that no unfinished transaction has, and has one for each unfinished checkpoint.
TRANSACTIONS = 16


def abort_transactions(admin: AdminClient, settings: FlinkSettings, in_use: TopicsInUse) -> None:
    """Abort the transactions that a killed job has left open: until they end, no later record of a topic can be read.

    Raises:
        BrokerError: the broker does not answer, or another program has one open.
    """
    for size in SIZES:
        topic = settings.topic_of(size)
        is_settled = partial(_is_settled, admin, topic, in_use.limits[topic].partitions)
        if is_settled():
            continue
        for number in range(TRANSACTIONS):
            _take_over(settings, settings.transactional_id(size, number))
        if not Deadline(ASK_TIMEOUT_S).poll(is_settled, until=bool):
            raise BrokerError(
                f"the topic {topic} has an open transaction",
                why="its records cannot be read before it ends, at the latest after its producer's timeout",
                hint="try again; Flink's end after 10 min",
            )


def _is_settled(admin: AdminClient, topic: str, partitions: int) -> bool:
    return not open_transactions(admin, topic, offset_ranges(admin, topic, partitions))


def _take_over(settings: FlinkSettings, transactional_id: str) -> None:
    """Take over a transactional id: the open transaction under it is aborted."""
    producer = open_transactional_producer(dataclasses.replace(settings, consumer_group_id=transactional_id), 1_000_000)
    with client_errors(f"the transaction {transactional_id} cannot be aborted"):
        futures.result(futures.begin(producer.init_transactions, ASK_TIMEOUT_S), ASK_TIMEOUT_S + 1)


def read(
    admin: AdminClient, settings: FlinkSettings, in_use: TopicsInUse, handover: Handover
) -> dict[int, list[Published]]:
    """Read the records that Flink has published, by the size in seconds, in the order of their windows.

    Raises:
        StateError: a topic was recreated since the handover, or holds a record that is not of a window.
        BrokerError: a topic cannot be read.
    """
    return {size.size_s: _of_size(admin, settings, in_use, size, handover.outputs[size.size_s]) for size in SIZES}


def _of_size(
    admin: AdminClient, settings: FlinkSettings, in_use: TopicsInUse, size: Size, starts: Mapping[int, int]
) -> list[Published]:
    topic = settings.topic_of(size)
    found = offset_ranges(admin, topic, in_use.limits[topic].partitions)
    ranges = [PartitionRange(topic, number, starts.get(number, 0), high) for number, (_, high) in found.items()]
    if any(starts.get(number, 0) > high for number, (_, high) in found.items()):
        raise StateError(
            f"the topic {topic} was deleted and recreated since the handover to Flink",
            hint="start afresh with another CONSUMER_GROUP_ID and other output topics",
        )
    with closing(open_reader(settings)) as reader:
        streams = Streams(reader, ranges)
        return list(merge(*(_records(streams, size, part) for part in ranges)))


def _records(streams: Streams, size: Size, part: PartitionRange) -> Iterator[Published]:
    for message in streams.of(part.topic, part.partition):
        place = f"{part.topic}/{part.partition} offset {message.offset()}"
        record = read_record(size, message.key(), message.value(), place)
        if not isinstance(record, Record):
            raise StateError(
                f"{place} is not the record of a window",
                why="since the handover, only Flink may write to the topic",
                hint="start afresh with another CONSUMER_GROUP_ID and other output topics",
            )
        yield Published(record.start, message.value() or b"")
