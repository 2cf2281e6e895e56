"""What topics hold, of what time, and who reads them, as facts.

The facts become JSON by their own names, so these are part of what users see.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

import msgspec
from confluent_kafka import Consumer, IsolationLevel, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from metrics.kafka import groups
from metrics.kafka.clients import assign, open_onlooker
from metrics.kafka.deadline import Deadline
from metrics.kafka.groups import Group, Groups, Positions
from metrics.kafka.offsets import EARLIEST, LATEST, Partition, ask, told
from metrics.kafka.settings import KafkaSettings
from metrics.kafka.timestamps import stamp_ms
from metrics.times import Moment

SOON_S = 3.0
RECORDS_TIMEOUT_S = 10.0
# The last record of a partition is looked for in so many offsets before its end, then in WIDER times as many.
OFFSETS_BACK, WIDER = 10, 8


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
        records: offsets up to the last committed record.
        are_at_most: some of these offsets may hold no record: ends of transactions, records that were aborted or
            compacted away. False only where there is no record.
        first, last: timestamps of the first and last record; the earliest and the latest of all partitions. null, too,
            where there is no record.
        groups: those that are known to have committed offsets of it; null where none is, and others may have.
        are_all_groups: false where there may be others.
    """

    topic: str
    partitions: int
    records: int | None
    are_at_most: bool
    first: Moment | None
    last: Moment | None
    groups: list[Reader] | None
    are_all_groups: bool


class Overview(NamedTuple):
    """Some topics, and what could not be found out beside, a line each."""

    topics: list[TopicFacts]
    remarks: list[str]


def of_topics(
    admin: AdminClient, settings: KafkaSettings, partitions: Mapping[str, int], positions: Positions
) -> Overview:
    """Ask what topics hold, of what time, and who reads them.

    Takes some tenths of a second; where partitions or groups do not answer, 10 s for each of these, at most.

    Args:
        partitions: the topics, and how many partitions each has.
        positions: returns, from a group's committed offsets, where it goes on in the partitions where not at these.
    """
    places = [TopicPartition(topic, number) for topic in partitions for number in range(partitions[topic])]
    known = groups.of_partitions(admin, settings, places, positions)
    ranges = _ranges(admin, places)  # after the groups, so that no position is past an end
    with closing(open_onlooker(settings)) as consumer:
        lasts = _last_records(consumer, ranges)
    described = [
        describe(topic, [_held((topic, number), ranges, lasts) for number in range(partitions[topic])], known)
        for topic in sorted(partitions)
    ]
    return Overview(described, known.remarks)


class Range(NamedTuple):
    """Offsets of a partition.

    Attributes:
        low, high: its first offset, and the one after all that is committed.
        first_ms: timestamp of the first record, which may be an aborted one; None where there is none.
    """

    low: int
    high: int
    first_ms: int | None


def _ranges(admin: AdminClient, places: Sequence[TopicPartition]) -> dict[Partition, Range]:
    """Ask where partitions begin and end; again for SOON_S seconds where no answer comes, as of new topics."""
    deadline = Deadline(SOON_S)
    ranges = _ranges_told(admin, places)
    while len(ranges) < len(places) and not deadline.has_passed():
        deadline.pause()
        ranges |= _ranges_told(admin, [place for place in places if (place.topic, place.partition) not in ranges])
    return ranges


def _ranges_told(admin: AdminClient, places: Sequence[TopicPartition]) -> dict[Partition, Range]:
    specs = (EARLIEST, LATEST, OffsetSpec.for_timestamp(0))
    lows, highs, firsts = (ask(admin, places, spec, IsolationLevel.READ_COMMITTED) for spec in specs)
    ends = dict(told(highs))
    firsts_ms = {place: firsts[place].result().timestamp for place, _ in told(firsts)}
    return {
        (place.topic, place.partition): Range(low, ends[place], firsts_ms.get(place))
        for place, low in told(lows)
        if place in ends
    }


