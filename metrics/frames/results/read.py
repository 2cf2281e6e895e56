"""Result topics: their committed records so far, and new ones as they are committed."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from heapq import merge
from threading import Event
from typing import NamedTuple

from confluent_kafka import Message
from confluent_kafka.admin import AdminClient

from metrics.frames import topics_in_use
from metrics.frames.records import Deleted, Record, Unreadable, read_record
from metrics.frames.settings import Settings
from metrics.frames.sizes import Size
from metrics.kafka import topic_limits, topics
from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.offsets import first_at, offset_ranges
from metrics.kafka.reader import PartitionRange, Progress, Streams
from metrics.kafka.tail import Tail
from metrics.times import ALL_TIME, Range, rfc3339

OFFSETS_A_LIVE_WINDOW = 2
Tell = Callable[[str], None]


class Result(NamedTuple):
    """A committed record of a closed window.

    Attributes:
        value: the record's bytes as published.
    """

    window: Record
    value: bytes

    @property
    def size_s(self) -> int:
        """The size of the window, in seconds."""
        return self.window.size.size_s


class Results:
    """Results in a range of event time: up to the end of their topics now, and as they are committed.

    No group is joined, and nothing is committed. Records of a partition keep the order of their offsets; a window that
    was published twice appears twice.

    Attributes:
        offsets: upper bound of the number of records to read.
    """

    def __init__(
        self,
        settings: Settings,
        sizes: dict[str, Size],
        spans: Sequence[PartitionRange],
        within: Range,
        closing: ExitStack,
    ) -> None:
        """Keep the findings of `opened`.

        Args:
            sizes: the window size of each topic.
            closing: closes the consumers.
        """
        self.offsets = sum(span.end - span.start for span in spans)
        self._settings = settings
        self._sizes = sizes
        self._spans = spans
        self._within = within
        self._closing = closing
        self._reader = open_reader(settings)
        closing.callback(self._reader.close)

    def read(self, tell: Tell, on_progress: Callable[[int], None] = lambda _: None) -> Iterator[Result]:
        """Yield the results so far; those of several partitions are merged by the ends of their windows.

        Args:
            tell: called with a description of each record that is not a result.
            on_progress: called now and then with the number of offsets passed.
        """
        streams, progress = Streams(self._reader, self._spans), Progress(on_progress)
        return by_ends(
            self._results(progress.over(span, streams.of(span.topic, span.partition)), tell) for span in self._spans
        )

    def follow(self, stopping: Event, tell: Tell, warn: Tell) -> Iterator[list[Result]]:
        """Yield later results as they are committed, some at a time; an empty list after WAIT_S without any.

        Args:
            stopping: ends the iteration, within WAIT_S.
            tell: as above.
            warn: called with a description when the broker or a topic is gone; the iteration waits for them.
        """
        tail = Tail(self._settings, self._spans, warn)
        self._closing.callback(tail.close)
        for records in tail.records(stopping):
            parts: dict[tuple[str | None, int | None], list[Message]] = {}
            for message in records:
                parts.setdefault((message.topic(), message.partition()), []).append(message)
            yield list(by_ends(self._results(part, tell) for part in parts.values()))

    def _results(self, messages: Iterable[Message], tell: Tell) -> Iterator[Result]:
        for message in messages:
            size = self._sizes[message.topic() or ""]
            place = f"{message.topic()}/{message.partition()} offset {message.offset()}"
            record = read_record(size, message.key(), message.value(), place)
            if isinstance(record, Unreadable):
                tell(f"{place}: not a record of a {size.name}")
            elif not self._within.holds(record.start, size.size_s):
                continue
            elif isinstance(record, Deleted):
                tell(f"{place}: a tombstone, which deletes the {size.name} {rfc3339(record.start)}")
            else:
                yield Result(record, message.value() or b"")


def by_ends(parts: Iterable[Iterable[Result]]) -> Iterator[Result]:
    """Merge results by the ends of their windows, a second before the minute that ends with it.

    Each part keeps its order: a record that was published late, or again, comes after those published before it.
    """
    return merge(*parts, key=lambda result: (result.window.end, result.size_s))


@contextmanager
def opened(settings: Settings, sizes: Collection[Size], within: Range) -> Iterator[Results]:
    """Open the results of some window sizes, up to the end of their topics now.

    Raises:
        BrokerError: the broker does not answer.
        TopicError: a topic is missing.
    """
    admin = open_admin(settings)
    counts = _partitions(admin, settings, sizes)
    spans = [span for topic, partitions in counts.items() for span in _spans(admin, topic, partitions, within)]
    with ExitStack() as closing:
        yield Results(settings, dict(zip(counts, sizes, strict=True)), spans, within, closing)


@contextmanager
def latest(settings: Settings, most: Mapping[Size, int]) -> Iterator[Results]:
    """Open the newest results: at least `most` windows of each size and few more, if the topics have them.

    A live window takes two offsets: one for its record, one for the end of its transaction.

    Args:
        most: number of windows per partition, by size.

    Raises:
        BrokerError: the broker does not answer.
        TopicError: a topic is missing.
    """
    admin = open_admin(settings)
    counts = _partitions(admin, settings, most)
    sizes = dict(zip(counts, most, strict=True))
    spans = [
        PartitionRange(topic, number, max(low, high - OFFSETS_A_LIVE_WINDOW * most[sizes[topic]]), high)
        for topic, partitions in counts.items()
        for number, (low, high) in offset_ranges(admin, topic, partitions).items()
    ]
    with ExitStack() as closing:
        yield Results(settings, sizes, spans, ALL_TIME, closing)


def _partitions(admin: AdminClient, settings: Settings, sizes: Collection[Size]) -> dict[str, int]:
    """Return the result topics of some sizes, in their order, with their numbers of partitions."""
    variables = {size.topic_setting.upper(): settings.topic_of(size) for size in sizes}
    return topics_in_use.require(admin, settings, variables)


def _spans(admin: AdminClient, topic: str, partitions: int, within: Range) -> Iterator[PartitionRange]:
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
