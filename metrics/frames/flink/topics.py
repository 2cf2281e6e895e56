"""Flink's own topics: the application's names with a suffix, and as they are configured there."""

from collections.abc import Iterable, Mapping

from confluent_kafka.admin import AdminClient, NewTopic

from metrics.frames import topics_in_use
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.sizes import SIZES
from metrics.kafka.offsets import first_with_records
from metrics.kafka.topic_changes import BROKERS_DEFAULT, create_missing
from metrics.kafka.topic_limits import limits_of
from metrics.kafka.topics import configuration
from metrics.wording.errors import StateError, TopicError

HEADERS_BYTES = 4_096


def prepare(admin: AdminClient, settings: FlinkSettings) -> dict[str, bool]:
    """Create the topics of Flink that are missing, and return each with whether it was created.

    Flink's sink does not create topics: its transactions would wait for them for ever.

    Raises:
        TopicError: the input topic is missing, or the broker refuses to create one.
        BrokerError: the broker does not answer.
    """
    return _create(admin, settings, {settings.flink_topic(size): settings.topic_of(size) for size in SIZES})


def prepare_rejected(admin: AdminClient, settings: FlinkSettings) -> dict[str, bool]:
    """Create Flink's topic for dead letters if it is missing, and return it with whether it was created.

    Raises:
        TopicError: as `prepare`; or a frame of the input topic might be too large for it, at which the job would fail.
        BrokerError: the broker does not answer.
    """
    topic = settings.flink_rejected_topic
    created = _create(admin, settings, {topic: settings.rejected_topic})
    frame_bytes, letter_bytes = (_largest_bytes(admin, name) for name in (settings.input_topic, topic))
    needed_bytes = frame_bytes + HEADERS_BYTES
    if letter_bytes < needed_bytes:
        raise TopicError(
            f"the topic {topic} is too small for the dead letters of {settings.input_topic}",
            why=f"its max.message.bytes is {letter_bytes:,}, that of the input topic {frame_bytes:,}, "
            f"and headers take up to {HEADERS_BYTES:,}",
            hint=f"kafka-configs.sh --alter --topic {topic} --add-config max.message.bytes={needed_bytes}",
        )
    return created


def _largest_bytes(admin: AdminClient, topic: str) -> int:
    return limits_of(1, configuration(admin, topic)).size_bytes


def _create(admin: AdminClient, settings: FlinkSettings, models: Mapping[str, str]) -> dict[str, bool]:
    """Create topics that are missing, each configured as the application's that it is the counterpart of."""
    topics_in_use.input_partitions(admin, settings)
    config = topics_in_use.configurations(settings)
    wanted = [NewTopic(name, 1, BROKERS_DEFAULT, config=config[model]) for name, model in models.items()]
    return create_missing(admin, wanted)


def require_empty(
    admin: AdminClient, settings: FlinkSettings, created: Mapping[str, bool], command: str, *, until_end: bool
) -> None:
    """Check that topics hold no records: a job that begins at the beginning would publish every window again.

    Args:
        created: the topics, and whether each was just created.
        command: that starts the job, for the hint.
        until_end: whether that is a job that ends with the input, and so continues from no savepoint.

    Raises:
        StateError: one does.
        BrokerError: a topic cannot be read.
    """
    topic = first_with_records(admin, settings, dict.fromkeys((name for name in created if not created[name]), 1))
    if topic is not None:
        continuing = f"or continue, if their job was stopped with a savepoint: {command} --restore PATH"
        raise StateError(
            f"the topic {topic} holds records already",
            why="a job that begins at the beginning of the input would publish everything again",
            hint=other_topics(created, command) + ("" if until_end else f"\n{continuing}"),
        )


def other_topics(names: Iterable[str], command: str) -> str:
    """Return how to begin at the beginning, in words.

    Args:
        names: of the topics that may hold records.
        command: that starts the job.
    """
    return (
        f"begin in other topics: FLINK_TOPIC_SUFFIX=-flink2 {command}\n"
        f"or delete these, then begin: python app.py topics delete {' '.join(names)}"
    )
