"""How far a feed has come, by the input topic alone.

Line n of a feed goes to partition n % partitions, and a partition takes its lines in order and without a gap. So
however a feed ended, each partition holds the first of its lines, and the last one there says how many. One in
MARK_EVERY frames of a partition has a mark, a header with its line; the records after the last mark are the lines after
that one. All of them are compared with the frames that the feed is to go on with. A mismatch is an error; nothing is
guessed.
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

WHOLE = "feed the whole of it, without --resume, or only what is missing, as a file of its own"


_Shift = Annotated[int, msgspec.Meta(ge=-LAST_SECOND, le=LAST_SECOND)]


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """The header of a marked frame, a JSON array. Other producers may write headers of that name: see `mark_of`.

    Attributes:
        feed: when its feed began, in nanoseconds since the epoch; this identifies the feed.
        line: its line, from 0 on, over all files of the feed.
        partitions: how many partitions the feed goes over.
        shift_s: by how many seconds its ts were moved; None where they were not.
    """

    feed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    line: Annotated[int, msgspec.Meta(ge=0)]
    partitions: Annotated[int, msgspec.Meta(ge=1)]
    shift_s: _Shift | None


class Held(NamedTuple):
    """A record of a feed that is compared, and where it is."""

    digest: bytes
    place: str


class Place(NamedTuple):
    """How far a feed has come.

    Attributes:
        feed: what identifies it in its marks.
        partitions: how many it goes over.
        next_lines: for each of its partitions, the line that comes next there.
        shift_s: by how many seconds its ts are moved; None if they are not, or it is not known yet.
        held: the lines that are compared, of those that the topic holds.
        extents: the offset ranges of the partitions then; empty for a feed that begins.
    """

    feed: int
    partitions: int
    next_lines: Mapping[int, int]
    shift_s: int | None
    held: Mapping[int, Held]
    extents: Mapping[int, OffsetRange]

    @property
    def lines(self) -> int:
        """How many lines there are up to the last one that the topic holds; before it, some may be missing."""
        return max(self.next_lines.values()) - self.partitions + 1

    def mark(self, line: int, shift_s: int | None) -> bytes:
        """Return what the header of a marked line holds."""
        return msgspec.json.encode(Mark(self.feed, line, self.partitions, shift_s))


def beginning(partitions: int) -> Place:
    """Return the place of a feed that begins."""
    return Place(time.time_ns(), partitions, {number: number for number in range(partitions)}, None, {}, {})


def find_place(settings: Settings) -> Place:
    """Find out how far the newest feed of the input topic has come; if the topic never held a record, one begins.

    Raises:
        TopicError: the topic is missing.
        StateError: it holds no feed, or it is not certain how far that has come.
    """
    topic, admin = settings.input_topic, open_admin(settings)
    partitions = topics_in_use.input_partitions(admin, settings)
    holds = offset_ranges(admin, topic, partitions)
    if not any(extent.high for extent in holds.values()):
        return beginning(partitions)
    if unsettled := open_transactions(admin, topic, holds):
        why = f"a transaction of another producer is open in partition {unsettled[0]}"
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
    """Return the lines that the topic lacks, each with its number, once all lines to compare were compared.

    Lines missing before the last one that the topic holds are kept in memory: no more than fit a producer's queue.

    Raises:
        StateError: the topic holds something other than these frames, or something else came meanwhile.
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
                f"line {line + 1:,} is not what the topic holds at {place.held[line].place}",
                why="these are other frames than those that were fed, or --now was given now and not then,\n"
                "or another producer wrote there after the feed was broken off",
                hint=f"name the files that were fed, as they were; or {WHOLE}",
            )
    if count < place.lines:
        raise StateError(
            f"there are {count:,} lines, and the topic holds line {place.lines:,}",
            why="these are other frames than those that were fed, or fewer, or another producer wrote after them",
            hint=f"name the files that were fed, as they were; or {WHOLE}",
        )
    _require_unchanged(settings, place)
    yield from lacking
    yield from numbered


def _require_unchanged(settings: Settings, place: Place) -> None:
    """See that nothing was written since the place was found: the feed that was broken off may still be running."""
    now = offset_ranges(open_admin(settings), settings.input_topic, len(place.extents))
    for number, extent in now.items():
        if extent.high != place.extents[number].high:
            raise StateError(
                f"another producer is writing to {settings.input_topic}",
                why=f"partition {number} has grown to offset {extent.high:,} while the place was looked for",
                hint="end the feed that was broken off, if it runs on, or the other producer, and try again",
            )


class _Found(NamedTuple):
    """A mark, and the offset of its record."""

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
        StateError: there is no feed, or it is not certain which partitions it has reached.
    """
    newest = _last_marks(consumer, topic, holds, lambda mark: mark.partitions <= len(holds))
    if not newest:
        raise StateError(
            f"the topic {topic} holds no feed to go on with",
            why="none of its frames has a feed header; they may have been fed by other means, or removed",
            hint="feed the whole, without --resume",
        )
    feed = max(mark.feed for mark, _ in newest.values())
    found = {number: at for number, at in newest.items() if at.mark.feed == feed}
    partitions = min(mark.partitions for mark, _ in found.values())
    others = {number: holds[number] for number in range(partitions) if number not in found}
    found |= _last_marks(consumer, topic, others, lambda mark: mark.feed == feed)
    if any(mark.partitions != partitions for mark, _ in found.values()):
        raise _unknown(topic, "its feed headers disagree about how many partitions it has; some are another producer's")
    for number, extent in others.items():
        if number not in found and extent.low:
            why = f"it no longer holds its first {extent.low:,} offsets, and the others have no feed header"
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
    """Return the last wanted mark of a partition, read in ever larger chunks from its end backwards."""
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
    """Yield the records of a feed from its last mark in a partition to the end."""
    for number, message in enumerate(Streams(consumer, [span]).of(span.topic, span.partition)):
        mark = mark_of(message)
        where = f"{span.topic}/{span.partition}"
        if number >= MARK_EVERY or (mark is not None and mark.feed != feed):
            raise _unknown(where, f"other frames were written there after its last feed header, at {span.start:,}")
        yield Held(_digest(message.value() or b""), f"{where} offset {message.offset():,}")


def _unknown(where: str, why: str, hint: str = WHOLE) -> StateError:
    return StateError(f"it is not known how far the feed into {where} has come", why=why, hint=hint)


def mark_of(message: Message) -> Mark | None:
    """Return the mark of a record; None for one without, or with a header that cannot be a mark.

    A line is in its own partition, after the lines that this partition takes before it.
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
