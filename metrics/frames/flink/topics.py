"""Flink's own topics: the application's names with a suffix, and as they are configured there."""

from collections.abc import Mapping

from confluent_kafka.admin import AdminClient, NewTopic

from metrics.errors import StateError
from metrics.frames import topics_in_use
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.sizes import SIZES
from metrics.kafka.offsets import first_with_records
from metrics.kafka.topic_changes import BROKERS_DEFAULT, create_missing


def prepare(admin: AdminClient, settings: FlinkSettings) -> dict[str, bool]:
    """Create the topics of Flink that are missing, and return each with whether it was created.

    Flink's sink does not create topics: its transactions would wait for them for ever.

    Raises:
        TopicError: the input topic is missing, or the broker refuses to create one.
        BrokerError: the broker does not answer.
    """
    topics_in_use.input_partitions(admin, settings)
    config = topics_in_use.configurations(settings)
    return create_missing(
        admin,
        [
            NewTopic(settings.flink_topic(size), 1, BROKERS_DEFAULT, config=config[settings.topic_of(size)])
            for size in SIZES
        ],
    )


def require_empty(admin: AdminClient, settings: FlinkSettings, created: Mapping[str, bool]) -> None:
    """Check that topics hold no records: a job that begins at the beginning would publish every window again.

    Raises:
        StateError: one does.
        BrokerError: a topic cannot be read.
    """
    topic = first_with_records(admin, settings, dict.fromkeys((name for name in created if not created[name]), 1))
    if topic is not None:
        raise StateError(
            f"the topic {topic} holds records already",
            why="a job that begins at the beginning of the input would publish every window again",
            hint="continue from a savepoint: python app.py flink run --restore PATH\n"
            "or begin in other topics: FLINK_TOPIC_SUFFIX=-flink2 python app.py flink run",
        )
