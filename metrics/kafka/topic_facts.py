"""Facts about topics: number of records, first and last timestamp, and reading groups.

The field names are those of the JSON that users see.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from metrics.kafka import groups
from metrics.kafka.groups import Group, Groups, Positions
from metrics.kafka.offsets import EARLIEST, LATEST, OFFSETS_BEFORE, OffsetRange, Partition, answered, ask, neighbours
from metrics.kafka.record_metadata import stamp_ms
from metrics.kafka.settings import KafkaSettings
from metrics.time.deadline import Deadline
from metrics.time.moments import Moment

SOON_S = 3.0


class Reader(msgspec.Struct):
    """A consumer group with committed offsets in a topic.

    Attributes:
        lag: offsets to read in all partitions; a partition without a committed offset counts from its beginning. null
            if the end of a partition is unknown.
    """

    group: str
    state: str | None
    lag: int | None


class TopicFacts(msgspec.Struct):
    """Facts about a topic; null if the broker did not answer.

    Attributes:
        records: offsets up to the last committed record, or up to the end if that record was not found.
        are_at_most: whether `records` is an upper bound, since transaction markers, aborted and compacted records take
            offsets, too. False only if there is no record.
        first, last: the earliest and latest timestamp of the first and last records of all partitions; also null if
            there is no record.
        groups: groups with committed offsets in the topic; null if none is known, but there may be some.
        are_all_groups: false if there may be others.
    """

    topic: str
    partitions: int
    records: int | None
    are_at_most: bool
    first: Moment | None
    last: Moment | None
    groups: list[Reader] | None
    are_all_groups: bool


def of_topics(
    admin: AdminClient, settings: KafkaSettings, partitions: Mapping[str, int], positions: Positions
) -> tuple[list[TopicFacts], list[str]]:
    """Return the facts about topics, and a line about each fact that could not be found out.

    Takes some tenths of a second; up to 5 s more if partitions do not answer, and 10 s if groups do not.

    Args:
        partitions: the topics, with their numbers of partitions.
        positions: returns, for a group's committed offsets, the positions that differ from them.
    """
    places = [TopicPartition(topic, number) for topic in partitions for number in range(partitions[topic])]
    known = groups.of_partitions(admin, settings, places, positions)
    # After the groups, so that no position is past an end; and again for new topics, whose leaders do not answer yet.
    looked_up = Deadline(SOON_S).poll(lambda: _contents(admin, places), until=lambda found: len(found) == len(places))
    contents = _with_last_records(settings, looked_up)
    described = [
        describe(topic, [contents.get((topic, number)) for number in range(partitions[topic])], known)
        for topic in sorted(partitions)
    ]
    return described, known.remarks


class Contents(NamedTuple):
    """Contents of a partition.

    Attributes:
        low: its beginning offset.
        end: the offset after its last record; if that was not read, the last stable offset.
        first_ms: timestamp of the first record, which may be an aborted one; None if there is none.
        is_read: whether the last record was read, or there is none.
        last_ms: timestamp of the last record; None if it was not read, or there is none.
    """

    low: int
    end: int
    first_ms: int | None
    is_read: bool
    last_ms: int | None = None


def _contents(admin: AdminClient, places: Sequence[TopicPartition]) -> dict[Partition, Contents]:
    """Look up offsets and first timestamps; a partition that does not answer is left out."""
    specs = (EARLIEST, LATEST, OffsetSpec.for_timestamp(0))
    asked = [ask(admin, places, spec, IsolationLevel.READ_COMMITTED) for spec in specs]
    lows, ends, firsts = (answered(admin, futures).offsets for futures in asked)
    first_ms = {place: asked[2][TopicPartition(*place)].result().timestamp for place in firsts}
    return {
        place: Contents(lows[place], ends[place], first_ms.get(place), is_read=lows[place] == ends[place])
        for place in lows.keys() & ends.keys()
    }


def _with_last_records(settings: KafkaSettings, contents: Mapping[Partition, Contents]) -> dict[Partition, Contents]:
    """Read the last record of each partition.

    A look-up by timestamp does not find it: the newest timestamp may be that of a transaction marker.
    """
    ends = {place: at.end for place, at in contents.items() if not at.is_read}
    ranges = {place: OffsetRange(at.low, at.end) for place, at in contents.items()}
    found = dict(contents)
    for place, (last, _) in neighbours(settings, ends, ranges).items():
        at = contents[place]
        if last is not None:
            found[place] = at._replace(end=(last.offset() or 0) + 1, is_read=True, last_ms=stamp_ms(last))
        elif at.end - OFFSETS_BEFORE <= at.low:
            found[place] = at._replace(end=at.low, is_read=True)
    return found


def describe(topic: str, partitions: Sequence[Contents | None], known: Groups) -> TopicFacts:
    """Combine what is known of a topic's partitions; None: a partition that did not answer."""
    records = _sum(None if part is None else part.end - part.low for part in partitions)
    all_read = [part for part in partitions if part is not None and part.is_read]
    with_records = [part for part in all_read if part.end > part.low] if len(all_read) == len(partitions) else []
    readers = [
        Reader(group.name, group.state, _lag(topic, partitions, group))
        for group in known.groups
        if any(read == topic for read, _ in group.positions)
    ]
    return TopicFacts(
        topic,
        len(partitions),
        records,
        bool(records),
        _moment(min, [part.first_ms for part in with_records]),
        _moment(max, [part.last_ms for part in with_records]),
        readers if readers or known.are_all else None,
        known.are_all,
    )


def _sum(parts: Iterable[int | None]) -> int | None:
    """Add up; the sum is unknown if a part is."""
    known = [*parts]
    return None if None in known else sum(part for part in known if part is not None)


def _moment(pick: Callable[[Iterable[int]], int], stamps_ms: Iterable[int | None]) -> Moment | None:
    known = [stamp_ms for stamp_ms in stamps_ms if stamp_ms is not None]
    return Moment.of(pick(known) // 1000) if known else None


def _lag(topic: str, partitions: Sequence[Contents | None], group: Group) -> int | None:
    """Return the offsets from a group's positions to the last records."""
    return _sum(
        None if part is None else max(0, part.end - max(part.low, group.positions.get((topic, number), 0)))
        for number, part in enumerate(partitions)
    )
