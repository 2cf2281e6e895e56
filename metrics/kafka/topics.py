"""The topics of a broker, and their configuration."""

from collections.abc import Callable, Collection, Mapping

from confluent_kafka import Consumer, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType, TopicMetadata

from metrics.kafka import futures
from metrics.kafka.errors import client_errors
from metrics.kafka.futures import ASK_TIMEOUT_S
from metrics.time.deadline import Deadline
from metrics.wording.errors import DeniedError, TopicError

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


def require_listed(
    client: AdminClient | Consumer,
    servers: str | None,
    wanted: Mapping[str, str],
    create: Callable[[Collection[str]], str],
) -> dict[str, int]:
    """Check that topics exist.

    Args:
        servers: the broker's addresses, for the error.
        wanted: the topics by the variables that name them.
        create: returns the command that creates the missing ones.

    Returns:
        The number of partitions of each.

    Raises:
        TopicError: one is missing.
        BrokerError: the broker does not answer.
    """
    existing = soon_listed(client, wanted.values())
    missing = {variable: name for variable, name in wanted.items() if not existing.get(name)}
    if missing:
        topics = f"the topic {next(iter(missing.values()))} is" if len(missing) == 1 else "topics are"
        raise TopicError(
            f"{topics} missing on {servers}, or hidden from this user",
            why="\n".join(f"{variable}={name}" for variable, name in missing.items()),
            # Brokers do not list a topic to a user without the right to describe it.
            hint=f"create it: {create(missing.values())}\n"
            "if it exists, grant this user the right to describe it (Describe)",
        )
    return {name: existing[name] for name in wanted.values()}


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
