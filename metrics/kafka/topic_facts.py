"""What topics hold, of what time, and who reads them, as facts.

The facts become JSON by their own names, so these are part of what users see.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic, sleep
from typing import NamedTuple

import msgspec
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.kafka import groups
from metrics.kafka.groups import Group, Groups
from metrics.kafka.offsets import EARLIEST, LATEST, Extent, Partition, ask, told
from metrics.kafka.samples import Sample, sampled
from metrics.kafka.settings import KafkaSettings
from metrics.times import Moment

SOON_S = 3.0
ASKED_AGAIN_S = 0.1


class Reader(msgspec.Struct):
    """A consumer group that has committed offsets of a topic.

    Attributes:
        lag: offsets to read, of all partitions; one that it has not committed an offset of counts from its first record
            on. null where a partition's end is not known.
    """

    group: str
    state: str | None
    lag: int | None


class TopicFacts(msgspec.Struct):
    """What a topic holds; null is what the broker does not tell.

    Attributes:
        records: committed ones, by offsets.
        are_at_most: not all of them were read, and some offsets may hold none: ends of transactions, records that were
            aborted or compacted away.
        estimated_bytes: of keys, values and headers, by the records at both ends of each partition.
        first, last: timestamps of the first and last record; the earliest and the latest of all partitions. null, too,
            where there is no record.
        groups: those that are known to have committed offsets of it; null where none is, and others may have.
        are_all_groups: false where there may be others.
    """

    topic: str
    partitions: int
    records: int | None
    are_at_most: bool
    estimated_bytes: int | None
    first: Moment | None
    last: Moment | None
    groups: list[Reader] | None
    are_all_groups: bool


class Overview(NamedTuple):
    """Some topics, and what could not be found out beside, a line each."""

    topics: list[TopicFacts]
    remarks: list[str]


def of_topics(admin: AdminClient, settings: KafkaSettings, partitions: Mapping[str, int]) -> Overview:
    """Ask what topics hold, of what time, and who reads them.

    Takes some tenths of a second; where partitions or groups do not answer, 10 s for each of these, at most.

    Args:
        partitions: the topics, and how many partitions each has.
    """
    places = [TopicPartition(topic, number) for topic in partitions for number in range(partitions[topic])]
    known = groups.of_partitions(admin, settings, places)
    extents = _extents(admin, places)  # after the groups, so that no position lies behind an end
    samples = sampled(settings, extents)
    described = [
        describe(topic, [_held(topic, number, extents, samples) for number in range(partitions[topic])], known)
        for topic in sorted(partitions)
    ]
    return Overview(described, known.remarks)


def _extents(admin: AdminClient, places: Sequence[TopicPartition]) -> dict[Partition, Extent]:
    """Ask where partitions begin and end; again for SOON_S seconds where no answer comes, as of new topics."""
    give_up_s = monotonic() + SOON_S
    extents = _extents_told(admin, places)
    while len(extents) < len(places) and monotonic() < give_up_s:
        sleep(ASKED_AGAIN_S)
        extents |= _extents_told(admin, [place for place in places if (place.topic, place.partition) not in extents])
    return extents


def _extents_told(admin: AdminClient, places: Sequence[TopicPartition]) -> dict[Partition, Extent]:
    asked = [ask(admin, places, which, IsolationLevel.READ_COMMITTED) for which in (EARLIEST, LATEST)]
    lows, highs = ({(place.topic, place.partition): offset for place, offset in told(each)} for each in asked)
    return {place: Extent(lows[place], highs[place]) for place in lows if place in highs}


class Held(NamedTuple):
    """What is known of a partition; a part that is not is None."""

    extent: Extent | None
    sample: Sample | None

    @property
    def offsets(self) -> int | None:
        """Offsets from the first to the last record that is committed."""
        return None if self.extent is None else self.extent.high - self.extent.low

    @property
    def is_read(self) -> bool:
        """Whether all that it holds was read."""
        return self.sample is not None and self.sample.offsets == self.offsets

    @property
    def records(self) -> int | None:
        """How many records it holds, at most."""
        return self.sample.records if self.sample is not None and self.is_read else self.offsets

    @property
    def estimated_bytes(self) -> int | None:
        """Bytes that it holds if all of it is like the sample."""
        if self.sample is None or self.offsets is None:
            return None
        return self.sample.size_bytes * self.offsets // (self.sample.offsets or 1)


def _held(topic: str, number: int, extents: Mapping[Partition, Extent], samples: Mapping[Partition, Sample]) -> Held:
    return Held(extents.get((topic, number)), samples.get((topic, number)))


def describe(topic: str, partitions: Sequence[Held], known: Groups) -> TopicFacts:
    """Put together what is known of a topic by its partitions."""
    samples = [held.sample for held in partitions if held.sample is not None]
    readers = _readers(topic, partitions, known.groups)
    are_all_sampled = len(samples) == len(partitions)
    return TopicFacts(
        topic,
        len(partitions),
        _sum(held.records for held in partitions),
        any(held.extent is not None and not held.is_read for held in partitions),
        _sum(held.estimated_bytes for held in partitions),
        _moment(min, [sample.first_ms for sample in samples]) if are_all_sampled else None,
        _moment(max, [sample.last_ms for sample in samples]) if are_all_sampled else None,
        readers if readers or known.are_all else None,
        known.are_all,
    )


def _sum(parts: Iterable[int | None]) -> int | None:
    """Add up; what is not known of a part is not known of the whole."""
    known = [*parts]
    return None if None in known else sum(part for part in known if part is not None)


def _moment(pick: Callable[[Iterable[int]], int], stamps_ms: Iterable[int | None]) -> Moment | None:
    known = [stamp_ms for stamp_ms in stamps_ms if stamp_ms is not None]
    return Moment.of(pick(known) // 1000) if known else None


def _readers(topic: str, partitions: Sequence[Held], among: Sequence[Group]) -> list[Reader]:
    return [
        Reader(group.name, group.state, _lag(topic, partitions, group))
        for group in among
        if any(read == topic for read, _ in group.positions)
    ]


def _lag(topic: str, partitions: Sequence[Held], group: Group) -> int | None:
    return _sum(_unread(held, group.positions.get((topic, number), 0)) for number, held in enumerate(partitions))


def _unread(held: Held, position: int) -> int | None:
    """Return how many offsets lie before a partition's end and behind a position."""
    if held.extent is None:
        return None
    end = held.extent.high if held.sample is None else held.sample.end
    return max(0, end - max(position, held.extent.low))
