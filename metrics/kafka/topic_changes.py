"""Creating and deleting topics, and waiting until the broker lists them, or no longer does."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from metrics.kafka import futures
from metrics.kafka.errors import text_of
from metrics.kafka.futures import ASK_TIMEOUT_S
from metrics.kafka.topic_limits import AHEAD
from metrics.kafka.topics import LISTED_AGAIN_S, configuration, listed, partition_counts
from metrics.time.deadline import Deadline
from metrics.wording.errors import BrokerError, TopicError

BROKERS_DEFAULT = -1  # default.replication.factor


class Asked(NamedTuple):
    """Requested properties of topics; None means no preference."""

    partitions: int | None
    replication_factor: int | None
    config: Mapping[str, str]


class Defaults(NamedTuple):
    """Properties of a topic in use, unless others are requested."""

    config: Mapping[str, str]
    partitions: int = 1


def create_missing(admin: AdminClient, topics: Sequence[NewTopic], asked: Collection[str] = ()) -> dict[str, bool]:
    """Create the topics that are missing: all of them, or none if the broker refuses one.

    Args:
        asked: settings that were requested by name: they are not left out if the broker does not know them.

    Returns:
        Each topic, and whether it was created. The broker lists all of them.

    Raises:
        TopicError: the broker refuses to create one.
        BrokerError: it created one, but does not list it.
    """
    existing = partition_counts(admin)
    created = _create_all(admin, [topic for topic in topics if topic.topic not in existing], asked)
    return {topic.topic: topic.topic in created for topic in topics}


def create(
    admin: AdminClient, names: Collection[str], asked: Asked, defaults: Mapping[str, Defaults]
) -> dict[str, bool]:
    """Create the topics that are missing, with the requested properties.

    Args:
        defaults: of some topics; requested properties take precedence.

    Returns:
        Each topic, and whether it was created. The broker lists all of them, with the requested properties.

    Raises:
        TopicError: one exists with other properties, or the broker refuses one; none is created.
        BrokerError: the broker created one, but does not list it.
    """
    existing = partition_counts(admin)
    _check_as_asked(admin, [name for name in names if name in existing], asked)
    topics = [_new_topic(name, asked, defaults.get(name, Defaults({}))) for name in names]
    created = create_missing(admin, topics, asked.config)
    _check_as_asked(admin, [name for name, is_new in created.items() if not is_new and name not in existing], asked)
    return created


def _new_topic(name: str, asked: Asked, default: Defaults) -> NewTopic:
    partitions, replicas = asked.partitions or default.partitions, asked.replication_factor or BROKERS_DEFAULT
    return NewTopic(name, partitions, replicas, config={**default.config, **asked.config})


def _check_as_asked(admin: AdminClient, names: Collection[str], asked: Asked) -> None:
    """Check that existing topics have the requested properties."""
    others = {name: lines for name in names if (lines := [*_differences(admin, name, asked)])}
    if others:
        raise TopicError(
            f"existing topics have different settings: {', '.join(others)}",
            why="\n".join(f"{name} has {line}" for name, lines in others.items() for line in lines),
            hint="use the existing settings, or delete the topic and its contents first",
        )


def _differences(admin: AdminClient, name: str, asked: Asked) -> Iterator[str]:
    """Yield the differences between a topic and its requested properties."""
    partitions = listed(admin)[name].partitions
    replicas = min((len(partition.replicas) for partition in partitions.values()), default=0)
    if asked.partitions not in (None, len(partitions)):
        yield f"--partitions {len(partitions)}, not {asked.partitions}"
    if asked.replication_factor not in (None, replicas):
        yield f"--replication-factor {replicas}, not {asked.replication_factor}"
    config = configuration(admin, name) if asked.config else {}
    for key, value in asked.config.items():
        if config.get(key) != value:
            yield f"{key}={config.get(key, '?')}, not {value}"


def _create_all(admin: AdminClient, topics: list[NewTopic], asked: Collection[str]) -> set[str]:
    """Create topics, all or none, wait until the broker lists them, and return those that did not exist."""
    try:
        _create(admin, topics, validate_only=True)
    except _UnknownSettingError:  # the broker names the setting only in prose
        topics = [_without(topic, {AHEAD} - {*asked}) for topic in topics]
        _create(admin, topics, validate_only=True)
    created = _create(admin, topics)
    # The controller creates topics, and the broker that is asked learns of them later.
    if unlisted := _awaited(admin, [topic.topic for topic in topics], set.difference):
        raise BrokerError(
            f"the broker does not list {', '.join(sorted(unlisted))}",
            why=f"the topics were created {ASK_TIMEOUT_S:g} s ago, but it has not heard of them",
            hint="try again; if that fails too, look into the broker's log",
        )
    return created


class _UnknownSettingError(TopicError):
    """Refusal of a setting: the broker does not know it, or its value."""


def _without(topic: NewTopic, settings: Collection[str]) -> NewTopic:
    config = {name: value for name, value in (topic.config or {}).items() if name not in settings}
    return NewTopic(topic.topic, topic.num_partitions, topic.replication_factor, config=config)


def _create(admin: AdminClient, topics: list[NewTopic], **how: bool) -> set[str]:
    """Create topics, and return those that did not exist.

    Args:
        how: `validate_only`, if nothing is to be created.

    Raises:
        TopicError: the broker refuses one.
    """
    created: set[str] = set()
    if not topics:
        return created
    for name, future in admin.create_topics(topics, operation_timeout=ASK_TIMEOUT_S, **how).items():
        try:
            futures.result(future, ASK_TIMEOUT_S + 1)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue
            kind = _UnknownSettingError if error.args[0].code() == KafkaError.INVALID_CONFIG else TopicError
            raise kind(
                f"the topic {name} cannot be created",
                why=text_of(error.args[0]),
                hint="correct the options, or create the topic by the broker's own tools",
            ) from error
        created.add(name)
    return created


def delete(admin: AdminClient, names: Sequence[str]) -> None:
    """Delete topics and their contents, and wait until the broker lists none of them.

    Raises:
        TopicError: the broker refuses to delete one.
        BrokerError: the broker still lists one.
    """
    refused = {}
    for name, future in admin.delete_topics([*names], operation_timeout=ASK_TIMEOUT_S).items():
        try:
            futures.result(future, ASK_TIMEOUT_S + 1)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:  # someone else has deleted it
                refused[name] = text_of(error.args[0])
    if left := _awaited(admin, set(names) - set(refused), set.intersection):
        raise BrokerError(
            f"the broker still lists {', '.join(sorted(left))}",
            why=f"they were deleted {ASK_TIMEOUT_S:g} s ago; a broker of the cluster may be down, or a producer "
            "created one again (auto.create.topics.enable)",
            hint="stop its producers, and look again: python app.py topics",
        )
    if refused:
        raise TopicError(
            f"{' and '.join(refused)}: not deleted",
            why="\n".join(f"{name}: {why}" for name, why in refused.items()),
            hint="allow it on the broker (delete.topic.enable, the rights of this user), and try again",
        )


def _awaited(admin: AdminClient, names: Collection[str], left: Callable[[set[str], set[str]], set[str]]) -> set[str]:
    """List topics until there is nothing to wait for; return what is left after ASK_TIMEOUT_S seconds.

    Args:
        left: returns which topics to go on waiting for, from all of them and those listed.
    """

    def waiting() -> set[str]:
        return left(set(names), {name for name, partitions in partition_counts(admin).items() if partitions})

    return Deadline(ASK_TIMEOUT_S).poll(waiting, until=lambda names: not names, every_s=LISTED_AGAIN_S)
