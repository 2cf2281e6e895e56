"""A topic of view events, the job of the application that counts it, and the tables that it must make."""

import json
import random
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from metrics.views import schema
from metrics.views.settings import ViewsSettings
from tests.kafka.application import TIMEOUT_S, Application
from tests.views.job.tables import check_counted_once

Record = tuple[int, bytes | None]  # partition, value
PARTITIONS = 3
NOW_S = 1_795_824_000  # 2026-11-28T00:00:00Z


class Topic:
    """A topic with what was sent to it, and a database with the tables of views."""

    def __init__(self, application: Application, database_url: str, partitions: int = PARTITIONS) -> None:
        self.application = application
        self.name = application.topic("view-events")
        self.url = database_url
        self.settings = ViewsSettings()
        self.records: dict[tuple[int, int], bytes | None] = {}
        self._admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
        application.variables |= {
            "DATABASE_URL": database_url,
            "VIEWS_TOPIC": self.name,
            "VIEWS_REJECTED_TOPIC": application.topic("rejected"),
            "VIEWS_COMMIT_S": "0.1",
        }
        with closing(schema.connect_to_schema(database_url, self.settings)) as connection:
            schema.init(connection, self.settings)
        self.create(partitions)
        rejected = application.topic("rejected")
        self._admin.create_topics([NewTopic(rejected, 1, 1)])[rejected].result(TIMEOUT_S)

    def create(self, partitions: int = PARTITIONS) -> None:
        config = {"retention.ms": "-1", "retention.bytes": "-1"}
        self._admin.create_topics([NewTopic(self.name, partitions, 1, config=config)])[self.name].result(TIMEOUT_S)

    def delete(self) -> None:
        self._admin.delete_topics([self.name])[self.name].result(TIMEOUT_S)

    def add_partitions(self, total: int) -> None:
        self._admin.create_partitions([NewPartitions(self.name, total)])[self.name].result(TIMEOUT_S)

    def send(self, records: Sequence[Record]) -> None:
        """Send records, and wait until they have arrived."""
        producer = Producer({"bootstrap.servers": self.application.bootstrap_servers, "linger.ms": 20})
        for partition, value in records:
            offset = sum(number == partition for number, _ in self.records)
            self.records[partition, offset] = value
            producer.produce(self.name, value, None, partition)
            producer.poll(0)
        assert producer.flush(TIMEOUT_S) == 0

    def started(self, *options: str) -> subprocess.Popen[str]:
        """Start a job that runs until it is stopped."""
        return self.application.start("views", "count", *options)

    def count(self, *options: str, exit_code: int = 0) -> str:
        """Count to the end of the topic, and return what was printed."""
        return self.application.run("views", "count", "--until-end", *options, exit_code=exit_code)

    @contextmanager
    def connected(self) -> Iterator[schema.Connection]:
        with closing(schema.open_views(self.url, self.settings)) as connection:
            yield connection

    def query(self, query: str, *values: object) -> list[Any]:
        with self.connected() as connection:
            return connection.execute(query.encode(), values).fetchall()

    def read(self) -> int:
        """Return how many records were counted, duplicates and invalid ones included."""
        [(read,)] = self.query("SELECT coalesce(sum(read), 0)::int FROM counts")
        return int(read)

    def has_begun(self) -> bool:
        return bool(self.query("SELECT 1 FROM consumed"))

    def check(self) -> None:
        """Check that each record was counted exactly once."""
        with self.connected() as connection:
            check_counted_once(connection, self.records)
            offsets = dict(connection.execute("SELECT partition, next_offset FROM consumed").fetchall())
        ends = dict.fromkeys(offsets, 0)
        for partition, offset in self.records:
            ends[partition] = max(ends[partition], offset + 1)
        assert offsets == ends


def event(identity: str, user: int, media: int, kind: str = "waypoint", time: int = NOW_S) -> bytes:
    fields: dict[str, Any] = {"EventId": identity, "MediaId": media, "UserId": user, "Timestamp": time}
    return json.dumps(fields | {"DateTime": "2026-11-28T00:00:00Z", "EventType": kind}).encode()


def drawn(seed: int, number: int, ids: int = 5_000) -> list[Record]:
    """Return records of few users and items: a tenth repeats an id, also in another partition; some are invalid."""
    draw = random.Random(seed)
    records: list[Record] = []
    for _ in range(number):
        user, identity = draw.randrange(60), draw.randrange(ids)
        if draw.random() < 0.03:
            records.append((draw.randrange(PARTITIONS), draw.choice([b"{", b"", None, b'{"EventId": ""}'])))
            continue
        kind = draw.choice(["waypoint"] * 5 + ["streamstart", "streamstop", "streamend"])
        value = event(f"{identity}", user, draw.randrange(30), kind, NOW_S - draw.randrange(86_400))
        records.append((user % PARTITIONS, value))
    return records
