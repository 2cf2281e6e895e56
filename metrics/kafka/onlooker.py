"""Looks at a group from outside, by what any client of the broker may read; it joins nothing and writes nothing."""

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from time import monotonic
from typing import NamedTuple

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from metrics.errors import BrokerError
from metrics.frames.state import PartitionState, State
from metrics.kafka import bounded, topics
from metrics.kafka.clients import assign, open_admin, open_onlooker, text_of
from metrics.kafka.extents import EARLIEST, LATEST, ask, told
from metrics.kafka.resuming import hold_against, lost_state
from metrics.kafka.samples import stamp_ms
from metrics.kafka.saved_state import SavedState, from_offsets
from metrics.kafka.signs import NONE
from metrics.kafka.standby import Silence
from metrics.kafka.status import Activity, Place, Seen
from metrics.settings import Settings

ASK_TIMEOUT_S = 10.0
LOOK_S = 0.2
COORDINATOR_TIMEOUT_S = 5.0
# What is answered while the coordinator of a group reads its log, after a broker has started for instance.
_COMES_SOON = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)
RECORDS_TIMEOUT_S = 5.0


class _Range(NamedTuple):
    """Offsets of a partition: of its first record, before which no transaction is open, and after its last record."""

    first: int
    stable_end: int
    end: int


def look(settings: Settings) -> Seen:
    """Look at the group of the settings, and at its input topic.

    The answer is immediate where the instance commits, was stopped, or was killed on this machine; to tell one that was
    killed elsewhere takes SILENT_S.

    Raises:
        BrokerError: the broker does not answer.
        TopicError: the input topic is missing.
        StateError: the group's offsets hold no state of this program.
    """
    topic = settings.input_topic
    admin = open_admin(settings)
    partitions = topics.input_partitions(admin, settings)
    topic_id = topics.topic_id(admin, topic)
    activity, saved = _watched(lambda: last_commit(admin, settings, partitions))
    # The ends are asked for after the state, so that no position lies behind them.
    ranges = _ranges(admin, topic, partitions)
    state = State.fresh({}, settings.rules()) if saved is None else saved.state
    known = set(state.partitions)
    if saved is not None:
        losses = _losses(saved, topic, topic_id, ranges)
    else:
        existing = topics.partition_counts(admin)
        results = {topic: existing[topic] for topic in settings.result_topics() if topic in existing}
        losses = lost_state(admin, settings, results)
    for number in range(partitions):
        first = ranges[number].first if number in ranges else 0
        state.partitions.setdefault(number, PartitionState.added(first, state.closing_to))
    is_same_topic = saved is None or saved.topic_id == topic_id
    return Seen(
        settings.consumer_group_id,
        topic,
        time.time(),
        saved.instance.id if saved else None,
        activity,
        state,
        set(state.partitions) - known if saved else (),
        _places(settings, state, ranges) if is_same_topic else {},
        losses,
        settings.idle_s,
        is_same_topic,
        saved.signs if saved else NONE,
    )


def _watched(saved_state: Callable[[], SavedState | None]) -> tuple[Activity, SavedState | None]:
    """Look again and again until the instance has committed, or has not for so long that it cannot be active."""
    first = saved = saved_state()
    silence = Silence(monotonic())
    asked_s = answered_s = monotonic()
    while saved is not None and saved.instance.is_active:
        if first is None or saved.instance != first.instance:
            return Activity.ACTIVE, saved
        if saved.instance.is_gone() or silence.look(asked_s, answered_s):
            return Activity.SILENT, saved
        time.sleep(LOOK_S)
        asked_s = monotonic()
        saved = saved_state()
        answered_s = monotonic()
    return (Activity.NEVER_RAN if saved is None else Activity.STOPPED), saved


def activity(admin: AdminClient, settings: Settings) -> Activity:
    """Tell whether an instance counts for the group of the settings; without an input topic, none can.

    Raises:
        BrokerError: the broker does not answer.
        StateError: the group's offsets hold no state of this program.
    """
    partitions = topics.partition_counts(admin).get(settings.input_topic, 0)
    if not partitions:
        return Activity.NEVER_RAN
    return _watched(lambda: last_commit(admin, settings, partitions))[0]


