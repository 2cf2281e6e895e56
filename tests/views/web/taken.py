"""The routes that take events, served over a real broker, and what is in the topics afterwards."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from socket import create_server
from threading import Event, Thread
from typing import Any, NamedTuple, cast

import httpx
from confluent_kafka import Consumer, TopicPartition

from metrics.kafka.clients import open_admin
from metrics.kafka.offsets import offset_ranges
from metrics.kafka.topics import partition_counts
from metrics.views import topics_in_use
from metrics.views.settings import ViewsSettings
from metrics.views.taking.taker import Taker
from metrics.views.web import taking
from metrics.views.web.system import ERROR_FORMS
from metrics.web.app import System, create_app
from metrics.web.server import Server
from tests.kafka.application import TIMEOUT_S

LINES = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}


def settings_of(bootstrap_servers: str, **others: Any) -> ViewsSettings:
    """Return settings with topics of their own."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    topics: dict[str, Any] = {"views_topic": f"{name}-events", "views_rejected_topic": f"{name}-rejected"}
    return ViewsSettings(bootstrap_servers=bootstrap_servers, **topics, **others)


def event(event_id: str, media: int = 1, user: int = 7, **others: Any) -> dict[str, Any]:
    given = {"EventId": event_id, "MediaId": media, "UserId": user, "Timestamp": 1_795_000_000}
    return given | {"DateTime": "2026-11-18T15:06:40Z", "EventType": "waypoint"} | others


def line(event_id: str, **others: Any) -> bytes:
    return json.dumps(event(event_id, **others)).encode()


class Serving(NamedTuple):
    """A server that runs in a thread."""

    client: httpx.Client
    port: int
    taker: Taker
    stopping: Event


@contextmanager
def serving(settings: ViewsSettings, *, token: str | None = None, is_loopback: bool = True) -> Iterator[Serving]:
    """Serve the routes in a thread until the end of a test."""

    def require_topics() -> None:
        admin = open_admin(settings)
        topics_in_use.create(admin, settings)
        topics_in_use.check(admin, settings, print)

    started, stopping = Event(), Event()
    with closing(Taker(settings, require_topics)) as taker, create_server(("127.0.0.1", 0), backlog=256) as listening:
        routers = [taking.routes(taker, settings)]
        system = System(routers, taking.ANSWERS, [], lambda: None, lambda: None, taker.stop, ERROR_FORMS)
        app = create_app([system], title="Views", about="", token=token, is_loopback=is_loopback)
        web = Server(app, stopping, on_start=started.set, on_stop=system.stop)
        thread = Thread(target=lambda: asyncio.run(web.serve([listening])))
        thread.start()
        try:
            assert started.wait(TIMEOUT_S)
            port = listening.getsockname()[1]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_S) as client:
                yield Serving(client, port, taker, stopping)
        finally:
            stopping.set()
            thread.join(TIMEOUT_S)
    assert not thread.is_alive()


class Stored(NamedTuple):
    """A record of a topic."""

    partition: int
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]


def stored(settings: ViewsSettings, topic: str) -> list[Stored]:
    """Return all records of a topic, those of each partition in their order."""
    admin = open_admin(settings)
    ranges = offset_ranges(admin, topic, partition_counts(admin)[topic])
    consumer = Consumer({"bootstrap.servers": settings.bootstrap_servers, "group.id": "test", "check.crcs": True})
    found: list[Stored] = []
    with closing(consumer):
        consumer.assign([TopicPartition(topic, partition, 0) for partition in ranges])
        wanted = sum(offsets.high - offsets.low for offsets in ranges.values())
        while len(found) < wanted:
            for message in consumer.consume(wanted - len(found), 1.0):
                assert message.error() is None
                headers = cast("list[tuple[str, bytes]]", message.headers() or [])
                found.append(Stored(message.partition() or 0, message.key(), message.value() or b"", dict(headers)))
    return sorted(found, key=lambda record: record.partition)
