"""Progress of a feed, found from the input topic alone.

Line n of a feed goes to partition n % partitions, and a partition gets its lines in order and without a gap. So
however a feed ended, each partition contains a prefix of its lines, and the last of them tells its length. One in
MARK_EVERY frames of a partition has a mark, a header with its line number; the records after the last mark are the
following lines. All of these are compared with the frames to be fed. A mismatch is an error; nothing is guessed.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, NamedTuple

import msgspec
from confluent_kafka import Consumer, Message

from metrics.errors import StateError
from metrics.frames import topics_in_use
from metrics.frames.settings import Settings
from metrics.kafka.clients import open_admin, open_backward_reader
from metrics.kafka.headers import headers_of
from metrics.kafka.offsets import OffsetRange, first_with_records, offset_ranges, open_transactions
from metrics.kafka.reader import PartitionRange, Streams
from metrics.times import LAST_SECOND

HEADER = "feed"
MARK_EVERY = 100
MOST_AT_ONCE = 10_000

WHOLE = "feed everything without --resume, or only the missing lines, as a file of their own"


_Shift = Annotated[int, msgspec.Meta(ge=-LAST_SECOND, le=LAST_SECOND)]


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """Header of a marked frame, a JSON array. Other producers may write headers of that name: see `mark_of`.

    Attributes:
        feed: when the feed began, in nanoseconds since the epoch; this identifies the feed.
        line: number of the line, from 0, over all files of the feed.
        partitions: number of partitions of the feed.
        shift_s: shift of its ts in seconds; None if they are unchanged.
    """

    feed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    line: Annotated[int, msgspec.Meta(ge=0)]
    partitions: Annotated[int, msgspec.Meta(ge=1)]
    shift_s: _Shift | None


class Held(NamedTuple):
    """Record of a feed that is to be compared, and its place."""

    digest: bytes
    place: str


class Place(NamedTuple):
    """Progress of a feed.

    Attributes:
        feed: its id in its marks.
        partitions: number of its partitions.
        next_lines: the next line of each of its partitions.
        shift_s: shift of its ts in seconds; None if they are unchanged, or the shift is not known yet.
        held: the lines in the topic that are to be compared.
        extents: the offset ranges of the partitions at that time; empty for a new feed.
    """

    feed: int
    partitions: int
    next_lines: Mapping[int, int]
    shift_s: int | None
    held: Mapping[int, Held]
    extents: Mapping[int, OffsetRange]

    @property
    def lines(self) -> int:
        """Number of lines up to the last one in the topic; some before it may be missing."""
        return max(self.next_lines.values()) - self.partitions + 1

    def mark(self, line: int, shift_s: int | None) -> bytes:
        """Return the header of a marked line."""
        return msgspec.json.encode(Mark(self.feed, line, self.partitions, shift_s))


def beginning(partitions: int) -> Place:
    """Return the place of a new feed."""
    return Place(time.time_ns(), partitions, {number: number for number in range(partitions)}, None, {}, {})


def find_place(settings: Settings) -> Place:
    """Return the progress of the newest feed of the input topic; a topic that never had a record gets a new feed.

    Raises:
        TopicError: the topic is missing.
        StateError: it contains no feed, or its progress cannot be determined.
    """
    topic, admin = settings.input_topic, open_admin(settings)
    partitions = topics_in_use.input_partitions(admin, settings)
    holds = offset_ranges(admin, topic, partitions)
    if not any(extent.high for extent in holds.values()):
        return beginning(partitions)
    if unsettled := open_transactions(admin, topic, holds):
        why = f"another producer has an open transaction in partition {unsettled[0]}"
        raise _unknown(topic, why, "wait until it has ended")
    has_lost = any(extent.low for extent in holds.values())
    if not has_lost and first_with_records(admin, settings, {topic: partitions}) is None:
        return beginning(partitions)
    consumer = open_backward_reader(settings)
    try:
        return _place(consumer, topic, holds)
    finally:
        consumer.close()


def missing(settings: Settings, place: Place, frames: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Return the lines that the topic lacks, with their numbers, after comparing those it has.

    Missing lines before the last one in the topic are kept in memory; they are fewer than a producer's queue holds.

    Raises:
        StateError: the topic contains other frames than these, or another record was written meanwhile.
    """
    numbered = enumerate(frames)
    return _missing(settings, place, numbered) if place.lines > 0 else numbered


