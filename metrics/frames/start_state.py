"""The start of a run: the state of the consumer group, checked against the present topics."""

from collections.abc import Mapping
from copy import deepcopy
from typing import NamedTuple

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.frames.core.state import MovedOver, PartitionState, State
from metrics.frames.saved_state import SavedState, from_offsets
from metrics.frames.settings import Settings
from metrics.frames.topics_in_use import TopicsInUse
from metrics.kafka.committed import committed
from metrics.kafka.futures import ASK_TIMEOUT_S
from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.offsets import first_with_records, offset_ranges
from metrics.wording.errors import StateError


class Beginning(NamedTuple):
    """The state that a run can begin with.

    Attributes:
        state: the state to resume from, without what is lost.
        losses: a line for each loss of data that was still needed; a run may only begin if its user accepts them.
    """

    state: State
    losses: list[str]

    def accepted(self) -> State:
        """Return the state, if nothing is lost.

        Raises:
            StateError: something is lost; the hint names the command that accepts it.
        """
        if self.losses:
            raise StateError(
                "data that this run needs is gone",
                why="\n".join(self.losses),
                hint="restore it, or start afresh with another CONSUMER_GROUP_ID and other output topics;\n"
                "to continue without it: python app.py --accept-loss",
            )
        return self.state


def begin(admin: AdminClient, consumer: Consumer, settings: Settings, in_use: TopicsInUse) -> Beginning:
    """Read the state of the consumer group, and check that the topics still hold what it needs.

    Partitions without a state begin at their beginning offset.

    Raises:
        StateError: the offsets contain no state of this program, or the group is handed over to Flink.
        BrokerError: the broker does not answer.
    """
    saved = saved_state(consumer, settings.input_topic, in_use.input_partitions)
    found = offset_ranges(admin, settings.input_topic, in_use.input_partitions)
    if saved is not None:
        require_not_handed_over(saved, settings.consumer_group_id)
        return compared(saved, settings.input_topic, in_use.input_id, found)
    fresh = State.fresh({number: low for number, (low, _) in found.items()}, settings.rules())
    partitions = {topic: in_use.limits[topic].partitions for topic in settings.result_topics()}
    return Beginning(fresh, lost_state(admin, settings, partitions))


def require_not_handed_over(saved: SavedState, group: str) -> None:
    """Check that Flink does not count for a group.

    Raises:
        StateError: the group is handed over.
    """
    if saved.handover is not None:
        raise handed_over(group)


def handed_over(group: str) -> StateError:
    """Return the error for a group that is handed over to Flink."""
    return StateError(
        f"the group {group} is handed over to Flink",
        why="Flink publishes the windows after the group's state into the same topics",
        hint="to bring it back: python app.py flink stop --to-group",
    )


def saved_state(consumer: Consumer, topic: str, partitions: int, timeout_s: float = ASK_TIMEOUT_S) -> SavedState | None:
    """Read the state that the consumer's group has committed for a topic; None if there is none.

    Raises:
        StateError: the offsets contain no state of this program.
        BrokerError: the broker does not answer.
    """
    places = [TopicPartition(topic, number) for number in range(partitions)]
    return from_offsets(committed(consumer, places, timeout_s))


def last_instance(consumer: Consumer, topic: str, timeout_s: float = ASK_TIMEOUT_S) -> Instance | None:
    """Return the instance that committed last, from the state of the first partition; None before the first commit.

    Raises:
        StateError: the offset contains no state of this program.
        BrokerError: the broker does not answer.
    """
    saved = saved_state(consumer, topic, 1, timeout_s)
    return None if saved is None else saved.instance


def compared(saved: SavedState, topic: str, topic_id: str, ranges: Mapping[int, tuple[int, int]]) -> Beginning:
    """Compare a state with the offset ranges of its topic: for each partition, beginning and end offset."""
    state, losses = deepcopy(saved.state), []
    if saved.topic_id != topic_id:
        losses.append(f"the topic {topic} was deleted and recreated; frames that were not yet read or counted are gone")
        for number, partition in state.partitions.items():
            low = ranges[number][0] if number in ranges else 0
            _move(partition, low, low)
            partition.resolved_at, partition.resolutions = 0, []  # offsets of the topic before
            partition.moved_over = MovedOver()
    for number, (low, high) in ranges.items():
        partition = state.partitions.setdefault(number, PartitionState(low, low))
        where = f"{topic}/{number}: the topic holds offsets {low} to {high}"
        if partition.position > high:
            losses.append(f"{where}, but was read up to {partition.position}: {high} to {partition.position} are gone")
            _move(partition, min(partition.restart_offset, high), high)
            partition.resolved_at = min(partition.resolved_at, high)
            partition.resolutions = [(min(at, high), near) for at, near in partition.resolutions]
        if partition.restart_offset < low:
            open_to = min(low, partition.position)
            if open_to > partition.restart_offset:
                losses.append(f"{where}, open windows need {partition.restart_offset} to {open_to}")
                # Event time at the first remaining frame is unknown. With the newest instead, at least no frame counts
                # that was late before.
                partition.newest_at_restart = partition.newest
                partition.recorded_s_at_restart = partition.recorded_s
            if low > partition.position:
                losses.append(f"{where}, {partition.position} to {low} were never read")
            _move(partition, low, max(low, partition.position))
    return Beginning(state, losses)


def _move(partition: PartitionState, restart_offset: int, position: int) -> None:
    """Move a partition; the rebuild reports frames that no longer exist."""
    partition.restart_offset, partition.position = restart_offset, position


def lost_state(admin: AdminClient, settings: Settings, partitions: dict[str, int]) -> list[str]:
    """Distinguish a group that never ran from one whose offsets expired, which would publish every window again.

    Args:
        partitions: the topics of results, with their numbers of partitions.
    """
    topic = first_with_records(admin, settings, partitions)
    if topic is None:
        return []
    loss = (
        f"the group {settings.consumer_group_id} has no state, but {topic} holds results: its offsets expired "
        "(offsets.retention.minutes), were deleted, perhaps with a topic that was deleted and recreated, or another "
        "group wrote the results; everything in the input topic would be counted again"
    )
    return [loss]
