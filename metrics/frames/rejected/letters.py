"""Dead letters: those so far, and new ones as they are committed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from threading import Event
from typing import NamedTuple, Self

from confluent_kafka import Message

from metrics.frames import topics_in_use
from metrics.frames.core.frame import Reason
from metrics.frames.replay_marks import REPLAY_OF, Place, is_mark
from metrics.frames.results.read import ranges_within
from metrics.frames.results.rejected import headers_text
from metrics.frames.settings import Settings
from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.reader import PartitionRange, Progress, Streams
from metrics.kafka.record_metadata import stamp_ms
from metrics.kafka.tail import Tail
from metrics.time.moments import ALL_TIME, Range


class Letter(NamedTuple):
    """A dead letter: a record of the dead letter topic, and its headers as text."""

    message: Message
    headers: dict[str, str]

    @classmethod
    def of(cls, message: Message) -> Self:
        """Read the headers of a record."""
        return cls(message, headers_text(message))

    @property
    def reason(self) -> str:
        """One of the values of `Reason`; `unknown` if another program wrote the record."""
        return self.headers.get("reason", "unknown")

    @property
    def place(self) -> Place | None:
        """Place of the frame in the input; None if another program wrote the record."""
        partition, offset = self.number("partition"), self.number("offset")
        topic = self.headers.get("topic")
        return None if topic is None or partition is None or offset is None else Place(topic, partition, offset)

    @property
    def replay_of(self) -> str | None:
        """The frame that this one repeats, as `frames/0 offset 12`, if it was replayed and rejected again."""
        return self.headers.get(REPLAY_OF)

    @property
    def cut_from_bytes(self) -> int | None:
        """Size of the frame, if the dead letter has only its beginning."""
        return self.number("cut_from_bytes")

    def number(self, header: str) -> int | None:
        """Return a header that is a number; None if it is missing."""
        text = self.headers.get(header, "")
        return int(text) if text.isascii() and text.isdecimal() else None


class Wanted(NamedTuple):
    """The dead letters that a command takes.

    Attributes:
        reasons: their reasons; empty for all.
        within: the range of their records' timestamps.
    """

    reasons: frozenset[Reason]
    within: Range

    def includes(self, letter: Letter) -> bool:
        """Return whether it is one of these."""
        if self.reasons and letter.reason not in self.reasons:
            return False
        if self.within == ALL_TIME:
            return True
        timestamp_ms = stamp_ms(letter.message)
        return timestamp_ms is not None and self.within.start * 1000 <= timestamp_ms < self.within.end * 1000


class Letters:
    """The wanted dead letters: up to the end of their topic now, and as they are committed.

    No group is joined, and nothing is committed. Letters of a partition keep the order of their offsets.

    Attributes:
        offsets: upper bound of the number of records to read.
    """

    def __init__(self, settings: Settings, ranges: Sequence[PartitionRange], wanted: Wanted) -> None:
        self.offsets = sum(at.end - at.start for at in ranges)
        self._settings = settings
        self._ranges = ranges
        self._wanted = wanted

    def read(self, on_progress: Callable[[int], None] = lambda _: None) -> Iterator[Letter]:
        """Yield those so far, partition by partition.

        Args:
            on_progress: called now and then with the number of offsets passed.
        """
        with closing(open_reader(self._settings)) as reader:
            streams, progress = Streams(reader, self._ranges), Progress(on_progress)
            for at in self._ranges:
                yield from self._chosen(progress.over(at, streams.of(at.topic, at.partition)))

    def follow(self, stopping: Event, on_outage: Callable[[str], None]) -> Iterator[list[Letter]]:
        """Yield later ones as they are committed, some at a time, or none.

        Args:
            stopping: ends the iteration.
            on_outage: called with a description when the broker or the topic is gone; the iteration waits for them.
        """
        with closing(Tail(self._settings, self._ranges, on_outage)) as tail:
            for messages in tail.records(stopping):
                yield [*self._chosen(messages)]

    def say_none(self) -> str:
        """Return why there are none, and what to do."""
        topic = self._settings.rejected_topic
        if self._wanted == Wanted(frozenset(), ALL_TIME):
            return f"no dead letters in {topic}: no frame was rejected so far"
        return f"no such dead letters in {topic}; without --reason, --from, --to and --last, all are shown"

    def _chosen(self, messages: Iterable[Message]) -> Iterator[Letter]:
        letters = (Letter.of(message) for message in messages if not is_mark(message))
        return (letter for letter in letters if self._wanted.includes(letter))


def opened(settings: Settings, wanted: Wanted) -> Letters:
    """Find the wanted dead letters, up to the end of the topic now.

    Raises:
        BrokerError: the broker does not answer.
        TopicError: the topic is missing.
    """
    admin, topic = open_admin(settings), settings.rejected_topic
    partitions = topics_in_use.require(admin, settings, {"REJECTED_TOPIC": topic})[topic]
    return Letters(settings, [*ranges_within(admin, topic, partitions, wanted.within)], wanted)
