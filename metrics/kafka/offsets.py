"""Offset ranges of topics, queried for all partitions at once."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from metrics.errors import BrokerError
from metrics.kafka.clients import assign, open_consumer
from metrics.kafka.deadline import ASK_TIMEOUT_S, Deadline
from metrics.kafka.errors import LEADER_MOVES
from metrics.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from concurrent.futures import Future

Partition = tuple[str, int]  # topic and number

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


def open_transactions(admin: AdminClient, topic: str, holds: Mapping[int, OffsetRange]) -> list[int]:
    """Return the partitions with uncommitted records.

    Args:
        holds: the offset range of each partition of the topic.
    """
    ends = _offsets(admin, topic, len(holds), LATEST, IsolationLevel.READ_UNCOMMITTED)
    return [number for number, offsets in holds.items() if ends[number] != offsets.high]


def _offsets(
    admin: AdminClient,
    topic: str,
    partitions: int,
    which: OffsetSpec,
    isolation: IsolationLevel = IsolationLevel.READ_COMMITTED,
    lowest: int = 0,
) -> dict[int, int]:
    deadline = Deadline(ASK_TIMEOUT_S)
    while True:
        places = [TopicPartition(topic, number) for number in range(partitions)]
        answers = ask(admin, places, which, isolation)
        wait(answers.values(), timeout=ASK_TIMEOUT_S + 1)  # the client's own timeout was seen not to fire
        offsets = {place.partition: offset_of(future, lowest) for place, future in answers.items()}
        failures = {number: answer for number, answer in offsets.items() if isinstance(answer, KafkaError)}
        if not failures:
            return {number: answer for number, answer in offsets.items() if isinstance(answer, int)}
        if deadline.has_passed() or any(failure.code() not in LEADER_MOVES for failure in failures.values()):
            why = "\n".join(f"{topic}/{number}: {failure.str()}" for number, failure in failures.items())
            raise BrokerError(f"the offsets of the topic {topic} are unknown", why=why)
        deadline.pause()


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


def told(answers: "dict[TopicPartition, Future[Any]]") -> Iterator[tuple[TopicPartition, int]]:
    """Yield the answers; partitions without a leader are left out."""
    wait(answers.values(), timeout=ASK_TIMEOUT_S + 1)  # the client's own timeout was seen not to fire
    for place, future in answers.items():
        answer = offset_of(future)
        if isinstance(answer, int):
            yield place, answer


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


def first_with_records(admin: AdminClient, settings: KafkaSettings, partitions: dict[str, int]) -> str | None:
    """Return the first of some topics that contains a committed record; None if none does.

    Offsets alone do not show this: aborted records have offsets, too.

    Args:
        partitions: the topics, with their numbers of partitions.
    """
    for topic, number_of_partitions in partitions.items():
        for number, (low, high) in offset_ranges(admin, topic, number_of_partitions).items():
            if low < high and _has_a_record(settings, TopicPartition(topic, number, low)):
                return topic
    return None


def most_records(admin: AdminClient, settings: KafkaSettings, topic: str, partitions: int) -> int:
    """Return an upper bound of the records in a topic, by its offsets; 0 if it certainly has none."""
    offsets = sum(high - low for low, high in offset_ranges(admin, topic, partitions).values())
    return offsets if offsets and first_with_records(admin, settings, {topic: partitions}) else 0


def _has_a_record(settings: KafkaSettings, start: TopicPartition) -> bool:
    """Return whether a partition has a record."""
    consumer = open_consumer(settings)
    assign(consumer, [start])
    deadline = Deadline(3 * ASK_TIMEOUT_S)
    try:
        while not deadline.has_passed():
            message = consumer.poll(0.1)
            error = message.error() if message is not None else None
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                return False
            if message is not None and error is None:
                return True
    finally:
        consumer.close()
    raise BrokerError(f"the topic {start.topic} cannot be read", why="neither a record nor its end came")
