"""Progress of a feed, found from the input topic alone.

Line n of a feed goes to partition n % partitions, and a partition gets its lines in order and without a gap. So
however a feed ended, each partition contains a prefix of its lines, and the last of them shows its length. One in
MARK_EVERY frames of a partition has a mark, a header with its line number; the records after the last mark are the
following lines. All of these are compared with the frames to be fed. A mismatch is an error; nothing is guessed.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, NamedTuple

import msgspec
from confluent_kafka import Consumer, Message

from metrics.frames import topics_in_use
from metrics.frames.settings import Settings
from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.offsets import OffsetRange, first_with_records, offset_ranges, open_transactions
from metrics.kafka.reader import PartitionRange, Streams
from metrics.kafka.record_metadata import headers_of
from metrics.time.moments import LAST_SECOND
from metrics.wording.errors import StateError

HEADER = "feed"
MARK_EVERY = 100
MAX_AT_ONCE = 10_000

WHOLE = "feed everything without --resume, or only the missing lines, as a file of their own"
_UNCHANGED = f"name the same files, unchanged; or {WHOLE}"


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
    shift_s: Annotated[int, msgspec.Meta(ge=-LAST_SECOND, le=LAST_SECOND)] | None


class FeedProgress(NamedTuple):
    """Progress of a feed.

    Attributes:
        feed: its id in its marks.
        partitions: number of its partitions.
        next_lines: the next line of each of its partitions.
        shift_s: shift of its ts in seconds; None if they are unchanged, or the shift is not known yet.
        sent: the records to compare with their lines.
        ranges: the offset ranges of the partitions at that time; empty for a new feed.
    """

    feed: int
    partitions: int
    next_lines: Mapping[int, int]
    shift_s: int | None
    sent: Mapping[int, Message]
    ranges: Mapping[int, OffsetRange]

    @property
    def lines(self) -> int:
        """Number of lines up to the last one in the topic; some before it may be missing."""
        return max(self.next_lines.values()) - self.partitions + 1

    def mark(self, line: int, shift_s: int | None) -> bytes:
        """Return the header of a marked line."""
        return msgspec.json.encode(Mark(self.feed, line, self.partitions, shift_s))


def beginning(partitions: int) -> FeedProgress:
    """Return the progress of a new feed."""
    return FeedProgress(time.time_ns(), partitions, {number: number for number in range(partitions)}, None, {}, {})


def find_progress(settings: Settings) -> FeedProgress:
    """Return the progress of the newest feed of the input topic; a topic that never had a record gets a new feed.

    Raises:
        TopicError: the topic is missing.
        StateError: it contains no feed, or its progress cannot be determined.
    """
    topic, admin = settings.input_topic, open_admin(settings)
    partitions = topics_in_use.input_partitions(admin, settings)
    ranges = offset_ranges(admin, topic, partitions)
    if not any(high for _, high in ranges.values()):
        return beginning(partitions)
    if uncommitted := open_transactions(admin, topic, ranges):
        why = f"another producer has an open transaction in partition {uncommitted[0]}"
        raise _unknown(topic, why, "wait until it has ended")
    if not any(low for low, _ in ranges.values()) and first_with_records(admin, settings, {topic: partitions}) is None:
        return beginning(partitions)
    consumer = open_reader(settings)
    try:
        return _progress(consumer, topic, ranges)
    finally:
        consumer.close()


def missing(settings: Settings, progress: FeedProgress, frames: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that the topic lacks, with their numbers, after comparing those it has.

    Missing lines before the last one in the topic are kept in memory; they are fewer than a producer's queue holds.

    Raises:
        StateError: the topic contains other frames than these, or another record was written meanwhile.
    """
    lacking, line, numbered = [], -1, enumerate(frames)
    for line, frame in islice(numbered, progress.lines):
        sent = progress.sent.get(line)
        if line >= progress.next_lines[line % progress.partitions]:
            lacking.append((line, frame))
        elif sent is not None and sent.value() != frame:
            raise StateError(
                f"line {line + 1:,} differs from {sent.topic()}/{sent.partition()} offset {sent.offset():,}",
                why="these are not the frames that were fed, or --now was not used then,\n"
                "or another producer wrote to the topic after the feed was interrupted",
                hint=_UNCHANGED,
            )
    if line + 1 < progress.lines:
        raise StateError(
            f"there are {line + 1:,} lines, but the topic contains line {progress.lines:,}",
            why="these are not the frames that were fed, or fewer, or another producer wrote after them",
            hint=_UNCHANGED,
        )
    if progress.ranges:
        _require_unchanged(settings, progress)
    yield from lacking
    yield from numbered


