"""Consumer groups, and where each goes on reading: all of them are asked at once."""

from concurrent.futures import wait
from typing import Any, NamedTuple

from confluent_kafka import (
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from metrics.errors import StateError
from metrics.kafka import bounded
from metrics.kafka.clients import text_of
from metrics.kafka.extents import Partition
from metrics.kafka.saved_state import from_offsets

ASK_TIMEOUT_S = 10.0
MOST_NAMED = 5


class Group(NamedTuple):
    """A consumer group that has committed offsets.

    Attributes:
        state: as the broker calls it: stable while members consume, empty without any. A group whose offsets are
            committed by hand, as this application does, is empty. None where the broker does not tell.
        positions: where it goes on in each partition, by topic and number.
    """

    name: str
    state: str | None
    positions: dict[Partition, int]


class Groups(NamedTuple):
    """The groups that answered.

    Attributes:
        are_known: false where the broker does not list its groups at all.
        remarks: what is not known, a line each.
    """

    groups: list[Group]
    are_known: bool
    remarks: list[str]


def committed(admin: AdminClient) -> Groups:
    """Ask for all groups, and where each goes on.

    That takes ASK_TIMEOUT_S seconds for the list, and as long for the offsets of all, at most. Offsets in a transaction
    that is not committed yet are not waited for.
    """
    try:
        listed = bounded.result(admin.list_consumer_groups(request_timeout=ASK_TIMEOUT_S), ASK_TIMEOUT_S + 1)
    except KafkaException as error:
        return Groups([], are_known=False, remarks=[f"the broker does not list its groups: {text_of(error)}"])
    remarks = [f"the broker does not list all of its groups: {text_of(error)}" for error in listed.errors]
    states = {group.group_id: _state(group.state) for group in listed.valid if group.group_id}
    answers = {name: _ask(admin, name) for name in states}
    wait(answers.values(), timeout=ASK_TIMEOUT_S + 1)  # the client's own timeout was seen not to come
    groups: list[Group] = []
    failed: dict[str, str] = {}
    for name, future in sorted(answers.items()):
        try:
            positions = _positions(bounded.result(future, 0).topic_partitions)
        except KafkaException as error:
            failed |= {} if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND else {name: text_of(error)}
        else:
            groups.append(Group(name, states[name], positions))
    if failed:
        remarks.append(_told(failed))
    return Groups(groups, are_known=True, remarks=remarks)


def _ask(admin: AdminClient, group: str) -> Any:
    request = ConsumerGroupTopicPartitions(group)
    return admin.list_consumer_group_offsets([request], require_stable=False, request_timeout=ASK_TIMEOUT_S)[group]


def _state(state: ConsumerGroupState | None) -> str | None:
    if state is None or state is ConsumerGroupState.UNKNOWN:
        return None
    return state.name.lower().replace("_", " ")


def _positions(offsets: list[TopicPartition]) -> dict[Partition, int]:
    """Return where a group goes on, by its committed offsets.

    Of groups of this application these are the frames that open windows need, and their metadata tells the position.
    """
    valid = [offset for offset in offsets if offset.error is None and offset.offset >= 0]
    positions = {(offset.topic, offset.partition): offset.offset for offset in valid}
    for topic in {offset.topic for offset in valid}:
        try:
            saved = from_offsets(offset for offset in valid if offset.topic == topic)
        except StateError:
            continue
        if saved is not None:
            positions |= {(topic, number): at.position for number, at in saved.state.partitions.items()}
    return positions


def _told(failed: dict[str, str]) -> str:
    """Say which groups are not known."""
    names = [*failed][:MOST_NAMED]
    more = [f"{len(failed) - len(names):,} more"] if len(failed) > len(names) else []
    why = next(iter(failed.values()))
    return f"the offsets of these groups are not known: {', '.join(names + more)}: {why}"
