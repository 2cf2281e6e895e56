"""A Kafka of a test's own that has access rules: users who may do nothing, until they are given rules."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, AdminClient, ResourceType
from confluent_kafka.admin import ResourcePatternType as Pattern

from tests.kafka import own_kafka
from tests.kafka.application import TIMEOUT_S, Application

_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
_KINDS = {"cluster": ResourceType.BROKER, "transaction": ResourceType.TRANSACTIONAL_ID}


@contextmanager
def guarded(folder: Path, users: Iterable[str]) -> Iterator[dict[str, str]]:
    """Start a broker, and yield the addresses of its listeners: OPEN, which needs no rules, and PASSWORD."""
    passwords = " ".join(f'user_{user}="secret"' for user in users)
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "listener.name.password.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.password.plain.sasl.jaas.config": f"{_MODULE} required {passwords};",
    }
    with own_kafka.running(folder, properties, listeners={"PASSWORD": "SASL_PLAINTEXT"}) as addresses:
        yield addresses


def let_in_as(application: Application, user: str) -> None:
    """Let an application connect to the listener PASSWORD as a user."""
    application.variables |= {
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": user,
        "KAFKA_SASL_PASSWORD": "secret",
    }


def allow(
    open_address: str, user: str, kind: str, name: str, operations: str, pattern: Pattern = Pattern.LITERAL
) -> None:
    """Give a user rules.

    Args:
        kind: of resource, as docs/ name it, such as topic.
        operations: separated by commas, such as `Read, DescribeConfigs`.
    """
    admin = AdminClient({"bootstrap.servers": open_address})
    for operation in operations.split(", "):
        rule = AclBinding(
            _KINDS.get(kind) or ResourceType[kind.upper()],
            name,
            pattern,
            f"User:{user}",
            "*",
            AclOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation.strip()).upper()],
            AclPermissionType.ALLOW,
        )
        admin.create_acls([rule])[rule].result(TIMEOUT_S)