def last_commit(admin: AdminClient, settings: Settings, partitions: int) -> SavedState | None:
    """Read what the group has committed, as of the last transaction that is whole.

    Offsets that are sent in a transaction which is not committed yet are not waited for: an instance that was killed
    may have left one open, and the last commit is what a run goes on from in any case.
    """
    group, topic = settings.consumer_group_id, settings.input_topic
    request = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, number) for number in range(partitions)])
    give_up_s = monotonic() + COORDINATOR_TIMEOUT_S
    while True:
        try:
            answers = admin.list_consumer_group_offsets([request], require_stable=False, request_timeout=ASK_TIMEOUT_S)
            offsets: list[TopicPartition] = bounded.result(answers[group], ASK_TIMEOUT_S + 1).topic_partitions
            break
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                return None
            if error.args[0].code() not in _COMES_SOON or monotonic() >= give_up_s:
                what = f"the broker does not tell the offsets of the group {group}"
                raise BrokerError(what, why=text_of(error)) from error
        time.sleep(LOOK_S)
    failures = {str(offset.error) for offset in offsets if offset.error is not None}
    if failures:
        raise BrokerError(f"the broker does not tell all offsets of the group {group}", why="\n".join(failures))
    return from_offsets(offset for offset in offsets if offset.offset >= 0)


def _losses(saved: SavedState, topic: str, topic_id: str, ranges: dict[int, _Range]) -> list[str]:
    """Return what a run that began now would find missing."""
    holds = {number: (at.first, at.end) for number, at in ranges.items()}
    return hold_against(deepcopy(saved), topic, topic_id, holds).losses


def _ranges(admin: AdminClient, topic: str, partitions: int) -> dict[int, _Range]:
    """Ask where partitions begin and end; one that has no leader is left out."""
    places = [TopicPartition(topic, number) for number in range(partitions)]
    asked = [
        ask(admin, places, EARLIEST, IsolationLevel.READ_UNCOMMITTED),
        ask(admin, places, LATEST, IsolationLevel.READ_COMMITTED),
        ask(admin, places, LATEST, IsolationLevel.READ_UNCOMMITTED),
    ]
    first, stable_end, end = ({place.partition: offset for place, offset in told(answers)} for answers in asked)
    return {
        number: _Range(first[number], stable_end[number], end[number])
        for number in first
        if number in stable_end and number in end
    }


def _places(settings: Settings, state: State, ranges: dict[int, _Range]) -> dict[int, Place]:
    """Look at the records beside each position: they tell since when a partition stands where it does.

    Only they tell, too, whether the offsets up to the end are records or the ends of transactions.
    """
    positions = {number: state.partitions[number].position for number in ranges if number in state.partitions}
    starts = {number: max(ranges[number].first, position - 1) for number, position in positions.items()}
    waiting = {number for number, start in starts.items() if start < ranges[number].stable_end}
    beside = _Beside({}, dict.fromkeys(set(positions) - waiting))
    consumer = open_onlooker(settings)
    try:
        assign(consumer, [TopicPartition(settings.input_topic, number, starts[number]) for number in waiting])
        _read_beside(consumer, settings.input_topic, positions, beside)
    finally:
        consumer.close()
    places = {}
    for number, position in positions.items():
        at, before, after = ranges[number], beside.before.get(number), beside.after.get(number)
        # Where no answer came in time, offsets are taken for records.
        is_read = after is None and number in beside.after
        unread = 0 if is_read else max(0, at.stable_end - position)
        places[number] = Place(at.end, at.stable_end, unread, stamp_ms(before), stamp_ms(after))
    return places


class _Beside(NamedTuple):
    """The records before and after positions; None for a partition that has none after it."""

    before: dict[int, Message]
    after: dict[int, Message | None]


def _read_beside(consumer: Consumer, topic: str, positions: Mapping[int, int], beside: _Beside) -> None:
    """Read until it is known of every partition what comes after its position, at most RECORDS_TIMEOUT_S seconds."""
    before, after = beside
    give_up_s = monotonic() + RECORDS_TIMEOUT_S
    while len(after) < len(positions) and monotonic() < give_up_s:
        for message in consumer.consume(100, 0.1):
            error, number, offset = message.error(), message.partition(), message.offset()
            if number is None or offset is None or number in after:
                continue
            if error is None and offset < positions[number]:
                before[number] = message
            elif error is None or error.code() == KafkaError._PARTITION_EOF:
                after[number] = message if error is None else None
                consumer.incremental_unassign([TopicPartition(topic, number)])
