"""Result topics: their committed records so far, and new ones as they are committed."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from heapq import merge
from threading import Event
from typing import NamedTuple

from confluent_kafka import Message
from confluent_kafka.admin import AdminClient

from metrics.frames import topics_in_use
from metrics.frames.records import Deleted, Record, Unreadable, Value, read_record, row
from metrics.frames.results.place import RecordPlace, place_of
from metrics.frames.settings import Settings
from metrics.frames.sizes import Size
from metrics.kafka import topic_limits, topics
from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.offsets import first_at, offset_ranges
from metrics.kafka.reader import PartitionRange, Progress, Streams
from metrics.kafka.tail import Tail
from metrics.time.moments import ALL_TIME, Range, rfc3339

Say = Callable[[str], None]


class Result(NamedTuple):
    """A committed record of a closed window.

    Attributes:
        value: the record's bytes as published.
        place: where it is; None unless it was asked for.
    """

    window: Record
    value: bytes
    place: RecordPlace | None = None

    def row(self) -> dict[str, Value]:
        """Return the columns that it fills: those of its place, if known, and those of the window."""
        return ({} if self.place is None else self.place._asdict()) | row(self.window)


class Results:
    """Results in a range of event time: up to the end of their topics now, and as they are committed.

    No group is joined, and nothing is committed. Records of a partition keep the order of their offsets; a window that
    was published twice appears twice.

    Args:
        sizes: the window size of each topic.
        with_places: whether results have their places.

    Attributes:
        offsets: upper bound of the number of records to read.
    """

    def __init__(
        self,
        settings: Settings,
        sizes: Mapping[str, Size],
        ranges: Sequence[PartitionRange],
        within: Range = ALL_TIME,
        *,
        with_places: bool = False,
    ) -> None:
        self.offsets = sum(at.end - at.start for at in ranges)
        self._settings = settings
        self._sizes = sizes
        self._ranges = ranges
        self._within = within
        self._with_places = with_places

    def read(self, skip: Say, on_progress: Callable[[int], None] = lambda _: None) -> Iterator[Result]:
        """Yield the results so far; those of several partitions are merged by the ends of their windows.

        Args:
            skip: called with a description of each record that is not a result.
            on_progress: called now and then with the number of offsets passed.
        """
        with closing(open_reader(self._settings)) as reader:
            streams, progress = Streams(reader, self._ranges), Progress(on_progress)
            yield from by_ends(
                self._results(progress.over(at, streams.of(at.topic, at.partition)), skip) for at in self._ranges
            )

    def follow(self, stopping: Event, skip: Say, on_outage: Say) -> Iterator[list[Result]]:
        """Yield later results as they are committed, some at a time; an empty list after WAIT_S without any.

        Args:
            stopping: ends the iteration, within WAIT_S.
            skip: as above.
            on_outage: called with a description when the broker or a topic is gone; the iteration waits for them.
        """
        with closing(Tail(self._settings, self._ranges, on_outage)) as tail:
            for records in tail.records(stopping):
                parts: dict[tuple[str | None, int | None], list[Message]] = {}
                for message in records:
                    parts.setdefault((message.topic(), message.partition()), []).append(message)
                yield list(by_ends(self._results(part, skip) for part in parts.values()))

    def _results(self, messages: Iterable[Message], skip: Say) -> Iterator[Result]:
        for message in messages:
            size = self._sizes[message.topic() or ""]
            place = f"{message.topic()}/{message.partition()} offset {message.offset()}"
            record = read_record(size, message.key(), message.value(), place)
            if isinstance(record, Unreadable):
                skip(f"{place}: not a record of a {size.name}")
            elif not self._within.holds(record.start, size.size_s):
                continue
            elif isinstance(record, Deleted):
                skip(f"{place}: a tombstone, which deletes the {size.name} {rfc3339(record.start)}")
            else:
                at = place_of(message) if self._with_places else None
                yield Result(record, message.value() or b"", at)


def by_ends(parts: Iterable[Iterable[Result]]) -> Iterator[Result]:
    """Merge results by the ends of their windows, a second before the minute that ends with it.

    Each part keeps its order: a record that was published late, or again, comes after those published before it.
    """
    return merge(*parts, key=lambda result: (result.window.end, result.window.size.size_s))


def opened(settings: Settings, sizes: Collection[Size], within: Range, *, with_places: bool) -> Results:
    """Find the results of some window sizes, up to the end of their topics now.

    Args:
        with_places: whether results have their places.

    Raises:
        BrokerError: the broker does not answer.
        TopicError: a topic is missing.
    """
    admin = open_admin(settings)
    counts = _partitions(admin, settings, sizes)
    ranges = [at for topic, partitions in counts.items() for at in ranges_within(admin, topic, partitions, within)]
    return Results(settings, dict(zip(counts, sizes, strict=True)), ranges, within, with_places=with_places)


def latest(settings: Settings, most: Mapping[Size, int]) -> Results:
    """Find the newest results: at least `most` windows of each size and few more, if the topics have them.

    Args:
        most: number of windows per partition, by size.

    Raises:
        BrokerError, TopicError: as above.
    """
    admin = open_admin(settings)
    counts = _partitions(admin, settings, most)
    sizes = dict(zip(counts, most, strict=True))
    ranges = [at for topic, partitions in counts.items() for at in newest(admin, topic, partitions, most[sizes[topic]])]
    return Results(settings, sizes, ranges)


def newest(admin: AdminClient, topic: str, partitions: int, records: int) -> list[PartitionRange]:
    """Return the last offsets of each partition: at least those of `records` records that a job published.

    Such a record takes two offsets if it is alone in its transaction: its own, and one for the end of the transaction.
    """
    return [
        PartitionRange(topic, number, max(low, high - 2 * records), high)
        for number, (low, high) in offset_ranges(admin, topic, partitions).items()
    ]


def _partitions(admin: AdminClient, settings: Settings, sizes: Collection[Size]) -> dict[str, int]:
    """Return the result topics of some sizes, in their order, with their numbers of partitions."""
    variables = {size.topic_setting.upper(): settings.topic_of(size) for size in sizes}
    return topics_in_use.require(admin, settings, variables)


def ranges_within(admin: AdminClient, topic: str, partitions: int, within: Range) -> Iterator[PartitionRange]:
    """Yield the offset ranges to read of a topic.

    Its first records are skipped if their timestamps prove that they are before the range: then all of them are, in
    any order. A topic that changes timestamps in the future proves nothing, and is read from its start.
    """
    reach = offset_ranges(admin, topic, partitions)
    firsts: dict[int, int | None] = {number: low for number, (low, _) in reach.items()}
    if within.start > 0 and topic_limits.keeps_timestamps_ahead(topics.configuration(admin, topic)):
        firsts = first_at(admin, topic, partitions, within.start * 1000)
    for number, (low, high) in reach.items():
        first = firsts[number]
        yield PartitionRange(topic, number, high if first is None else min(max(low, first), high), high)
