"""Topics that frames uses: how they are created, and checks that none of them would lose frames or results."""

from collections.abc import Mapping
from typing import NamedTuple

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, NewTopic

from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.settings import Settings
from metrics.kafka.topic_changes import create_missing
from metrics.kafka.topic_limits import AHEAD, ANY_TIME, Limits, limits_of, refuse_compaction
from metrics.kafka.topics import configuration, require_listed, topic_id
from metrics.wording.errors import TopicError

_FOREVER = "-1"
_COMPACTED = "it accepts no frame without a key, and keeps only the last of each"

# Records have the age of their windows: brokers delete by record timestamp, and refuse timestamps ahead of their clock.
_RESULTS = {"cleanup.policy": "compact", "retention.ms": _FOREVER, AHEAD: ANY_TIME}
_FRAMES = {"max.message.bytes": str(MAX_FRAME_BYTES)}
# Headers add the reason and the frame's place in the input.
_REJECTED = {
    "max.message.bytes": str(MAX_FRAME_BYTES + 65_536),
    AHEAD: ANY_TIME,
    "retention.ms": _FOREVER,
}


def configurations(settings: Settings) -> dict[str, dict[str, str]]:
    """Return the configuration that each topic in use is created with."""
    by_topic = {
        settings.input_topic: _FRAMES,
        **dict.fromkeys(settings.result_topics(), _RESULTS),
        settings.rejected_topic: _REJECTED,
    }
    if settings.output_stream is not None:
        by_topic[settings.output_stream] = _REJECTED
    return by_topic


def create(admin: AdminClient, settings: Settings, *, partitions: int, replication_factor: int) -> dict[str, bool]:
    """Create the topics in use that are missing: all of them, or none if the broker refuses one.

    Args:
        partitions: number of partitions of the input topic and of OUTPUT_STREAM. The others get one, so that their
            records are read in order.
        replication_factor: of all topics; BROKERS_DEFAULT leaves it to the broker.

    Returns:
        Each topic in use, and whether it was created. By then the broker lists all of them.

    Raises:
        TopicError: the broker refuses to create one.
        BrokerError: the broker never lists one that was created.
    """
    with_frames = (settings.input_topic, settings.output_stream)
    wanted = [
        NewTopic(name, partitions if name in with_frames else 1, replication_factor, config=config)
        for name, config in configurations(settings).items()
    ]
    return create_missing(admin, wanted)


def input_partitions(client: AdminClient | Consumer, settings: Settings) -> int:
    """Return how many partitions the input topic has.

    Raises:
        TopicError: it is missing.
        BrokerError: the broker does not answer.
    """
    return require(client, settings, {"INPUT_TOPIC": settings.input_topic})[settings.input_topic]


def require(client: AdminClient | Consumer, settings: Settings, wanted: Mapping[str, str]) -> dict[str, int]:
    """Check that topics exist.

    Args:
        wanted: the topics by the variables that name them.

    Returns:
        The number of partitions of each.

    Raises:
        TopicError: one is missing.
        BrokerError: the broker does not answer.
    """
    return require_listed(client, settings.bootstrap_servers, wanted, lambda _: "python app.py prepare-topics")


class TopicsInUse(NamedTuple):
    """Facts about the topics that the job needs.

    Attributes:
        input_id: id of the input topic; it changes if the topic is deleted and recreated.
        input_partitions: number of partitions of the input topic.
        limits: size and timestamp limits of each topic that is written to.
    """

    input_id: str
    input_partitions: int
    limits: dict[str, Limits]


def check(admin: AdminClient, settings: Settings) -> TopicsInUse:
    """Check that all topics in use exist, and that the broker will keep the results.

    Raises:
        TopicError: a topic is missing, its retention would delete results, or it is compacted but receives frames.
    """
    existing = require(admin, settings, settings.topics())
    limits = {}
    for variable, name in settings.topics().items():
        if name != settings.input_topic:
            config = configuration(admin, name)
            if name in settings.result_topics():
                _check_retention(name, config)
            else:
                refuse_compaction(variable, name, config, "frames", _COMPACTED)
            limits[name] = limits_of(existing[name], config)
    return TopicsInUse(topic_id(admin, settings.input_topic), existing[settings.input_topic], limits)


def _check_retention(name: str, config: Mapping[str, str]) -> None:
    """Refuse a retention that deletes results: by record timestamp, so results about 2016 would be gone in minutes."""
    limits = [f"{key}={config[key]}" for key in ("retention.ms", "retention.bytes") if int(config.get(key, -1)) >= 0]
    if "delete" in config.get("cleanup.policy", "") and limits:
        raise TopicError(
            f"the broker would delete results from the topic {name}",
            why=f"it has cleanup.policy={config['cleanup.policy']} and {' and '.join(limits)}",
            hint=f"set its cleanup.policy to compact, or its retention to -1:\n"
            f"kafka-configs.sh --alter --topic {name} --add-config cleanup.policy=compact",
        )
