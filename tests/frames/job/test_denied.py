"""Denied requests: reported in the broker's own words, and never as a takeover by another instance."""

from collections.abc import Iterator
from itertools import count
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

from tests.kafka import cluster
from tests.kafka.application import Application, finish, frame, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

T = 1468244340  # 2016-07-11T13:39:00Z
AUTHORIZER = """
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a broker that asks its access control lists."""
    with cluster.running(tmp_path_factory.mktemp("guarded"), nodes=1, more=AUTHORIZER) as one:
        yield one.address


def deny(application: Application, kind: ResourceType, name: str, operation: AclOperation) -> None:
    """Deny everybody an operation; to see what it is about is still allowed."""
    denied = (operation, AclPermissionType.DENY)
    seen = [(AclOperation.DESCRIBE, AclPermissionType.ALLOW), (AclOperation.DESCRIBE_CONFIGS, AclPermissionType.ALLOW)]
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    bindings = [
        AclBinding(kind, name, ResourcePatternType.LITERAL, "User:*", "*", *rule)
        for rule in [denied, *(seen if kind == ResourceType.TOPIC else [])]
    ]
    for future in admin.create_acls(bindings).values():
        future.result(30)


@pytest.mark.parametrize(
    ("kind", "operation", "said", "allow"),
    [
        (
            ResourceType.TRANSACTIONAL_ID,
            AclOperation.WRITE,
            "Transactional Id authorization failed",
            "Write and Describe on the transactional id CONSUMER_GROUP_ID",
        ),
        (
            ResourceType.GROUP,
            AclOperation.DESCRIBE,
            "Group authorization failed",
            "Read on the group CONSUMER_GROUP_ID",
        ),
    ],
)
def test_a_start_that_is_denied_ends_at_once_in_the_words_of_the_broker(
    guarded: str, tmp_path: Path, kind: ResourceType, operation: AclOperation, said: str, allow: str
) -> None:
    application = Application(guarded)
    application.prepare(tmp_path, [frame(T, "a")])
    deny(application, kind, application.name, operation)
    output = application.run("--until-end", exit_code=4)
    assert said in output
    assert f"hint: allow this user {allow}" in output
    assert "retrying for" not in output
    assert "another instance" not in output


@pytest.mark.parametrize(
    ("kind", "role", "operation", "allow"),
    [
        (ResourceType.GROUP, "", AclOperation.READ, "Read on the group CONSUMER_GROUP_ID"),
        (ResourceType.TOPIC, "-seconds", AclOperation.WRITE, "Read on the topics that are read, and Write on"),
    ],
)
def test_a_permission_denied_during_a_run_ends_it_with_what_to_allow(
    guarded: str, tmp_path: Path, kind: ResourceType, role: str, operation: AclOperation, allow: str
) -> None:
    application = Application(guarded, {"BROKER_TIMEOUT_S": "2"})
    application.prepare(tmp_path, [frame(T, "a")])
    process = application.start()
    wait_until(lambda: application.heartbeats() > 1, "it lives")
    deny(application, kind, application.name + role, operation)
    later = count(1)  # the broker denies it from some moment on: until then, windows are published

    def has_ended() -> bool:
        application.send([frame(T + next(later), "a")])
        return process.poll() is not None

    wait_until(has_ended, "it has ended")
    output = finish(process, exit_code=4)
    assert f"allow this user {allow}" in output
    assert "another instance" not in output


def test_a_group_without_read_permission_is_reported_as_denied_and_not_as_unanswered(
    guarded: str, tmp_path: Path
) -> None:
    application = Application(guarded)
    application.prepare(tmp_path, [frame(T, "a")])
    deny(application, ResourceType.GROUP, application.name, AclOperation.DESCRIBE)
    output = application.run("status", exit_code=4)
    assert "Group authorization failed" in output
    assert "hint: allow this user Read on the group CONSUMER_GROUP_ID" in output


def test_a_transaction_time_out_above_the_limit_of_the_broker_is_an_error_of_settings(
    application: Application, tmp_path: Path
) -> None:
    application.variables["KAFKA_TRANSACTION_TIMEOUT_MS"] = "3600000"
    application.prepare(tmp_path, [frame(T, "a")])
    for options in (["--until-end"], ["--standby"]):
        output = application.run(*options, exit_code=2)
        assert "max.transaction.timeout.ms" in output
        assert "lower KAFKA_TRANSACTION_TIMEOUT_MS" in output
