"""Topics: creating those that are missing, and seeing that none would lose frames or results."""

from collections.abc import Iterable, Mapping
from time import monotonic, sleep
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from metrics.errors import BrokerError, TopicError
from metrics.kafka.clients import MAX_FRAME_BYTES, open_consumer, text_of
from metrics.settings import Settings

ADMIN_TIMEOUT_S = 10.0
_FOREVER = "-1"
_ANY_TIME = str(2**63 - 1)

# What a partition says that was just created, or whose leader just changed.
_ANSWERS_SOON = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._WAIT_CACHE,
    }
)

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
        Each topic in use, and whether it was created.

    Raises:
        TopicError: the broker refuses to create one.
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
    return {name: name in created for name in wanted}


def _create(admin: AdminClient, topics: list[NewTopic]) -> Iterable[str]:
    if not topics:
        return
    for name, future in admin.create_topics(topics, operation_timeout=ADMIN_TIMEOUT_S).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue
            raise TopicError(
                f"the topic {name} cannot be created",
                why=text_of(error),
                now="correct --partitions or --replication-factor, or create the topic by the broker's own tools",
            ) from error
        yield name


def partition_counts(client: AdminClient | Consumer) -> dict[str, int]:
    """Return every topic of the broker and how many partitions it has."""
    try:
        metadata = client.list_topics(timeout=ADMIN_TIMEOUT_S)
    except KafkaException as error:
        raise BrokerError("the broker does not list its topics", why=text_of(error)) from error
    return {name: len(topic.partitions) for name, topic in metadata.topics.items()}


class TopicsInUse(NamedTuple):
    """What the loop must know of the topics.

    Attributes:
        input_partitions: how many partitions the input topic has.
        ahead_ms: how far ahead of its clock the broker lets a record be, for each topic of results.
    """

    input_partitions: int
    ahead_ms: dict[str, int]


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
    ahead_ms = {}
    for name in (settings.sec_metrics_output_topic, settings.min_metrics_output_topic):
        config = configuration(admin, name)
        _check_retention(name, config)
        ahead_ms[name] = int(config.get("message.timestamp.after.max.ms", 0))
    return TopicsInUse(existing[settings.input_topic], ahead_ms)


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
        entries = admin.describe_configs([resource], request_timeout=ADMIN_TIMEOUT_S)[resource].result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return {}
        raise BrokerError(f"the broker does not tell the settings of {topic}", why=text_of(error)) from error
    return {name: entry.value for name, entry in entries.items() if entry.value is not None}


def offsets(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """Ask the broker for the first offset of a partition and the one after its last committed record.

    Raises:
        BrokerError: it does not answer.
    """
    give_up_s = monotonic() + ADMIN_TIMEOUT_S
    while True:
        try:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=ADMIN_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() not in _ANSWERS_SOON or monotonic() > give_up_s:
                raise BrokerError(f"the end of {topic}/{partition} is not known", why=text_of(error)) from error
            sleep(0.1)
        else:
            return low, high


def ends(consumer: Consumer, topic: str, partitions: int) -> dict[int, int]:
    """Ask the broker for the end of every partition: the offset after its last committed record."""
    return {partition: offsets(consumer, topic, partition)[1] for partition in range(partitions)}


class Held(NamedTuple):
    """What the input topic holds: how many frames, in how many partitions."""

    frames: int
    partitions: int


def held(settings: Settings) -> Held:
    """Ask the broker what the input topic holds."""
    consumer = open_consumer(settings)
    try:
        partitions = partition_counts(consumer)[settings.input_topic]
        ranges = [offsets(consumer, settings.input_topic, partition) for partition in range(partitions)]
    finally:
        consumer.close()
    return Held(sum(high - low for low, high in ranges), partitions)
