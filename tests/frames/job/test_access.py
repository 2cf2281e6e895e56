"""The access rules in docs/operations.md: with them, and nothing else, everything works on a real broker."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from metrics.frames.producer import generator
from tests.kafka import own_kafka
from tests.kafka.application import PROJECT, TIMEOUT_S, Application

pytestmark = pytest.mark.broker

MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
FRAMES = list(generator.frames(count=2_000, rate=100, seed=5))
ROW = re.compile(r"^\| (job|readers|feed|prepare-topics)[^|]* \| (\w+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    users = " ".join(f'user_{name}="secret"' for name in ("job", "readers", "feed", "prepare-topics", "nobody"))
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "listener.name.password.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.password.plain.sasl.jaas.config": f"{MODULE} required {users};",
    }
    folder = tmp_path_factory.mktemp("guarded")
    with own_kafka.running(folder, properties, listeners={"PASSWORD": "SASL_PLAINTEXT"}) as addresses:
        yield addresses


def application(addresses: dict[str, str]) -> Application:
    made = Application(addresses["PASSWORD"])
    made.variables["OUTPUT_STREAM"] = made.topic("republished")
    return made


def let_in_as(application: Application, user: str) -> None:
    application.variables |= {
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": user,
        "KAFKA_SASL_PASSWORD": "secret",
    }


def allow(addresses: dict[str, str], application: Application, user: str) -> None:
    """Give a user what docs/operations.md says that it needs."""
    environment = application.environment()
    for role, kind, names, operations in ROW.findall((PROJECT / "docs/operations.md").read_text()):
        if role == user:
            for variable in re.findall(r"`(\w+)`", names):
                name = {"cluster": "kafka-cluster"}.get(variable) or environment[variable]
                for operation in operations.split(", "):
                    _create(addresses, kind.upper(), name, user, operation.strip())


def _create(addresses: dict[str, str], kind: str, name: str, user: str, operation: str) -> None:
    resource = {"CLUSTER": ResourceType.BROKER, "TRANSACTION": ResourceType.TRANSACTIONAL_ID}.get(kind)
    rule = AclBinding(
        resource or ResourceType[kind],
        name,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        AclOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()],
        AclPermissionType.ALLOW,
    )
    admin = AdminClient({"bootstrap.servers": addresses["OPEN"]})
    admin.create_acls([rule])[rule].result(TIMEOUT_S)


@pytest.mark.slow
def test_the_documented_rules_are_enough(addresses: dict[str, str], tmp_path: Path) -> None:
    app = application(addresses)
    for user in ("job", "readers", "feed", "prepare-topics"):
        allow(addresses, app, user)
    file = tmp_path / "frames.jsonl"
    file.write_bytes(b"\n".join([*FRAMES, b"no frame"]))
    let_in_as(app, "prepare-topics")
    app.run("prepare-topics", "/dev/null", "--partitions", "2")
    let_in_as(app, "feed")
    app.run("feed", file)
    app.run("feed", file, "--resume")
    let_in_as(app, "job")
    app.run("--until-end")
    app.run("--until-end")
    let_in_as(app, "readers")
    assert app.status()["frames"]["counted"] == 2_000
    assert '"num_of_frames"' in app.run("results", "--json")
    assert "agree" in app.run("verify")
    assert app.topic("seconds") in app.run("topics")


@pytest.mark.slow
def test_a_topic_that_is_hidden_is_not_called_missing_alone(addresses: dict[str, str]) -> None:
    app = application(addresses)
    let_in_as(app, "nobody")
    for arguments in (["--until-end"], ["status"], ["feed", "/dev/null"]):
        output = app.run(*arguments, exit_code=5)
        assert "or hidden from this user" in output
        assert "(Describe)" in output
