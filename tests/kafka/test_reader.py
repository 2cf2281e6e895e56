"""Partitions that are read side by side, again and again with one consumer; and the progress through offset ranges."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from random import Random
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from metrics.frames.settings import Settings
from metrics.kafka import clients, reader
from metrics.kafka.clients import open_reader
from metrics.kafka.offsets import Partition
from metrics.kafka.reader import PartitionRange, Progress, Streams
from tests.kafka.application import TIMEOUT_S, Application

PARTITIONS = 4
TRANSACTIONS = 20
RECORDS = 10  # in each partition by each transaction, a marker follows


class Watched(Consumer):
    """A consumer that refuses what the client may lose: to pause or resume partitions that it begins to fetch."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._begun, self._paused = set[Partition](), set[Partition]()

    def assign(self, places: list[TopicPartition]) -> None:
        super().assign(places)
        self._begun = _of(places)

    def consume(self, *arguments: Any) -> list[Message]:
        messages = super().consume(*arguments)
        self._begun -= {(message.topic() or "", message.partition() or 0) for message in messages}
        return messages

    def pause(self, places: list[TopicPartition]) -> None:
        assert self._begun.isdisjoint(_of(places))
        self._paused |= _of(places)
        super().pause(places)

    def resume(self, places: list[TopicPartition]) -> None:
        assert self._begun.isdisjoint(self._paused & _of(places))
        self._paused -= _of(places)
        super().resume(places)


def _of(places: Sequence[TopicPartition]) -> set[Partition]:
    return {(place.topic, place.partition) for place in places}


@pytest.fixture
def watched(application: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[Consumer]:
    monkeypatch.setattr(clients, "Consumer", Watched)
    with closing(open_reader(Settings.load(application.environment()))) as consumer:
        yield consumer


def send_in_transactions(application: Application) -> dict[int, list[int]]:
    """Send records in transactions, of which every third is aborted; returns the offsets of the others."""
    application.create_topics(PARTITIONS)
    producer = application.producer_in_transactions()
    for number in range(TRANSACTIONS):
        producer.begin_transaction()
        for record in range(RECORDS * PARTITIONS):
            producer.produce(application.topic("frames"), b"{}", partition=record % PARTITIONS)
        assert producer.flush(TIMEOUT_S) == 0
        end = producer.abort_transaction if number % 3 == 2 else producer.commit_transaction
        end(TIMEOUT_S)
    committed = defaultdict[int, list[int]](list)
    for message in application.read("frames"):
        committed[message.partition() or 0].append(message.offset() or 0)
    return committed


def drawn(random: Random, topic: str) -> list[PartitionRange]:
    """Draw ranges of some partitions; some are empty."""
    end = TRANSACTIONS * (RECORDS + 1)
    bounds = {
        number: sorted(random.choices([0, 1, 25, random.randint(0, end), end], k=2)) for number in range(PARTITIONS)
    }
    chosen = random.sample(range(PARTITIONS), random.randint(1, PARTITIONS))
    return [PartitionRange(topic, number, *bounds[number]) for number in chosen]


@pytest.mark.broker
@pytest.mark.parametrize("seed", range(3))
def test_streams_are_read_again_and_again_with_one_consumer(
    application: Application, watched: Consumer, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """As `verify` reads: some ranges to their end, some in part; those far ahead of the others are paused."""
    monkeypatch.setattr(reader, "BUFFER_RECORDS", 50)
    monkeypatch.setattr(reader, "BATCH_RECORDS", 30)
    monkeypatch.setattr(reader, "GIVE_UP_S", 10.0)
    committed, random = send_in_transactions(application), Random(seed)
    for _ in range(40):
        ranges = drawn(random, application.topic("frames"))
        streams = Streams(watched, ranges)
        due = {at: [offset for offset in committed[at.partition] if at.start <= offset < at.end] for at in ranges}
        came = {at: streams.of(at.topic, at.partition) for at in ranges}
        for _ in range(random.choice([0, 3, 20])):
            at, most = random.choice(ranges), random.choice([1, 30, 1000])
            taken = [message.offset() for message in islice(came[at], most)]
            assert taken == due[at][:most]
            del due[at][:most]
        if random.random() < 0.5:
            for at in ranges:
                assert [message.offset() for message in came[at]] == due[at]


def test_progress_counts_offsets_including_those_without_a_record() -> None:
    #   [10, 3010)   records at 10, 2000 and 2999; after the last one, transaction markers
    passed_offsets: list[int] = []
    messages = [Message(topic="frames", partition=0, offset=offset) for offset in (10, 2000, 2999)]
    passed = list(Progress(passed_offsets.append).over(PartitionRange("frames", 0, 10, 3010), messages))
    assert [message.offset() for message in passed] == [10, 2000, 2999]
    assert passed_offsets == [1991, 3000]
