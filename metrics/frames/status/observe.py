"""Observation of a group from outside, by what any client of the broker may read; nothing is joined or written."""

import time
from contextlib import closing
from time import monotonic
from typing import NamedTuple

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.frames import topics_in_use
from metrics.frames.core.state import PartitionState, State
from metrics.frames.saved_state import SavedState
from metrics.frames.settings import Settings
from metrics.frames.start_state import compared, lost_state, saved_state
from metrics.frames.status.facts import Activity, PartitionEnd, Seen
from metrics.frames.stream_health import UNKNOWN
from metrics.kafka import topics
from metrics.kafka.clients import open_admin, open_asker
from metrics.kafka.job.standby import MissedHeartbeats
from metrics.kafka.offsets import EARLIEST, LATEST, OffsetRange, answered, ask, neighbours
from metrics.kafka.record_metadata import stamp_ms

LOOK_S = 0.2


class _Offsets(NamedTuple):
    """The beginning, last stable and end offset of a partition."""

    first: int
    last_stable: int
    end: int


def look(settings: Settings) -> Seen:
    """Observe the group of the settings, and its input topic.

    The answer is immediate if the instance commits, was stopped, or was killed on this machine. To recognise one that
    was killed elsewhere takes HEARTBEAT_TIMEOUT_S.

    Raises:
        BrokerError: the broker does not answer.
        TopicError: the input topic is missing.
        StateError: the group's offsets contain no state of this program.
    """
    topic = settings.input_topic
    admin = open_admin(settings)
    partitions = topics_in_use.input_partitions(admin, settings)
    topic_id = topics.topic_id(admin, topic)
    activity, saved = _watched(settings, partitions)
    # The ends are asked for after the state, so that no position is beyond them.
    offsets = _offsets(admin, topic, partitions)
    state = State.fresh({}, settings.rules()) if saved is None else saved.state
    known = set(state.partitions)
    if saved is not None:
        ranges = {number: (at.first, at.end) for number, at in offsets.items()}
        losses = compared(saved, topic, topic_id, ranges).losses  # what a run that began now would find missing
    else:
        existing = topics.partition_counts(admin)
        results = {topic: existing[topic] for topic in settings.result_topics() if topic in existing}
        losses = lost_state(admin, settings, results)
    for number in range(partitions):
        first = offsets[number].first if number in offsets else 0
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
        _ends(settings, state, offsets) if is_same_topic else {},
        losses,
        settings.idle_s,
        is_same_topic,
        saved.health if saved else UNKNOWN,
    )


def _watched(settings: Settings, partitions: int) -> tuple[Activity, SavedState | None]:
    """Read the state until the instance has committed, or has not for so long that it cannot be active."""
    topic = settings.input_topic
    with closing(open_asker(settings, settings.consumer_group_id)) as asker:
        first = saved = saved_state(asker, topic, partitions)
        missed = MissedHeartbeats(monotonic())
        asked_s = answered_s = monotonic()
        while saved is not None and saved.instance.is_active:
            if first is None or saved.instance != first.instance:
                return Activity.ACTIVE, saved
            if saved.instance.is_gone() or missed.is_gone_after_look(asked_s, answered_s):
                return Activity.SILENT, saved
            time.sleep(LOOK_S)
            asked_s = monotonic()
            saved = saved_state(asker, topic, partitions)
            answered_s = monotonic()
    if saved is None:
        return Activity.NEVER_RAN, None
    return (Activity.STOPPED if saved.handover is None else Activity.ON_FLINK), saved


def activity(admin: AdminClient, settings: Settings) -> Activity:
    """Return whether an instance of the group is active; without an input topic, none can be.

    Raises:
        BrokerError: the broker does not answer.
        StateError: the group's offsets contain no state of this program.
    """
    partitions = topics.partition_counts(admin).get(settings.input_topic, 0)
    if not partitions:
        return Activity.NEVER_RAN
    return _watched(settings, partitions)[0]


def last_commit(settings: Settings, partitions: int) -> SavedState | None:
    """Read what the group has committed, as of the last transaction that has ended.

    This does not wait for a transaction in progress: a killed instance may have left one open, and a run resumes from
    the last commit in any case.
    """
    with closing(open_asker(settings, settings.consumer_group_id)) as asker:
        return saved_state(asker, settings.input_topic, partitions)


def _offsets(admin: AdminClient, topic: str, partitions: int) -> dict[int, _Offsets]:
    """Ask for the offsets of each partition; one without a leader is left out."""
    places = [TopicPartition(topic, number) for number in range(partitions)]
    asked = [
        ask(admin, places, EARLIEST, IsolationLevel.READ_UNCOMMITTED),
        ask(admin, places, LATEST, IsolationLevel.READ_COMMITTED),
        ask(admin, places, LATEST, IsolationLevel.READ_UNCOMMITTED),
    ]
    first, last_stable, end = (answered(admin, futures).offsets for futures in asked)
    return {
        place[1]: _Offsets(first[place], last_stable[place], end[place])
        for place in first
        if place in last_stable and place in end
    }


def _ends(settings: Settings, state: State, offsets: dict[int, _Offsets]) -> dict[int, PartitionEnd]:
    """Read the records next to each position, for their timestamps, and to know whether any is unread."""
    topic = settings.input_topic
    positions = {(topic, number): state.partitions[number].position for number in offsets if number in state.partitions}
    ranges = {(topic, number): OffsetRange(at.first, at.last_stable) for number, at in offsets.items()}
    found = neighbours(settings, positions, ranges)
    ends = {}
    for place, position in positions.items():
        at, (before, after) = offsets[place[1]], found.get(place, (None, None))
        # If no answer came in time, offsets count as records.
        unread = 0 if place in found and after is None else max(0, at.last_stable - position)
        ends[place[1]] = PartitionEnd(at.end, at.last_stable, unread, stamp_ms(before), stamp_ms(after))
    return ends
