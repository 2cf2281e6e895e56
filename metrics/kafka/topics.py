"""Topics: creating and deleting them, and seeing that none would lose frames or results."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from time import monotonic, sleep
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType, TopicMetadata

from metrics.errors import BrokerError, TopicError
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.settings import Settings
from metrics.kafka import futures
from metrics.kafka.clients import text_of

ADMIN_TIMEOUT_S = 10.0
LISTED_AGAIN_S = 0.05
BROKERS_DEFAULT = -1  # default.replication.factor
SOON_S = 1.0
# A topic that a user may not describe is left out where topics are listed.
_IF_HIDDEN = "what is there and hidden,\naccess rules must let this user see (Describe)"
_FOREVER = "-1"
_ANY_TIME = str(2**63 - 1)
# Brokers before Kafka 3.6 do not know it. They take what lies ahead, unless message.timestamp.difference.max.ms is set.
_AHEAD = "message.timestamp.after.max.ms"

# Records are as old as their windows: brokers delete by record timestamp, and refuse what lies ahead of their clock.
_RESULTS = {"cleanup.policy": "compact", "retention.ms": _FOREVER, _AHEAD: _ANY_TIME}
_FRAMES = {"max.message.bytes": str(MAX_FRAME_BYTES)}
# A rejected frame also carries its reason and where it came from.
_REJECTED = {
    "max.message.bytes": str(MAX_FRAME_BYTES + 65_536),
    _AHEAD: _ANY_TIME,
    "retention.ms": _FOREVER,
}


def create_missing(
    admin: AdminClient, settings: Settings, *, partitions: int, replication_factor: int
) -> dict[str, bool]:
    """Create the topics in use that are missing: all of them, or none where the broker refuses one.

    Args:
        partitions: of the input topic, and of the one that frames are republished to. The others have one, so that
            their records are read in order.
        replication_factor: of all topics; BROKERS_DEFAULT leaves it to the broker.

    Returns:
        Each topic in use, and whether it was created. All of them are listed by the broker by then.

    Raises:
        TopicError: the broker refuses to create one.
        BrokerError: it does not come to list one that was created.
    """
    with_frames = (settings.input_topic, settings.output_stream)
    wanted = {
        name: NewTopic(name, partitions if name in with_frames else 1, replication_factor, config=config)
        for name, config in _configurations(settings).items()
    }
    existing = partition_counts(admin)
    created = _create_all(admin, [topic for name, topic in wanted.items() if name not in existing])
    return {name: name in created for name in wanted}


def _configurations(settings: Settings) -> dict[str, dict[str, str]]:
    """Return the configuration that each topic in use is created with."""
    configurations = {
        settings.input_topic: _FRAMES,
        settings.sec_metrics_output_topic: _RESULTS,
        settings.min_metrics_output_topic: _RESULTS,
        settings.rejected_topic: _REJECTED,
    }
    if settings.output_stream is not None:
        configurations[settings.output_stream] = _REJECTED
    return configurations


class Asked(NamedTuple):
    """What somebody wants topics to be like; None where any will do."""

    partitions: int | None
    replication_factor: int | None
    config: Mapping[str, str]


def create(admin: AdminClient, settings: Settings, names: Collection[str], asked: Asked) -> dict[str, bool]:
    """Create topics, those in use with what create_missing gives them, unless something else is asked.

    Returns:
        Each topic, and whether it was created. All of them are listed by the broker by then, and are as asked.

    Raises:
        TopicError: one is there, and is not as asked, or the broker refuses one; then none is created.
        BrokerError: it does not come to list one that was created.
    """
    existing = partition_counts(admin)
    _check_as_asked(admin, [name for name in names if name in existing], asked)
    missing = [_new_topic(name, settings, asked) for name in names if name not in existing]
    created = _create_all(admin, missing, asked.config)
    _check_as_asked(admin, [topic.topic for topic in missing if topic.topic not in created], asked)
    return {name: name in created for name in names}


def _new_topic(name: str, settings: Settings, asked: Asked) -> NewTopic:
    config = {**_configurations(settings).get(name, {}), **asked.config}
    return NewTopic(name, asked.partitions or 1, asked.replication_factor or BROKERS_DEFAULT, config=config)


def _check_as_asked(admin: AdminClient, names: Collection[str], asked: Asked) -> None:
    """See that topics which are there are as asked."""
    others = {name: lines for name in names if (lines := [*_differences(admin, name, asked)])}
    if others:
        raise TopicError(
            f"{' and '.join(others)}: there already, and not as asked",
            why="\n".join(f"{name} has {line}" for name, lines in others.items() for line in lines),
            now="ask for what is there, or delete the topic first, with all that it holds",
        )


def _differences(admin: AdminClient, name: str, asked: Asked) -> Iterator[str]:
    """Yield in what a topic differs from what is asked."""
    partitions, replicas = _shape(admin, name)
    if asked.partitions not in (None, partitions):
        yield f"--partitions {partitions}, not {asked.partitions}"
    if asked.replication_factor not in (None, replicas):
        yield f"--replication-factor {replicas}, not {asked.replication_factor}"
    config = configuration(admin, name) if asked.config else {}
    for key, value in asked.config.items():
        if config.get(key) != value:
            yield f"{key}={config.get(key, '?')}, not {value}"


def _shape(admin: AdminClient, name: str) -> tuple[int, int]:
    """Return how many partitions a topic has, and how many replicas each."""
    partitions = listed(admin)[name].partitions
    return len(partitions), min((len(partition.replicas) for partition in partitions.values()), default=0)


def _create_all(admin: AdminClient, topics: list[NewTopic], asked: Collection[str] = ()) -> set[str]:
    """Create topics, all or none, wait until the broker lists them, and return those that were not there.

    Args:
        asked: settings that somebody asked for by name: they are not left out where the broker does not know them.
    """
    try:
        _try_out(admin, topics)
    except _UnknownSettingError:  # which setting it is, the broker tells in prose only
        topics = [_without(topic, {_AHEAD} - {*asked}) for topic in topics]
        _try_out(admin, topics)
    created = set(_create(admin, topics))
    _await_listed(admin, [topic.topic for topic in topics])
    return created


class _UnknownSettingError(TopicError):
    """The broker refuses a setting of a topic: it does not know it, or not the value."""


def _without(topic: NewTopic, settings: Collection[str]) -> NewTopic:
    config = {name: value for name, value in (topic.config or {}).items() if name not in settings}
    return NewTopic(topic.topic, topic.num_partitions, topic.replication_factor, config=config)


def _try_out(admin: AdminClient, topics: list[NewTopic]) -> None:
    """Let the broker say whether it would create topics.

    Raises:
        TopicError: it would not create one.
    """
    for _ in _create(admin, topics, validate_only=True):
        pass


def _create(admin: AdminClient, topics: list[NewTopic], **how: bool) -> Iterator[str]:
    """Create topics, and yield those that were not there.

    Args:
        how: validate_only, where nothing is to be created.
    """
    if not topics:
        return
    for name, future in admin.create_topics(topics, operation_timeout=ADMIN_TIMEOUT_S, **how).items():
        try:
            futures.result(future, ADMIN_TIMEOUT_S + 1)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue
            kind = _UnknownSettingError if error.args[0].code() == KafkaError.INVALID_CONFIG else TopicError
            raise kind(
                f"the topic {name} cannot be created",
                why=text_of(error),
                now="correct the options, or create the topic by the broker's own tools",
            ) from error
        yield name


def delete(admin: AdminClient, names: Sequence[str]) -> None:
    """Delete topics, with all that they hold, and wait until the broker lists none of them.

    Raises:
        TopicError: the broker refuses to delete one.
        BrokerError: it goes on listing one.
    """
    refused = {}
    for name, future in admin.delete_topics([*names], operation_timeout=ADMIN_TIMEOUT_S).items():
        try:
            futures.result(future, ADMIN_TIMEOUT_S + 1)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:  # somebody else was faster
                refused[name] = text_of(error)
    _await_gone(admin, set(names) - set(refused))
    if refused:
        raise TopicError(
            f"{' and '.join(refused)}: not deleted",
            why="\n".join(f"{name}: {why}" for name, why in refused.items()),
            now="allow it on the broker (delete.topic.enable, the rights of this user), and try again",
        )


def _await_listed(admin: AdminClient, names: Iterable[str]) -> None:
    """Wait for topics that are new: the controller, which makes them, is ahead of the broker that we ask."""
    if lacking := _awaited(admin, names, set.difference):
        raise BrokerError(
            f"the broker does not list {', '.join(sorted(lacking))}",
            why=f"the topics were created, but in {ADMIN_TIMEOUT_S:g} s it has not heard of them",
            now="try again, and look into the broker's log if that fails too",
        )


def _await_gone(admin: AdminClient, names: Iterable[str]) -> None:
    """Wait until topics that were deleted are listed no more."""
    if left := _awaited(admin, names, set.intersection):
        raise BrokerError(
            f"the broker still lists {', '.join(sorted(left))}",
            why=f"they were deleted {ADMIN_TIMEOUT_S:g} s ago; a broker of the cluster may be down, or who writes to "
            "one made it anew (auto.create.topics.enable)",
            now="stop who writes to it, and look again: python app.py topics",
        )


def _awaited(admin: AdminClient, names: Iterable[str], left: Callable[[set[str], set[str]], set[str]]) -> set[str]:
    """Ask what topics there are, again and again, and return those that ADMIN_TIMEOUT_S seconds were not enough for.

    Args:
        left: tells those that are still waited for, by these and by the topics that are listed.
    """
    waiting = set(names)
    give_up_s = monotonic() + ADMIN_TIMEOUT_S
    while waiting := left(waiting, {name for name, partitions in partition_counts(admin).items() if partitions}):
        if monotonic() > give_up_s:
            break
        sleep(LISTED_AGAIN_S)
    return waiting


def input_partitions(client: AdminClient | Consumer, settings: Settings) -> int:
    """Return how many partitions the input topic has.

    Raises:
        TopicError: it is missing.
        BrokerError: the broker does not answer.
    """
    partitions = _soon_listed(client, [settings.input_topic]).get(settings.input_topic, 0)
    if not partitions:
        raise TopicError(
            f"the topic {settings.input_topic} is missing on {settings.bootstrap_servers}, or hidden from this user",
            why="INPUT_TOPIC names it",
            now=f"python app.py prepare-topics creates it; {_IF_HIDDEN}",
        )
    return partitions


def partition_counts(client: AdminClient | Consumer) -> dict[str, int]:
    """Return every topic of the broker and how many partitions it has."""
    return {name: len(topic.partitions) for name, topic in listed(client).items()}


def _soon_listed(client: AdminClient | Consumer, names: Collection[str]) -> dict[str, int]:
    """Return every topic, after SOON_S seconds at most if some are missing.

    Any broker may be asked, and some hear of a new topic later than others.
    """
    give_up_s = monotonic() + SOON_S
    while True:
        existing = partition_counts(client)
        if all(existing.get(name) for name in names) or monotonic() >= give_up_s:
            return existing
        sleep(LISTED_AGAIN_S)


def listed(client: AdminClient | Consumer) -> dict[str, TopicMetadata]:
    """Return every topic of the broker."""
    try:
        return client.list_topics(timeout=ADMIN_TIMEOUT_S).topics
    except KafkaException as error:
        raise BrokerError("the broker does not list its topics", why=text_of(error)) from error


def require(client: AdminClient | Consumer, settings: Settings, wanted: Mapping[str, str]) -> dict[str, int]:
    """See that topics are there.

    Args:
        wanted: the topics, by the variables that name them.

    Returns:
        How many partitions each has.

    Raises:
        TopicError: one is missing.
        BrokerError: the broker does not answer.
    """
    existing = _soon_listed(client, wanted.values())
    missing = [f"{variable}={name}" for variable, name in wanted.items() if name not in existing]
    if missing:
        raise TopicError(
            f"{'a topic is' if len(missing) == 1 else 'topics are'} missing on {settings.bootstrap_servers}, "
            "or hidden from this user",
            why="\n".join(missing),
            now=f"python app.py prepare-topics creates what is missing; {_IF_HIDDEN}",
        )
    return {name: existing[name] for name in wanted.values()}


class Limits(NamedTuple):
    """What a topic takes; a record beyond it is refused by the broker, and would stop the loop at every try.

    Attributes:
        partitions: how many partitions it has.
        size_bytes: largest record.
        behind_ms: how far behind the broker's clock a record's timestamp may be.
        ahead_ms: how far ahead of it.
    """

    partitions: int
    size_bytes: int
    behind_ms: int
    ahead_ms: int


class TopicsInUse(NamedTuple):
    """What the loop must know of the topics.

    Attributes:
        input_id: id of the input topic; a topic that is made anew has another.
        input_partitions: how many partitions the input topic has.
        limits: of each topic that is written to.
    """

    input_id: str
    input_partitions: int
    limits: dict[str, Limits]


def check(admin: AdminClient, settings: Settings) -> TopicsInUse:
    """See that all topics in use are there, and that the broker will keep the results.

    Raises:
        TopicError: a topic is missing, its retention would delete results, or it is compacted and frames go to it.
    """
    existing = require(admin, settings, settings.topics())
    limits = {}
    for variable, name in settings.topics().items():
        if name != settings.input_topic:
            config = configuration(admin, name)
            if name in settings.result_topics():
                _check_retention(name, config)
            else:
                _check_keyless(variable, name, config)
            limits[name] = _limits(existing[name], config)
    return TopicsInUse(topic_id(admin, settings.input_topic), existing[settings.input_topic], limits)


def _limits(partitions: int, config: Mapping[str, str]) -> Limits:
    """Read a topic's limits; those that the broker does not show are Kafka's defaults, an hour ahead the lowest."""
    return Limits(
        partitions,
        int(config.get("max.message.bytes", 1_048_588)),
        _timestamp_limit_ms(config, "message.timestamp.before.max.ms", _ANY_TIME),
        _timestamp_limit_ms(config, _AHEAD, "3600000"),
    )


def _timestamp_limit_ms(config: Mapping[str, str], name: str, default: str) -> int:
    """Read how far timestamps may be from the broker's clock in one direction.

    Before Kafka 4 there is a limit for both directions, too; before 3.6 there is only that. It holds where the other
    one has no limit.
    """
    both = config.get("message.timestamp.difference.max.ms")
    own = config.get(name, default if both is None else _ANY_TIME)
    return int(own if both is None or own != _ANY_TIME else both)


def topic_id(admin: AdminClient, topic: str) -> str:
    """Ask the broker for a topic's id.

    Raises:
        BrokerError: it does not answer.
    """
    try:
        future = admin.describe_topics(TopicCollection([topic]), request_timeout=ADMIN_TIMEOUT_S)[topic]
        return str(futures.result(future, ADMIN_TIMEOUT_S + 1).topic_id)
    except KafkaException as error:
        raise BrokerError(f"the broker does not describe the topic {topic}", why=text_of(error)) from error


def _check_retention(name: str, config: Mapping[str, str]) -> None:
    """Brokers delete by record timestamp, so results about 2016 would be gone within minutes."""
    limits = [f"{key}={config[key]}" for key in ("retention.ms", "retention.bytes") if int(config.get(key, -1)) >= 0]
    if "delete" in config.get("cleanup.policy", "") and limits:
        raise TopicError(
            f"the broker would delete results from the topic {name}",
            why=f"it has cleanup.policy={config['cleanup.policy']} and {' and '.join(limits)}",
            now=f"set its cleanup.policy to compact, or its retention to -1:\n"
            f"kafka-configs.sh --alter --topic {name} --add-config cleanup.policy=compact",
        )


def _check_keyless(variable: str, name: str, config: Mapping[str, str]) -> None:
    """A compacted topic takes no frame without a key, and of frames with the same key it keeps the last alone."""
    policy = config.get("cleanup.policy", "")
    if "compact" in policy:
        raise TopicError(
            f"the topic {name}, which {variable} names, cannot hold frames",
            why=f"it has cleanup.policy={policy}: it takes no frame without a key, and keeps only the last of each key",
            now=f"set its cleanup.policy to delete, or let {variable} name another topic:\n"
            f"kafka-configs.sh --alter --topic {name} --add-config cleanup.policy=delete",
        )


def keeps_timestamps_ahead(config: Mapping[str, str]) -> bool:
    """Tell whether a topic's records have the timestamps that we gave them, or later ones: none is moved back."""
    takes_any_time = _timestamp_limit_ms(config, _AHEAD, "3600000") == int(_ANY_TIME)
    return takes_any_time and config.get("message.timestamp.type") == "CreateTime"


def configuration(admin: AdminClient, topic: str) -> dict[str, str]:
    """Return a topic's configuration; empty where the broker does not let us see it."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        asked = admin.describe_configs([resource], request_timeout=ADMIN_TIMEOUT_S)[resource]
        entries = futures.result(asked, ADMIN_TIMEOUT_S + 1)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return {}
        raise BrokerError(f"the broker does not tell the settings of {topic}", why=text_of(error)) from error
    return {name: entry.value for name, entry in entries.items() if entry.value is not None}