def _missing(settings: Settings, place: Place, numbered: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    lacking, count = [], 0
    for line, frame in islice(numbered, place.lines):
        count += 1
        if line >= place.next_lines[line % place.partitions]:
            lacking.append((line, frame))
        elif line in place.held and place.held[line].digest != _digest(frame):
            raise StateError(
                f"line {line + 1:,} differs from {place.held[line].place}",
                why="these are not the frames that were fed, or --now was not used then,\n"
                "or another producer wrote to the topic after the feed was interrupted",
                hint=f"name the same files, unchanged; or {WHOLE}",
            )
    if count < place.lines:
        raise StateError(
            f"there are {count:,} lines, but the topic contains line {place.lines:,}",
            why="these are not the frames that were fed, or fewer, or another producer wrote after them",
            hint=f"name the same files, unchanged; or {WHOLE}",
        )
    _require_unchanged(settings, place)
    yield from lacking
    yield from numbered


def _require_unchanged(settings: Settings, place: Place) -> None:
    """Check that nothing was written since the place was found: the interrupted feed may still be running."""
    now = offset_ranges(open_admin(settings), settings.input_topic, len(place.extents))
    for number, extent in now.items():
        if extent.high != place.extents[number].high:
            raise StateError(
                f"another producer is writing to {settings.input_topic}",
                why=f"partition {number} has meanwhile grown to offset {extent.high:,}",
                hint="stop the interrupted feed, if it is still running, or the other producer, and try again",
            )


class _Found(NamedTuple):
    """Mark, and the offset of its record."""

    mark: Mark
    offset: int


def _place(consumer: Consumer, topic: str, holds: Mapping[int, OffsetRange]) -> Place:
    """Find the last mark of the newest feed in each partition, and read the lines from there on."""
    found = _marks_of_newest_feed(consumer, topic, holds)
    marks = [mark for mark, _ in found.values()]
    feed, partitions = marks[0].feed, marks[0].partitions
    held: dict[int, Held] = {}
    next_lines = {number: number for number in range(partitions)}
    for number, (mark, offset) in found.items():
        records = list(_records_since_mark(consumer, PartitionRange(topic, number, offset, holds[number].high), feed))
        held |= {mark.line + i * partitions: record for i, record in enumerate(records)}
        next_lines[number] = mark.line + len(records) * partitions
    shift_s = next((mark.shift_s for mark in marks if mark.shift_s is not None), None)
    return Place(feed, partitions, next_lines, shift_s, held, holds)


def _marks_of_newest_feed(consumer: Consumer, topic: str, holds: Mapping[int, OffsetRange]) -> dict[int, _Found]:
    """Return the last mark of the newest feed in each partition that it has reached.

    Raises:
        StateError: there is no feed, or the partitions that it has reached cannot be determined.
    """
    newest = _last_marks(consumer, topic, holds, lambda mark: mark.partitions <= len(holds))
    if not newest:
        raise StateError(
            f"the topic {topic} contains no feed to resume",
            why="none of its frames has a feed header; they may have been sent by other means, or deleted",
            hint="feed everything, without --resume",
        )
    feed = max(mark.feed for mark, _ in newest.values())
    found = {number: at for number, at in newest.items() if at.mark.feed == feed}
    partitions = min(mark.partitions for mark, _ in found.values())
    others = {number: holds[number] for number in range(partitions) if number not in found}
    found |= _last_marks(consumer, topic, others, lambda mark: mark.feed == feed)
    if any(mark.partitions != partitions for mark, _ in found.values()):
        raise _unknown(topic, "its feed headers disagree about the number of partitions; some are another producer's")
    for number, extent in others.items():
        if number not in found and extent.low:
            why = f"its first {extent.low:,} offsets are gone, and the other records have no feed header"
            raise _unknown(f"{topic}/{number}", why)
    return found


def _last_marks(
    consumer: Consumer, topic: str, holds: Mapping[int, OffsetRange], is_wanted: Callable[[Mark], bool]
) -> dict[int, _Found]:
    """Return the last wanted mark of each partition that has one."""
    last = {number: _last_mark(consumer, topic, number, extent, is_wanted) for number, extent in holds.items()}
    return {number: found for number, found in last.items() if found is not None}


def _last_mark(
    consumer: Consumer, topic: str, number: int, extent: OffsetRange, is_wanted: Callable[[Mark], bool]
) -> _Found | None:
    """Return the last wanted mark of a partition, reading backwards from its end in growing chunks."""
    found, start, size = None, extent.high, MARK_EVERY
    while found is None and start > extent.low:
        end, start = start, max(extent.low, start - size)
        for message in Streams(consumer, [PartitionRange(topic, number, start, end)]).of(topic, number):
            mark = mark_of(message)
            if mark is not None and is_wanted(mark):
                found = _Found(mark, message.offset() or 0)
        size = min(2 * size, MOST_AT_ONCE)
    return found


def _records_since_mark(consumer: Consumer, span: PartitionRange, feed: int) -> Iterator[Held]:
    """Yield the records of a feed in a partition, from its last mark to the end."""
    for number, message in enumerate(Streams(consumer, [span]).of(span.topic, span.partition)):
        mark = mark_of(message)
        where = f"{span.topic}/{span.partition}"
        if number >= MARK_EVERY or (mark is not None and mark.feed != feed):
            raise _unknown(where, f"other frames follow its last feed header, at offset {span.start:,}")
        yield Held(_digest(message.value() or b""), f"{where} offset {message.offset():,}")


def _unknown(where: str, why: str, hint: str = WHOLE) -> StateError:
    return StateError(f"the progress of the feed into {where} cannot be determined", why=why, hint=hint)


def mark_of(message: Message) -> Mark | None:
    """Return the mark of a record; None if it has none, or a header that cannot be a mark.

    A valid mark's line belongs to this partition, and its offset is not below the number of earlier lines there.
    """
    values = [value for name, value in headers_of(message) or [] if name == HEADER]
    try:
        mark = msgspec.json.decode(values[0] or b"", type=Mark) if values else None
    except (msgspec.DecodeError, RecursionError):
        return None
    if mark is None:
        return None
    before, partition = divmod(mark.line, mark.partitions)
    return mark if partition == message.partition() and before <= (message.offset() or 0) else None


def _digest(frame: bytes) -> bytes:
    return hashlib.blake2b(frame, digest_size=16).digest()
