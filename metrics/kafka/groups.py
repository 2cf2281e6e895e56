"""Consumer groups and their positions; several groups are queried at once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import NamedTuple

from confluent_kafka import ConsumerGroupState, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.kafka import futures, topics
from metrics.kafka.clients import open_asker
from metrics.kafka.committed import committed
from metrics.kafka.errors import COORDINATOR_MOVES
from metrics.kafka.futures import ASK_TIMEOUT_S
from metrics.kafka.offsets import Partition
from metrics.kafka.settings import KafkaSettings
from metrics.time.deadline import Deadline
from metrics.wording.errors import BrokerError
from metrics.wording.text import in_line

MAX_NAMED = 5
MAX_AT_ONCE = 8
OFFSETS_TOPIC = "__consumer_offsets"

Positions = Callable[[Sequence[TopicPartition]], dict[Partition, int]]


class Group(NamedTuple):
    """A consumer group that has committed offsets.

    Attributes:
        state: the broker's word for it: stable while members consume, empty without any. A group whose members assign
            partitions by hand is empty. None if the broker does not say.
        positions: the next offset to read in each partition, by topic and number.
    """

    name: str
    state: str | None
    positions: dict[Partition, int]


class Groups(NamedTuple):
    """The groups that answered.

    Attributes:
        are_all: false if there may be others.
        remarks: what could not be found out, a line each.
    """

    groups: list[Group]
    are_all: bool
    remarks: list[str]


def of_partitions(
    admin: AdminClient, settings: KafkaSettings, places: Sequence[TopicPartition], positions: Positions
) -> Groups:
    """List all groups, with their positions in some partitions.

    Takes at most ASK_TIMEOUT_S seconds for the list, and as long for all offsets. Does not wait for offsets in an open
    transaction.

    Args:
        positions: returns positions that differ from a group's committed offsets, from these.
    """
    states, failures = _listed(admin)
    deadline = Deadline(ASK_TIMEOUT_S)

    def ask(group: str) -> list[TopicPartition] | BrokerError:
        try:
            with closing(open_asker(settings, group)) as asker:
                return committed(asker, places, deadline.left_s())
        except BrokerError as error:
            return error

    names = sorted(states)
    with ThreadPoolExecutor(MAX_AT_ONCE) as pool:
        answers = dict(zip(names, pool.map(ask, names), strict=True))
    failed = {name: answer.why for name, answer in answers.items() if isinstance(answer, BrokerError)}
    known = {name: answer for name, answer in answers.items() if not isinstance(answer, BrokerError)}
    groups = [
        Group(name, states[name], {(at.topic, at.partition): at.offset for at in offsets} | positions(offsets))
        for name, offsets in known.items()
    ]
    remarks = [f"the broker does not list all of its groups: {failure}" for failure in failures]
    return Groups(groups, not remarks and not failed, [*remarks, *([_unknown(failed)] if failed else [])])


def _listed(admin: AdminClient) -> tuple[dict[str, str | None], list[str]]:
    """Return the states of all groups by name, and why the list may lack some.

    Retries for ASK_TIMEOUT_S seconds while one of their coordinators is loading.
    """
    states: dict[str, str | None] = {}

    def failures() -> list[KafkaError]:
        try:
            listed = futures.result(admin.list_consumer_groups(request_timeout=ASK_TIMEOUT_S), ASK_TIMEOUT_S + 1)
        except KafkaException as error:
            return [error.args[0]]
        states.update({group.group_id: _state(group.state) for group in listed.valid if group.group_id})
        return list(listed.errors)

    failed = Deadline(ASK_TIMEOUT_S).poll(
        failures, until=lambda errors: not any(error.code() in COORDINATOR_MOVES for error in errors)
    )
    return states, [*dict.fromkeys(error.str() for error in failed), *_away(admin)]


def _away(admin: AdminClient) -> Iterator[str]:
    """Yield why groups may be missing: without a coordinator, no broker lists them, and none reports an error."""
    offsets = topics.listed(admin).get(OFFSETS_TOPIC)
    partitions = offsets.partitions.values() if offsets is not None else []
    if away := [partition.id for partition in partitions if partition.leader < 0]:
        yield f"partitions of {OFFSETS_TOPIC} have no leader: {', '.join(map(str, away))}"


def _state(state: ConsumerGroupState | None) -> str | None:
    if state is None or state is ConsumerGroupState.UNKNOWN:
        return None
    return state.name.lower().replace("_", " ")


def _unknown(failed: dict[str, str]) -> str:
    """Return which groups could not be queried, and why."""
    names = [in_line(name) for name in failed][:MAX_NAMED]
    more = [f"{len(failed) - len(names):,} more"] if len(failed) > len(names) else []
    why = next(iter(failed.values()))
    return f"the offsets of these groups are not known: {', '.join(names + more)}: {why}"