class Last(NamedTuple):
    """The last committed record of a partition.

    Attributes:
        end: the offset after it; the first offset of a partition without records.
        stamp_ms: its timestamp; None where it has none, or there is no record.
    """

    end: int
    stamp_ms: int | None


def _last_records(consumer: Consumer, ranges: Mapping[Partition, Range]) -> dict[Partition, Last]:
    """Read the last record of each partition, from further and further before its end.

    A look-up does not tell: the newest timestamp may be that of a transaction's end, which is an offset, too, and no
    record. A partition that is not read within RECORDS_TIMEOUT_S seconds is left out.
    """
    lasts = {place: Last(at.low, None) for place, at in ranges.items() if at.low == at.high}
    deadline = Deadline(RECORDS_TIMEOUT_S)
    back = OFFSETS_BACK
    while (lacking := ranges.keys() - lasts.keys()) and not deadline.has_passed():
        starts = {place: max(ranges[place].low, ranges[place].high - back) for place in lacking}
        for place, last in _read_to_ends(consumer, starts, ranges, deadline):
            if last is not None:
                lasts[place] = Last((last.offset() or 0) + 1, stamp_ms(last))
            elif starts[place] == ranges[place].low:
                lasts[place] = Last(ranges[place].low, None)
        back *= WIDER
    return lasts


def _read_to_ends(
    consumer: Consumer, starts: Mapping[Partition, int], ranges: Mapping[Partition, Range], deadline: Deadline
) -> Iterator[tuple[Partition, Message | None]]:
    """Yield the last record of each partition, once its end is reached; None where it has none from its start on."""
    assign(consumer, [TopicPartition(*place, start) for place, start in starts.items()])
    lasts: dict[Partition, Message | None] = dict.fromkeys(starts)
    while lasts and not deadline.has_passed():
        for message in consumer.consume(100, 0.1):
            place, offset, error = (message.topic() or "", message.partition() or 0), message.offset(), message.error()
            if place not in lasts or offset is None or (error and error.code() != KafkaError._PARTITION_EOF):
                continue
            if error is None and offset < ranges[place].high:
                lasts[place] = message
            if error is not None or offset >= ranges[place].high - 1:
                consumer.incremental_unassign([TopicPartition(*place)])
                yield place, lasts.pop(place)


class Held(NamedTuple):
    """What is known of a partition; a part that is not is None."""

    range: Range | None
    last: Last | None

    @property
    def end(self) -> int | None:
        """The offset after its last record, or after all that is committed where that record is not known."""
        if self.last is not None:
            return self.last.end
        return None if self.range is None else self.range.high

    @property
    def records(self) -> int | None:
        """How many records it holds, at most."""
        return None if self.range is None or self.end is None else self.end - self.range.low

    @property
    def first_ms(self) -> int | None:
        """Timestamp of its first record; None where it has none."""
        return self.range.first_ms if self.range is not None and self.records else None


def _held(place: Partition, ranges: Mapping[Partition, Range], lasts: Mapping[Partition, Last]) -> Held:
    return Held(ranges.get(place), lasts.get(place))


def describe(topic: str, partitions: Sequence[Held], known: Groups) -> TopicFacts:
    """Put together what is known of a topic by its partitions."""
    records = _sum(held.records for held in partitions)
    lasts = [held.last for held in partitions if held.last is not None]
    are_all_read = len(lasts) == len(partitions)
    readers = _readers(topic, partitions, known.groups)
    return TopicFacts(
        topic,
        len(partitions),
        records,
        bool(records),
        _moment(min, [held.first_ms for held in partitions]) if are_all_read else None,
        _moment(max, [last.stamp_ms for last in lasts]) if are_all_read else None,
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
    """Return how many offsets lie from a position to the last record of a partition."""
    if held.range is None or held.end is None:
        return None
    return max(0, held.end - max(position, held.range.low))
