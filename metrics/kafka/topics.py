"""Which topics there are, and how a topic is configured."""

from collections.abc import Collection
from time import monotonic, sleep

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType, TopicMetadata

from metrics.errors import BrokerError
from metrics.kafka import futures
from metrics.kafka.clients import text_of

ADMIN_TIMEOUT_S = 10.0
LISTED_AGAIN_S = 0.05
SOON_S = 1.0


def partition_counts(client: AdminClient | Consumer) -> dict[str, int]:
    """Return every topic of the broker and how many partitions it has."""
    return {name: len(topic.partitions) for name, topic in listed(client).items()}


def soon_listed(client: AdminClient | Consumer, names: Collection[str]) -> dict[str, int]:
    """Return every topic and how many partitions it has, after SOON_S seconds at most if some are missing.

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
