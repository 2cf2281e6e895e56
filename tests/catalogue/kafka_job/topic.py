"""A topic with records of movies, its load by the application, and what that must give."""

import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from metrics.catalogue import schema
from metrics.postgres.connect import connect
from tests.kafka.application import TIMEOUT_S, Application

Record = tuple[bytes | None, bytes | None, int]  # key, value, partition


class Topic:
    """A topic of one model, and a database with the tables of the catalogue."""

    def __init__(
        self, application: Application, database_url: str, model: str, partitions: int = 1, **config: str
    ) -> None:
        self.application = application
        self.model = model
        self.name = application.topic(model)
        self._url = database_url
        application.variables["DATABASE_URL"] = database_url
        with closing(connect(database_url)) as connection:
            schema.init(connection)
        self.create(partitions, **config)

    def create(self, partitions: int = 1, **named: str) -> None:
        """Create the topic with settings of its own, named with _ for each dot."""
        admin = AdminClient({"bootstrap.servers": self.application.bootstrap_servers})
        config = {"cleanup.policy": "delete"} | {name.replace("_", "."): value for name, value in named.items()}
        admin.create_topics([NewTopic(self.name, partitions, 1, config=config)])[self.name].result(TIMEOUT_S)

    def add_partitions(self, total: int) -> None:
        admin = AdminClient({"bootstrap.servers": self.application.bootstrap_servers})
        admin.create_partitions([NewPartitions(self.name, total)])[self.name].result(TIMEOUT_S)

    def send(self, records: Iterable[Record], producer: Producer | None = None, timestamp_ms: int = 0) -> None:
        """Send records, at the present time if no other is given, and wait until they have arrived."""
        sending = producer or Producer({"bootstrap.servers": self.application.bootstrap_servers, "linger.ms": 20})
        for key, value, partition in records:
            sending.produce(self.name, value, key, partition, timestamp=timestamp_ms)
            sending.poll(0)
        assert sending.flush(TIMEOUT_S) == 0

    def arguments(self, *options: str) -> list[str]:
        return ["catalogue", "load", "--model", self.model, "--config", f"kafka://{self.name}", *options]

    def load(self, *options: str, exit_code: int = 0) -> dict[str, Any]:
        """Load to the end of the topic, and return what became of the records."""
        return self.application.answer(*self.arguments("--until-end", "--json", *options), exit_code=exit_code)

    def refused(self, exit_code: int, *options: str) -> str:
        """Try to load, see it refused, and return what was printed."""
        return self.application.run(*self.arguments("--until-end", *options), exit_code=exit_code)

    def query(self, query: str, *values: object) -> list[Any]:
        with closing(connect(self._url)) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def offsets(self) -> list[tuple[int, int]]:
        return self.query("SELECT partition, next_offset FROM catalogue_offset WHERE topic = %s ORDER BY 1", self.name)

    def rejected(self) -> list[tuple[str, str, str, str]]:
        return self.query("SELECT position, reason, detail, record FROM catalogue_rejected ORDER BY id")

    def committed(self) -> int:
        """Return how many records all loads have committed."""
        [(read,)] = self.query("SELECT coalesce(sum(read), 0)::int FROM catalogue_load")
        return int(read)


def movie(title: str, minutes: Any = 100, partition: int = 0) -> Record:
    record = {"title": title, "duration_mins": minutes, "original_language": "en", "size_mb": 700}
    return title.encode(), json.dumps(record).encode(), partition


def gone(key: str, partition: int = 0) -> Record:
    return key.encode(), None, partition


def sums(load: dict[str, Any], *names: str) -> list[int]:
    """Return some sums of a load; each record has one outcome."""
    outcomes = ("inserted", "updated", "unchanged", "repeated", "rejected")
    assert load["read"] == sum(load[name] for name in outcomes)
    return [load[name] for name in names]


class Expected:
    """The table as a plain dictionary: of each key the last record counts."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, int, bool]] = {}
        self.wrong = 0

    def take(self, records: Sequence[Record]) -> None:
        for key, value, _ in records:
            title = (key or b"").decode().lower()
            if value is None:
                if title in self.rows:
                    self.rows[title] = (*self.rows[title][:2], True)
                continue
            fields = json.loads(value)
            if not isinstance(fields["duration_mins"], int):
                self.wrong += 1
            else:
                self.rows[title] = fields["title"], fields["duration_mins"], False


def rows(topic: Topic) -> dict[str, tuple[str, int, bool]]:
    found = topic.query("SELECT lower(title), title, duration_mins, gone_at IS NOT NULL FROM movie")
    return {key: (title, minutes, is_gone) for key, title, minutes, is_gone in found}