def _require_unchanged(settings: Settings, progress: FeedProgress) -> None:
    """Check that nothing was written since the progress was found: the interrupted feed may still be running."""
    now = offset_ranges(open_admin(settings), settings.input_topic, len(progress.ranges))
    for number, (_, high) in now.items():
        if high != progress.ranges[number].high:
            raise StateError(
                f"another producer is writing to {settings.input_topic}",
                why=f"partition {number} has meanwhile grown to offset {high:,}",
                hint="stop the interrupted feed, if it is still running, or the other producer, and try again",
            )


class _Found(NamedTuple):
    """Last mark of a partition, and the records from it on: all of them, or more than MARK_EVERY."""

    mark: Mark
    records: list[Message]


def _progress(consumer: Consumer, topic: str, ranges: Mapping[int, OffsetRange]) -> FeedProgress:
    """Find the last mark of the newest feed in each partition that it has reached, and the lines from there on.

    Raises:
        StateError: there is no feed, or the partitions that it has reached cannot be determined.
    """
    newest = _last_marks(consumer, topic, ranges, lambda mark: mark.partitions <= len(ranges))
    if not newest:
        raise StateError(
            f"the topic {topic} contains no feed to resume",
            why="none of its frames has a feed header; they may have been sent by other means, or deleted",
            hint="feed everything, without --resume",
        )
    feed = max(mark.feed for mark, _ in newest.values())
    found = {number: at for number, at in newest.items() if at.mark.feed == feed}
    partitions = min(mark.partitions for mark, _ in found.values())
    others = {number: ranges[number] for number in range(partitions) if number not in found}
    found |= _last_marks(consumer, topic, others, lambda mark: mark.feed == feed)
    if any(mark.partitions != partitions for mark, _ in found.values()):
        raise _unknown(topic, "its feed headers disagree about the number of partitions; some are another producer's")
    for number, (low, _) in others.items():
        if number not in found and low:
            why = f"its first {low:,} offsets are gone, and the other records have no feed header"
            raise _unknown(f"{topic}/{number}", why)
    next_lines, sent = {number: number for number in range(partitions)}, dict[int, Message]()
    for number, (mark, records) in found.items():
        marks = filter(None, map(mark_of, records))
        if len(records) > MARK_EVERY or any(other.feed != feed for other in marks):
            why = f"other frames follow its last feed header, at offset {records[0].offset():,}"
            raise _unknown(f"{topic}/{number}", why)
        next_lines[number] = mark.line + len(records) * partitions
        sent |= dict(zip(range(mark.line, next_lines[number], partitions), records, strict=True))
    shifts_s = (mark.shift_s for mark, _ in found.values() if mark.shift_s is not None)
    return FeedProgress(feed, partitions, next_lines, next(shifts_s, None), sent, ranges)


def _last_marks(
    consumer: Consumer, topic: str, ranges: Mapping[int, OffsetRange], is_wanted: Callable[[Mark], bool]
) -> dict[int, _Found]:
    """Return the last wanted mark of each partition that has one, reading backwards from its end in growing chunks."""
    found = {}
    for number, (low, high) in ranges.items():
        start, size, later = high, MARK_EVERY, list[Message]()
        while number not in found and start > low:
            end, start, size = start, max(low, start - size), min(2 * size, MAX_AT_ONCE)
            records = [*Streams(consumer, [PartitionRange(topic, number, start, end)]).of(topic, number)]
            marks = [(at, mark) for at, message in enumerate(records) if (mark := mark_of(message)) and is_wanted(mark)]
            if marks:
                at, mark = marks[-1]
                found[number] = _Found(mark, records[at:] + later)
            later = (records + later)[: MARK_EVERY + 1]
    return found


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
