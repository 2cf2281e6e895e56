"""Offset ranges of topics, and the records next to an offset, queried for all partitions at once."""

from collections.abc import Mapping, Sequence
from concurrent.futures import wait
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from metrics.kafka.clients import LOOK_TIMEOUT_S, assign, open_observer
from metrics.kafka.errors import LEADER_MOVES, are_temporary, broker_error, text_of
from metrics.kafka.futures import ASK_TIMEOUT_S
from metrics.kafka.settings import KafkaSettings
from metrics.time.deadline import Deadline
from metrics.wording.errors import BrokerError

if TYPE_CHECKING:
    from concurrent.futures import Future

Partition = tuple[str, int]  # topic and number

# Offsets that are searched for the last record: those right before a position may be transaction markers.
OFFSETS_BEFORE = 10
RECORDS_TIMEOUT_S = 5.0

NO_SUCH_RECORD = -1  # the answer if every record is older than a timestamp
_UNANSWERED = KafkaError(KafkaError._TIMED_OUT, "its leader does not answer")

EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]


class OffsetRange(NamedTuple):
    """Offset range of a partition: its beginning offset and its last stable offset."""

    low: int
    high: int


def offset_ranges(admin: AdminClient, topic: str, partitions: int) -> dict[int, OffsetRange]:
    """Ask the broker for the offset range of each partition of a topic.

    Raises:
        BrokerError: it does not answer.
    """
    lows = _offsets(admin, topic, partitions, EARLIEST)
    highs = _offsets(admin, topic, partitions, LATEST)
    return {number: OffsetRange(lows[number], highs[number]) for number in range(partitions)}


def first_at(admin: AdminClient, topic: str, partitions: int, timestamp_ms: int) -> dict[int, int | None]:
    """Ask for the first committed record of each partition that is not older than a timestamp.

    Returns:
        Its offset, before which every record is older, whatever their order; None if all are older.

    Raises:
        BrokerError: the broker does not answer.
    """
    offsets = _offsets(admin, topic, partitions, OffsetSpec.for_timestamp(timestamp_ms), lowest=NO_SUCH_RECORD)
    return {number: None if offset == NO_SUCH_RECORD else offset for number, offset in offsets.items()}


def open_transactions(admin: AdminClient, topic: str, ranges: Mapping[int, OffsetRange]) -> list[int]:
    """Return the partitions with uncommitted records.

    Args:
        ranges: the offset range of each partition of the topic.
    """
    ends = end_offsets(admin, topic, len(ranges))
    return [number for number, offsets in ranges.items() if ends[number] != offsets.high]


def end_offsets(admin: AdminClient, topic: str, partitions: int) -> dict[int, int]:
    """Ask for the end offset of each partition of a topic, after uncommitted records, too.

    Raises:
        BrokerError: the broker does not answer.
    """
    return _offsets(admin, topic, partitions, LATEST, IsolationLevel.READ_UNCOMMITTED)


def _offsets(
    admin: AdminClient,
    topic: str,
    partitions: int,
    which: OffsetSpec,
    isolation: IsolationLevel = IsolationLevel.READ_COMMITTED,
    lowest: int = 0,
) -> dict[int, int]:
    places = [TopicPartition(topic, number) for number in range(partitions)]
    offsets, failures = Deadline(ASK_TIMEOUT_S).poll(
        lambda: answered(admin, ask(admin, places, which, isolation), lowest),
        until=lambda answers: not are_temporary([*answers.failures.values()], LEADER_MOVES),
    )
    if failures:
        why = "\n".join(f"{topic}/{number}: {text_of(failure)}" for (_, number), failure in failures.items())
        raise broker_error(f"the offsets of the topic {topic} are unknown", [*failures.values()], why)
    return {number: offset for (_, number), offset in offsets.items()}


def ask(
    admin: AdminClient,
    places: Sequence[TopicPartition],
    which: OffsetSpec,
    isolation: IsolationLevel,
    timeout_s: float = ASK_TIMEOUT_S,
) -> "dict[TopicPartition, Future[Any]]":
    """Ask for an offset of each partition, without waiting for the answers."""
    if not places:
        return {}
    return admin.list_offsets(dict.fromkeys(places, which), isolation_level=isolation, request_timeout=timeout_s)


class Answers(NamedTuple):
    """The offsets that were answered, and the errors of the other partitions."""

    offsets: dict[Partition, int]
    failures: dict[Partition, KafkaError]


