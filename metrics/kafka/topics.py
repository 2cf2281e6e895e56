"""Topics: creating those that are missing, and seeing that none would lose frames or results."""

from collections.abc import Iterable, Mapping
from time import monotonic, sleep
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from metrics.errors import BrokerError, TopicError
from metrics.kafka import bounded
from metrics.kafka.clients import MAX_FRAME_BYTES, text_of
from metrics.settings import Settings

ADMIN_TIMEOUT_S = 10.0
LISTED_AGAIN_S = 0.05
_FOREVER = "-1"
_ANY_TIME = str(2**63 - 1)

# Records are as old as their windows: brokers delete by record timestamp, and refuse what lies ahead of their clock.
_RESULTS = {"cleanup.policy": "compact", "retention.ms": _FOREVER, "message.timestamp.after.max.ms": _ANY_TIME}
_FRAMES = {"max.message.bytes": str(MAX_FRAME_BYTES)}
# A rejected frame also carries its reason and where it came from.
_REJECTED = {
    "max.message.bytes": str(MAX_FRAME_BYTES + 65_536),
    "message.timestamp.after.max.ms": _ANY_TIME,
    "retention.ms": _FOREVER,
}


def create_missing(
    admin: AdminClient, settings: Settings, *, partitions: int, replication_factor: int
) -> dict[str, bool]:
    """Create the topics in use that are missing.

    Args:
        partitions: of the input topic, and of the one that frames are republished to. The others have one, so that
            their records are read in order.
        replication_factor: of all topics.

    Returns:
        Each topic in use, and whether it was created. All of them are listed by the broker by then.

    Raises:
        TopicError: the broker refuses to create one.
        BrokerError: it does not come to list one that was created.
    """
    wanted = {
        settings.input_topic: NewTopic(settings.input_topic, partitions, replication_factor, config=_FRAMES),
        settings.sec_metrics_output_topic: NewTopic(
            settings.sec_metrics_output_topic, 1, replication_factor, config=_RESULTS
        ),
        settings.min_metrics_output_topic: NewTopic(
            settings.min_metrics_output_topic, 1, replication_factor, config=_RESULTS
        ),
        settings.rejected_topic: NewTopic(settings.rejected_topic, 1, replication_factor, config=_REJECTED),
    }
    if settings.output_stream is not None:
        wanted[settings.output_stream] = NewTopic(
            settings.output_stream, partitions, replication_factor, config=_REJECTED
        )
    existing = partition_counts(admin)
    missing = [topic for name, topic in wanted.items() if name not in existing]
    created = set(_create(admin, missing))
    _await_listed(admin, [topic.topic for topic in missing])
    return {name: name in created for name in wanted}


def _create(admin: AdminClient, topics: list[NewTopic]) -> Iterable[str]:
    if not topics:
        return
    for name, future in admin.create_topics(topics, operation_timeout=ADMIN_TIMEOUT_S).items():
        try:
            bounded.result(future, ADMIN_TIMEOUT_S + 1)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue
            raise TopicError(
                f"the topic {name} cannot be created",
                why=text_of(error),
                now="correct --partitions or --replication-factor, or create the topic by the broker's own tools",
            ) from error
        yield name


def _await_listed(admin: AdminClient, names: Iterable[str]) -> None:
    """Wait for topics that are new: the controller, which makes them, is ahead of the broker that we ask."""
    lacking = set(names)
    give_up_s = monotonic() + ADMIN_TIMEOUT_S
    while lacking := lacking - {name for name, partitions in partition_counts(admin).items() if partitions}:
        if monotonic() > give_up_s:
            raise BrokerError(
                f"the broker does not list {', '.join(sorted(lacking))}",
                why=f"the topics were created, but in {ADMIN_TIMEOUT_S:g} s it has not heard of them",
                now="try again, and look into the broker's log if that fails too",
            )
        sleep(LISTED_AGAIN_S)


def input_partitions(client: AdminClient | Consumer, settings: Settings) -> int:
    """Return how many partitions the input topic has.

    Raises:
        TopicError: it is missing.
        BrokerError: the broker does not answer.
    """
    partitions = partition_counts(client).get(settings.input_topic, 0)
    if not partitions:
        raise TopicError(
            f"the topic {settings.input_topic} is missing on {settings.bootstrap_servers}",
            why="INPUT_TOPIC names it",
            now="python app.py prepare-topics creates it",
        )
    return partitions


def partition_counts(client: AdminClient | Consumer) -> dict[str, int]:
    """Return every topic of the broker and how many partitions it has."""
    try:
        metadata = client.list_topics(timeout=ADMIN_TIMEOUT_S)
    except KafkaException as error:
        raise BrokerError("the broker does not list its topics", why=text_of(error)) from error
    return {name: len(topic.partitions) for name, topic in metadata.topics.items()}


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
        TopicError: a topic is missing, or its retention would delete results.
    """
    existing = partition_counts(admin)
    missing = [f"{variable}={name}" for variable, name in settings.topics().items() if name not in existing]
    if missing:
        raise TopicError(
            f"{'a topic is' if len(missing) == 1 else 'topics are'} missing on {settings.bootstrap_servers}",
            why="\n".join(missing),
            now="python app.py prepare-topics creates them",
        )
    limits = {}
    for name in settings.topics().values():
        if name != settings.input_topic:
            config = configuration(admin, name)
            if name in settings.result_topics():
                _check_retention(name, config)
            limits[name] = _limits(existing[name], config)
    return TopicsInUse(topic_id(admin, settings.input_topic), existing[settings.input_topic], limits)


def _limits(partitions: int, config: Mapping[str, str]) -> Limits:
    """Read a topic's limits; those that the broker does not show are Kafka's defaults, an hour ahead the lowest."""
    return Limits(
        partitions,
        int(config.get("max.message.bytes", 1_048_588)),
        int(config.get("message.timestamp.before.max.ms", _ANY_TIME)),
        int(config.get("message.timestamp.after.max.ms", 3_600_000)),
    )


def topic_id(admin: AdminClient, topic: str) -> str:
    """Ask the broker for a topic's id.

    Raises:
        BrokerError: it does not answer.
    """
    try:
        future = admin.describe_topics(TopicCollection([topic]), request_timeout=ADMIN_TIMEOUT_S)[topic]
        return str(bounded.result(future, ADMIN_TIMEOUT_S + 1).topic_id)
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


def configuration(admin: AdminClient, topic: str) -> dict[str, str]:
    """Return a topic's configuration; empty where the broker does not let us see it."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        asked = admin.describe_configs([resource], request_timeout=ADMIN_TIMEOUT_S)[resource]
        entries = bounded.result(asked, ADMIN_TIMEOUT_S + 1)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return {}
        raise BrokerError(f"the broker does not tell the settings of {topic}", why=text_of(error)) from error
    return {name: entry.value for name, entry in entries.items() if entry.value is not None}
