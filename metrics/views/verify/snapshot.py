"""A snapshot of all tables, and the records of the topic that it was counted from."""

from typing import NamedTuple

from confluent_kafka.admin import AdminClient
from psycopg.rows import class_row

from metrics.kafka.offsets import offset_ranges
from metrics.kafka.reader import PartitionRange
from metrics.kafka.topics import cluster_id, partition_counts, topic_id
from metrics.postgres.connect import database_errors
from metrics.views.core.recount import PartitionCounts
from metrics.views.schema import Connection
from metrics.views.settings import ViewsSettings
from metrics.wording.errors import StateError


class _Identity(NamedTuple):
    cluster_id: str
    topic: str
    topic_id: str


class _Consumed(NamedTuple):
    cluster_id: str
    topic: str
    topic_id: str
    partition: int
    next_offset: int


class Snapshot(NamedTuple):
    """Offsets and counts of the tables.

    Attributes:
        has_former: whether records of a former topic of this name, or of another cluster, were counted, too.
        ends: the offset after the last record that was counted, of each partition.
        ranges: of each partition, the records before that offset that the topic still has.
        counts: the counts of each partition.
        since: the second before which no minutes are kept.
    """

    topic: str
    topic_id: str
    has_former: bool
    ends: dict[int, int]
    ranges: list[PartitionRange]
    counts: dict[int, PartitionCounts]
    since: int


def take_snapshot(connection: Connection, admin: AdminClient, settings: ViewsSettings) -> Snapshot:
    """Return the snapshot of a transaction in which every statement sees the same rows.

    Raises:
        StateError: the tables were counted from another topic, or the topic was recreated.
        DatabaseError: the database does not answer.
        BrokerError: the broker does not answer.
    """
    topic = settings.views_topic
    consumed, counts, since = _read(connection)
    own = _Identity(cluster_id(admin), topic, topic_id(admin, topic))
    ends = {row.partition: row.next_offset for row in consumed if row[:3] == own}
    former = [row for row in consumed if row[:3] != own]
    _require_same_topic(former, own, settings, has_own=bool(ends))
    held = offset_ranges(admin, topic, partition_counts(admin)[topic])
    ranges = [
        PartitionRange(topic, number, min(held[number].low, end), min(held[number].high, end))
        for number, end in ends.items()
    ]
    return Snapshot(topic, own.topic_id, bool(former), ends, ranges, counts, since)


def _read(connection: Connection) -> tuple[list[_Consumed], dict[int, PartitionCounts], int]:
    with database_errors("the tables cannot be read"):
        consumed = (
            connection.cursor(row_factory=class_row(_Consumed))
            .execute("SELECT cluster_id, topic, topic_id, partition, next_offset FROM consumed ORDER BY partition")
            .fetchall()
        )
        counts = connection.execute("SELECT partition, read, counted, duplicates, invalid FROM counts").fetchall()
        [since] = connection.execute("SELECT extract(epoch FROM since)::bigint FROM minutes_kept").fetchone() or (0,)
    return consumed, {partition: PartitionCounts(*numbers) for partition, *numbers in counts}, since


def _require_same_topic(former: list[_Consumed], own: _Identity, settings: ViewsSettings, *, has_own: bool) -> None:
    for other in former:
        if other.topic != own.topic:
            raise StateError(
                f"the schema {settings.views_schema} has the events of another topic",
                why=f"VIEWS_TOPIC={own.topic}, but the tables count {other.topic}",
                hint="set VIEWS_TOPIC to that topic, or VIEWS_SCHEMA to the tables of this one",
            )
    if has_own or not former:
        return
    other = former[0]
    if other.cluster_id != own.cluster_id:
        raise StateError(
            f"the tables count {own.topic} of another cluster",
            why=f"they were counted from the cluster {other.cluster_id}, this one is {own.cluster_id}",
            hint="set BOOTSTRAP_SERVERS to that cluster",
        )
    raise StateError(
        f"the topic {own.topic} was deleted and recreated",
        why=f"the tables were counted from the topic with the id {other.topic_id}, this one is {own.topic_id}",
        hint="its events are gone, so nothing can be counted again",
    )
