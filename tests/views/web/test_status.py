"""The status: what is known of tables, topics and this server, and why the rest is not."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import msgspec
import pytest
from confluent_kafka import Producer
from psycopg.types.json import Jsonb

from metrics.kafka.clients import open_admin
from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.topics import cluster_id, topic_id
from metrics.views import topics_in_use
from metrics.views.schema import Connection
from metrics.views.settings import ViewsSettings
from metrics.views.taking.figures import TakingFigures
from tests.views.filled import Watched, fill, open_tables
from tests.views.web.asked import asking
from tests.views.web.taken import line, settings_of

TAKEN = TakingFigures(12, 10, 2, {"missing EventId": 2}, 1, 1_764_331_200.5)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with closing(open_tables(database_url)) as opened:
        yield opened


def status(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/views/status")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def consume(connection: Connection, key: tuple[str, str, str], offsets: dict[int, int], instance: Instance) -> None:
    """Store offsets, and the instance that committed them."""
    for partition, offset in offsets.items():
        committed = Jsonb(msgspec.to_builtins(instance)) if partition == 0 else None
        connection.execute(
            "INSERT INTO consumed VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (cluster_id, topic, topic_id, partition) "
            "DO UPDATE SET next_offset = excluded.next_offset, instance = excluded.instance",
            (*key, partition, offset, committed),
        )


def test_without_a_broker_the_rest_is_known(database_url: str, connection: Connection) -> None:
    fill(connection, [Watched(1, 7, number=3), Watched(2, 7)])
    consume(connection, ("c", "view-events", "t"), {0: 4, 1: 0}, Instance("a", 5).stopped())
    with asking(database_url, taking=lambda: TAKEN) as client:
        found = status(client)
    assert (found["read"], found["counted"], found["duplicates"], found["invalid"], found["users"]) == (4, 4, 0, 0, 2)
    assert (found["lag"], found["rejected_in_topic"]) == (None, None)
    assert found["unknown"].keys() == {"lag", "rejected_in_topic"}
    assert found["rates"] == {"read": 0.0, "counted": 0.0}
    assert "127.0.0.1:1" in found["unknown"]["lag"]
    first, second = found["partitions"]
    assert first == {
        "partition": 0,
        "next_offset": 4,
        "end_offset": None,
        "lag": None,
        "read": 4,
        "counted": 4,
        "duplicates": 0,
        "invalid": 0,
    }
    assert (second["partition"], second["next_offset"], second["read"]) == (1, 0, 0)
    assert found["job"]["is_active"] is False
    assert found["job"]["why"] == "instance a was stopped"
    assert found["job"]["last_commit"] is not None
    assert found["minutes_since"] == "1970-01-01T00:00:00Z"
    assert found["taking"] == {
        "lines": 12,
        "accepted": 10,
        "rejected": 2,
        "by_reason": {"missing EventId": 2},
        "uploads_open": 1,
        "since": "2025-11-28T12:00:00Z",
    }


@pytest.mark.usefixtures("connection")
def test_before_anything_was_counted(database_url: str) -> None:
    with asking(database_url) as client:
        found = status(client)
    assert (found["read"], found["users"], found["partitions"], found["taking"]) == (0, 0, [], None)
    assert found["unknown"]["taking"] == "this server takes no events"
    assert found["job"] == {
        "is_active": False,
        "why": "nothing was committed yet",
        "instance": None,
        "last_commit": None,
    }


def produce(settings: ViewsSettings, topic: str, values: dict[int, list[bytes]]) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap_servers})
    for partition, of_partition in values.items():
        for value in of_partition:
            producer.produce(topic, value, partition=partition)
    assert producer.flush(60) == 0


@pytest.fixture
def settings(bootstrap_servers: str) -> ViewsSettings:
    settings = settings_of(bootstrap_servers, views_partitions=2)
    topics_in_use.create(open_admin(settings), settings)
    return settings


def test_the_lag_is_what_the_topic_has_beyond_the_committed_offsets(
    database_url: str, connection: Connection, settings: ViewsSettings
) -> None:
    admin = open_admin(settings)
    produce(settings, settings.views_topic, {0: [line("a"), line("b"), line("c")], 1: [line("d")]})
    produce(settings, settings.views_rejected_topic, {0: [b"x", b"y"]})
    topics = (settings.views_topic, settings.views_rejected_topic)
    key = (cluster_id(admin), topics[0], topic_id(admin, topics[0]))
    with asking(database_url, settings.bootstrap_servers or "", topics=topics) as client:
        found = status(client)
        assert (found["lag"], found["rejected_in_topic"]) == (4, 2)
        assert [(each["next_offset"], each["end_offset"], each["lag"]) for each in found["partitions"]] == [
            (None, 3, 3),
            (None, 1, 1),
        ]
        consume(connection, key, {0: 2, 1: 1}, Instance("a", 5))
        found = status(client)
        assert (found["lag"], [each["lag"] for each in found["partitions"]]) == (1, [1, 0])
        assert found["job"] == {"is_active": True, "why": None, "instance": "instance a", "last_commit": None}


def test_a_recreated_topic_has_no_lag(database_url: str, connection: Connection, settings: ViewsSettings) -> None:
    topics = (settings.views_topic, settings.views_rejected_topic)
    consume(connection, ("c", topics[0], "before"), {0: 2, 1: 1}, Instance("a", 5))
    with asking(database_url, settings.bootstrap_servers or "", topics=topics) as client:
        found = status(client)
    assert found["lag"] is None
    assert "recreated" in found["unknown"]["lag"]
    assert found["rejected_in_topic"] == 0
