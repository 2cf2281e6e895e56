"""Missing permissions, by the error codes of the broker."""

from collections.abc import Iterable

from confluent_kafka import KafkaError

_ALLOW = {
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "Write and Describe on the transactional id CONSUMER_GROUP_ID",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "IdempotentWrite on the cluster",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "Read on the group CONSUMER_GROUP_ID",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "Read on INPUT_TOPIC, and Write on the topics that are written to",
}


def to_allow(codes: Iterable[int]) -> str:
    """Return the permissions that the user needs, a line each; empty if no error is about permissions."""
    return "\n".join(f"allow this user {_ALLOW[code]}" for code in dict.fromkeys(codes) if code in _ALLOW)
