"""The topics of a broker, and their configuration."""

from collections.abc import Collection

from confluent_kafka import Consumer, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType, TopicMetadata

from metrics.deadline import Deadline
from metrics.errors import DeniedError
from metrics.kafka import futures
from metrics.kafka.errors import client_errors
from metrics.kafka.futures import ASK_TIMEOUT_S

LISTED_AGAIN_S = 0.05
SOON_S = 1.0


def partition_counts(client: AdminClient | Consumer) -> dict[str, int]:
    """Return every topic of the broker and its number of partitions."""
    return {name: len(topic.partitions) for name, topic in listed(client).items()}


def soon_listed(client: AdminClient | Consumer, names: Collection[str]) -> dict[str, int]:
    """Return every topic and its number of partitions, after up to SOON_S seconds if some are missing.

    Any broker may answer, and some learn of a new topic later than others.
    """
    return Deadline(SOON_S).poll(
        lambda: partition_counts(client),
        until=lambda existing: all(existing.get(name) for name in names),
        every_s=LISTED_AGAIN_S,
    )


def listed(client: AdminClient | Consumer) -> dict[str, TopicMetadata]:
    """Return every topic of the broker."""
    with client_errors("the broker does not list its topics"):
        return client.list_topics(timeout=ASK_TIMEOUT_S).topics


def topic_id(admin: AdminClient, topic: str) -> str:
    """Ask the broker for a topic's id.

    Raises:
        BrokerError: it does not answer.
    """
    with client_errors(f"the broker does not describe the topic {topic}"):
        future = admin.describe_topics(TopicCollection([topic]), request_timeout=ASK_TIMEOUT_S)[topic]
        return str(futures.result(future, ASK_TIMEOUT_S + 1).topic_id)


def cluster_id(admin: AdminClient) -> str:
    """Ask the broker for the id of its cluster.

    Raises:
        BrokerError: it does not answer.
    """
    with client_errors("the broker does not describe its cluster"):
        future = admin.describe_cluster(request_timeout=ASK_TIMEOUT_S)
        return str(futures.result(future, ASK_TIMEOUT_S + 1).cluster_id)


def configuration(admin: AdminClient, topic: str) -> dict[str, str]:
    """Return a topic's configuration; empty without permission to see it."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        with client_errors(f"the broker does not return the settings of {topic}"):
            asked = admin.describe_configs([resource], request_timeout=ASK_TIMEOUT_S)[resource]
            entries = futures.result(asked, ASK_TIMEOUT_S + 1)
    except DeniedError:
        return {}
    return {name: entry.value for name, entry in entries.items() if entry.value is not None}