def answered(admin: AdminClient, asked: "dict[TopicPartition, Future[Any]]", lowest: int = 0) -> Answers:
    """Wait for the answers to `ask`; the lowest valid one is `lowest`.

    The client remembers that no partition of a topic had a leader, for minutes. So the topic is looked up, for the next
    time that it is asked.
    """
    wait(asked.values(), timeout=ASK_TIMEOUT_S + 1)  # the client's own timeout has been observed not to fire
    answers = Answers({}, {})
    for place, future in asked.items():
        answer = offset_of(future, lowest)
        if isinstance(answer, KafkaError):
            answers.failures[place.topic, place.partition] = answer
        else:
            answers.offsets[place.topic, place.partition] = answer
    for topic in {topic for (topic, _), error in answers.failures.items() if error.code() == KafkaError._NOENT}:
        with suppress(KafkaException):
            admin.list_topics(topic, LOOK_TIMEOUT_S)
    return answers


def offset_of(future: "Future[Any]", lowest: int = 0) -> int | KafkaError:
    """Return the offset that was answered, or why none is known, without waiting.

    If a leader does not answer in time, the client returns an offset of -1001 and no error.

    Args:
        lowest: the lowest valid answer.
    """
    if not future.done():
        return _UNANSWERED
    error = future.exception()
    if isinstance(error, KafkaException):
        return cast("KafkaError", error.args[0])
    offset: int = future.result().offset
    return offset if offset >= lowest else _UNANSWERED


class Neighbours(NamedTuple):
    """The committed records next to an offset.

    Attributes:
        before: the last of them among the OFFSETS_BEFORE offsets before it; None if they contain none.
        after: the first one at the offset or after it; None at the end of the partition.
    """

    before: Message | None
    after: Message | None


def neighbours(
    settings: KafkaSettings,
    positions: Mapping[Partition, int],
    ranges: Mapping[Partition, OffsetRange],
    timeout_s: float = RECORDS_TIMEOUT_S,
) -> dict[Partition, Neighbours]:
    """Read the records next to a position in each partition.

    Only they show whether offsets are those of records: transaction markers and aborted records have offsets, too.

    Args:
        ranges: the offset ranges of these partitions, and maybe of others.

    Returns:
        The partitions that answered within timeout_s seconds.
    """
    starts = {place: max(ranges[place].low, position - OFFSETS_BEFORE) for place, position in positions.items()}
    found = {place: Neighbours(None, None) for place, start in starts.items() if start >= ranges[place].high}
    if len(found) == len(positions):
        return found
    before: dict[Partition, Message] = {}
    deadline = Deadline(timeout_s)
    with closing(open_observer(settings)) as consumer:
        assign(consumer, [TopicPartition(*place, start) for place, start in starts.items() if place not in found])
        while len(found) < len(positions) and not deadline.has_passed():
            for message in consumer.consume(100, 0.1):
                place = (message.topic() or "", message.partition() or 0)
                error, offset = message.error(), message.offset()
                if place in found or place not in positions or offset is None:
                    continue
                if error is None and offset < positions[place]:
                    before[place] = message
                elif error is None or error.code() == KafkaError._PARTITION_EOF:
                    found[place] = Neighbours(before.get(place), message if error is None else None)
                    consumer.incremental_unassign([TopicPartition(*place)])
    return found


def first_with_records(admin: AdminClient, settings: KafkaSettings, partitions: dict[str, int]) -> str | None:
    """Return the first of some topics that contains a committed record; None if none does.

    Args:
        partitions: the topics, with their numbers of partitions.

    Raises:
        BrokerError: a topic cannot be read.
    """
    for topic, count in partitions.items():
        ranges = {(topic, number): offsets for number, offsets in offset_ranges(admin, topic, count).items()}
        starts = {place: offsets.low for place, offsets in ranges.items()}
        found = neighbours(settings, starts, ranges, 3 * ASK_TIMEOUT_S)
        if any(at.after is not None for at in found.values()):
            return topic
        if len(found) < count:
            raise BrokerError(f"the topic {topic} cannot be read", why="neither a record nor its end came")
    return None


def most_records(admin: AdminClient, settings: KafkaSettings, topic: str, partitions: int) -> int:
    """Return an upper bound of the records in a topic, by its offsets; 0 if it certainly has none."""
    offsets = sum(high - low for low, high in offset_ranges(admin, topic, partitions).values())
    return offsets if offsets and first_with_records(admin, settings, {topic: partitions}) else 0
