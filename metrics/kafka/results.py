"""The topics of results: the committed records that are there, and those that come."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from heapq import merge
from threading import Event
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.frames.event_clock import MINUTE_S
from metrics.frames.windows import SECOND_S, rfc3339
from metrics.kafka import topics
from metrics.kafka.clients import assign, open_admin, open_consumer, open_reader
from metrics.kafka.extents import extents, first_at
from metrics.kafka.streams import BATCH_RECORDS, Span, Streams, require_readable
from metrics.recount.comparison import Range
from metrics.recount.published import KINDS, Deleted, Published, Unreadable, read_record
from metrics.settings import Settings

PROGRESS_RECORDS = 1000
# How long a call waits for the next record, and how long for what was committed together with it.
WAIT_S, TOGETHER_S = 0.5, 0.05
# Trouble that the client mends by itself, but that somebody who waits for records should know of.
_TROUBLE = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError.UNKNOWN_TOPIC_OR_PART})

Tell = Callable[[str], None]


class Result(NamedTuple):
    """A committed record of a closed window.

    Attributes:
        size_s: the size of the window.
        value: the record's bytes, as they were published.
    """

    size_s: int
    window: Published
    value: bytes


class Results:
    """The results that lie in a range of event time: as far as their topics reach now, and as they come.

    No group is joined, and nothing is committed. Records of a partition come in the order of their offsets; a window
    that was published twice comes twice.

    Attributes:
        offsets: at most how many records there are to read.
    """

    def __init__(
        self, settings: Settings, sizes_s: dict[str, int], spans: Sequence[Span], within: Range, closing: ExitStack
    ) -> None:
        """Take over what `opened` found out.

        Args:
            sizes_s: the size of the windows in each topic.
            closing: closes the consumers.
        """
        self.offsets = sum(span.end - span.start for span in spans)
        self._settings = settings
        self._sizes_s = sizes_s
        self._spans = spans
        self._within = within
        self._closing = closing
        self._reader = self._closed_at_the_end(open_reader(settings))

    def _closed_at_the_end(self, consumer: Consumer) -> Consumer:
        self._closing.callback(consumer.close)
        return consumer

    def read(self, tell: Tell, on_progress: Callable[[int], None] = lambda _: None) -> Iterator[Result]:
        """Yield the results that were there when they were opened; several partitions by their windows' ends.

        Args:
            tell: told of each record that is no result, and where it is.
            on_progress: told now and then how many records were read.
        """
        streams = Streams(self._reader, self._spans)
        read = 0

        def counted(span: Span) -> Iterator[Message]:
            nonlocal read
            for message in streams.of(span.topic, span.partition):
                read += 1
                if read % PROGRESS_RECORDS == 0:
                    on_progress(read)
                yield message

        return by_ends(self._results(counted(span), tell) for span in self._spans)

    def follow(self, stopping: Event, tell: Tell, warn: Tell) -> Iterator[list[Result]]:
        """Yield the results that come after those as they are committed, some at a time; none when WAIT_S has passed.

        Args:
            stopping: ends it, within WAIT_S.
            tell: as above.
            warn: told when the broker or a topic is gone; they are waited for.
        """
        told: set[int] = set()

        def bear(error: KafkaError) -> None:
            if error.code() in _TROUBLE - told:
                told.add(error.code())
                warn(f"no results come for now, they are waited for: {error.str()}")

        consumer = self._closed_at_the_end(open_consumer(self._settings, bear))
        assign(consumer, [TopicPartition(span.topic, span.partition, span.end) for span in self._spans])
        while not stopping.is_set():
            parts: dict[tuple[str | None, int | None], list[Message]] = {}
            for message in _batch(consumer):
                require_readable(message)
                error = message.error()
                if error is None:
                    told.clear()
                    parts.setdefault((message.topic(), message.partition()), []).append(message)
                else:
                    bear(error)
            yield list(by_ends(self._results(part, tell) for part in parts.values()))

    def _results(self, messages: Iterable[Message], tell: Tell) -> Iterator[Result]:
        for message in messages:
            size_s = self._sizes_s[message.topic() or ""]
            place = f"{message.topic()}/{message.partition()} offset {message.offset()}"
            record = read_record(size_s, message.key(), message.value(), place)
            if isinstance(record, Unreadable):
                tell(f"{place}: no record of a {KINDS[size_s]}")
            elif not self._within.holds(record.start, size_s):
                continue
            elif isinstance(record, Deleted):
                tell(f"{place}: a record without a value, which deletes the {KINDS[size_s]} {rfc3339(record.start)}")
            else:
                yield Result(size_s, record, message.value() or b"")


def _batch(consumer: Consumer) -> list[Message]:
    """Return the next messages, as soon as there is one."""
    first = consumer.poll(WAIT_S)
    return [] if first is None else [first, *consumer.consume(BATCH_RECORDS, TOGETHER_S)]


def by_ends(parts: Iterable[Iterable[Result]]) -> Iterator[Result]:
    """Merge results by the ends of their windows, a second before the minute that ends with it.

    Each part stays in its order: what was published late, or again, comes behind what was there before it.
    """
    return merge(*parts, key=lambda result: (result.window.start + result.size_s, result.size_s))


@contextmanager
def opened(settings: Settings, sizes_s: Collection[int], within: Range) -> Iterator[Results]:
    """Open the results of windows of some sizes, as far as their topics reach now.

    Raises:
        BrokerError: the broker does not answer.
        TopicError: a topic is missing.
    """
    admin = open_admin(settings)
    variables = {SECOND_S: "SEC_METRICS_OUTPUT_TOPIC", MINUTE_S: "MIN_METRICS_OUTPUT_TOPIC"}
    named = {variables[size_s]: settings.topics()[variables[size_s]] for size_s in sizes_s}
    counts = topics.require(admin, settings, named)
    spans = [span for topic, partitions in counts.items() for span in _spans(admin, topic, partitions, within)]
    with ExitStack() as closing:
        yield Results(settings, dict(zip(counts, sizes_s, strict=True)), spans, within, closing)


def _spans(admin: AdminClient, topic: str, partitions: int, within: Range) -> Iterator[Span]:
    """Yield what to read of a topic.

    Its first records are skipped where their timestamps prove that they lie before the range: all of them do then, in
    whatever order they are. A topic that changes timestamps which lie ahead proves nothing, and is read from its start.
    """
    reach = extents(admin, topic, partitions)
    firsts: dict[int, int | None] = {number: low for number, (low, _) in reach.items()}
    if within.start > 0 and topics.keeps_timestamps_ahead(topics.configuration(admin, topic)):
        firsts = first_at(admin, topic, partitions, within.start * 1000)
    for number, (low, high) in reach.items():
        first = firsts[number]
        yield Span(topic, number, high if first is None else min(max(low, first), high), high)
