"""A topic of view events, and tables that are filled with what the plain recount says of it."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from psycopg.sql import SQL, Identifier

from metrics.kafka.clients import open_admin
from metrics.kafka.topics import cluster_id, soon_listed, topic_id
from metrics.views import schema
from metrics.views.core.recount import Recount
from metrics.views.settings import ViewsSettings
from metrics.views.verify import run
from metrics.views.verify.findings import Findings
from metrics.views.verify.run import Verification
from tests.kafka.application import TIMEOUT_S
from tests.views.core.test_recount import MIDNIGHT, line

Sent = tuple[int, bytes | None]  # partition, value

LARGE = 2**63 - 1

# Partition 0: a user, a duplicate, an invalid record; 1: ids beyond 2^53; 2: the id "a" again, of another user.
RECORDS: list[Sent] = [
    (0, line("a", 1, 7, "streamstart", MIDNIGHT)),
    (0, line("b", 1, 7, time=MIDNIGHT + 30)),
    (0, line("b", 1, 7, time=MIDNIGHT + 30)),
    (0, b'{"EventId": "c"}'),
    (0, line("d", 1, 7, time=MIDNIGHT + 60)),
    (1, line("e", LARGE, LARGE, time=MIDNIGHT + 900)),
    (1, line("f", 3, LARGE - 1, "streamend", MIDNIGHT - 60)),
    (2, line("a", 2, 8, "streamstop", MIDNIGHT)),
    (2, line("g", 2, 7, time=MIDNIGHT + 61)),
]
ENDS = {0: 5, 1: 2, 2: 2}


class Topic:
    """A topic with three partitions, and the tables of views in an empty database."""

    def __init__(self, bootstrap_servers: str, database_url: str) -> None:
        name = f"test-{uuid.uuid4().hex[:12]}"
        self.settings = ViewsSettings(
            bootstrap_servers=bootstrap_servers,
            database_url=database_url,
            views_topic=f"{name}-events",
            views_rejected_topic=f"{name}-rejected",
        )
        self.url = database_url
        self.admin: AdminClient = open_admin(self.settings)
        with closing(schema.connect_to_schema(database_url, self.settings)) as connection:
            schema.init(connection, self.settings)
        self.create()

    def create(self) -> None:
        topic = NewTopic(self.settings.views_topic, 3, 1)
        self.admin.create_topics([topic])[topic.topic].result(TIMEOUT_S)
        assert soon_listed(self.admin, [topic.topic])

    def topic_id(self) -> str:
        return topic_id(self.admin, self.settings.views_topic)

    def send(self, records: Iterable[Sent]) -> None:
        """Send records to partitions, in order."""
        producer = Producer({"bootstrap.servers": self.settings.bootstrap_servers})
        for partition, value in records:
            producer.produce(self.settings.views_topic, value, partition=partition)
        assert producer.flush(TIMEOUT_S) == 0

    def execute(self, *statements: str) -> None:
        with closing(schema.open_views(self.url, self.settings)) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def fill(self, recount: Recount, ends: dict[int, int], since: int = 0) -> None:
        """Fill the tables with a recount of the records before these offsets."""
        own = cluster_id(self.admin), self.settings.views_topic, self.topic_id()
        users = [len(recount.viewers), *[0] * len(recount.counts)]
        counts = [
            (number, at.read, at.counted, at.duplicates, at.invalid, users[place])
            for place, (number, at) in enumerate(sorted(recount.counts.items()))
        ]
        tables: dict[str, list[tuple[Any, ...]]] = {
            "consumed": [(*own, number, end) for number, end in ends.items()],
            "counts": counts,
            "seen": [(uuid.UUID(bytes=digest), partition) for digest, partition in recount.seen.items()],
            "invalid": [(own[2], *place, list(reasons)) for place, reasons in recount.invalid.items()],
            "viewer": [(user,) for user in recount.viewers],
            "media": [(media, *row) for media, row in recount.media().items()],
            "user_media": [(user, media, number) for (media, user), number in recount.user_media.items()],
            "media_quarter": [(media, at(start), *row) for (media, start), row in recount.media_quarter.items()],
            "media_minute": [(media, at(start), *row) for (media, start), row in recount.media_minute.items()],
            "quarter": [(at(start), *row) for start, row in recount.quarter().items()],
            "minute": [(at(start), *row) for start, row in recount.minute().items()],
        }
        with closing(schema.open_views(self.url, self.settings)) as connection, connection.transaction():
            for table, rows in tables.items():
                for row in rows:
                    values = SQL(", ").join([SQL("%s")] * len(row))
                    connection.execute(SQL("INSERT INTO {} VALUES ({})").format(Identifier(table), values), row)
            connection.execute("UPDATE minutes_kept SET since = %s", (at(since),))

    @contextmanager
    def opened(self, most: int = 10) -> Iterator[Verification]:
        """Open a verification of the present tables."""
        with (
            closing(schema.open_views(self.url, self.settings)) as connection,
            run.opened(self.settings, connection, Findings(most)) as opened,
        ):
            yield opened

    def verified(self, most: int = 10) -> Verification:
        """Verify the tables."""
        with self.opened(most) as opened:
            opened.recount(lambda _: None)
            opened.compare(lambda _: None)
        return opened


def recounted(records: Iterable[Sent], since: int = 0) -> Recount:
    """Count records of partitions, in this order."""
    recount, offsets = Recount(since), dict.fromkeys(range(3), 0)
    for partition, value in records:
        recount.take(partition, offsets[partition], value)
        offsets[partition] += 1
    return recount


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def differing(verification: Verification) -> dict[str, int]:
    """Return the number of differences of each table that has any."""
    compared = verification.findings.compared.values()
    return {found.table.name: found.differences for found in compared if found.differences}
