"""How far events were counted: outcomes of records, offsets, and the instance that committed last."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from metrics.kafka.job.heartbeat import Instance
from metrics.views.answers.snapshot import snapshot
from metrics.views.schema import Connection


class Outcomes(NamedTuple):
    """Outcomes of the records of a partition: read = counted + duplicates + invalid."""

    read: int
    counted: int
    duplicates: int
    invalid: int


class Consumed(NamedTuple):
    """Offsets up to which a topic was counted.

    Attributes:
        next_offsets: of each partition, the offset of the first record that is not counted.
        instance: that committed last.
    """

    next_offsets: dict[int, int]
    instance: Instance | None


class Counted(NamedTuple):
    """State of the tables.

    Attributes:
        outcomes: by partition.
        consumed: by the ids of cluster and topic; more than one, or none, if the topic was recreated.
        minutes_since: events before this time are not in trends by minute.
    """

    outcomes: dict[int, Outcomes]
    users: int
    last_commit: datetime | None
    consumed: dict[tuple[str, str], Consumed]
    minutes_since: datetime


def read_counted(connection: Connection, topic: str) -> Counted:
    """Return how far a topic was counted.

    Raises:
        DatabaseError: the database does not answer.
    """
    with snapshot(connection):
        query = "SELECT partition, users, committed_at, read, counted, duplicates, invalid FROM counts"
        counts = connection.execute(query).fetchall()
        query = "SELECT cluster_id, topic_id, partition, next_offset, instance FROM consumed WHERE topic = %s"
        offsets = connection.execute(query, (topic,)).fetchall()
        [(since,)] = connection.execute("SELECT since FROM minutes_kept").fetchall()
    consumed: dict[tuple[str, str], Consumed] = {}
    for cluster_id, topic_id, partition, next_offset, instance in sorted(offsets):
        known = consumed.setdefault((cluster_id, topic_id), Consumed({}, None))
        known.next_offsets[partition] = next_offset
        if instance is not None:
            consumed[cluster_id, topic_id] = known._replace(instance=msgspec.convert(instance, Instance))
    return Counted(
        {partition: Outcomes(*outcomes) for partition, _, _, *outcomes in sorted(counts)},
        sum(users for _, users, *_ in counts),
        max((committed_at for _, _, committed_at, *_ in counts), default=None),
        consumed,
        since,
    )
