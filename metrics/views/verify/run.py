"""Verification: everything that was counted is counted again, and compared with the tables."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from itertools import repeat
from uuid import UUID

import psycopg
from confluent_kafka import Consumer

from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.reader import Progress, Streams
from metrics.postgres.connect import database_errors
from metrics.views.core.recount import PartitionCounts
from metrics.views.schema import Connection
from metrics.views.settings import ViewsSettings
from metrics.views.verify import tables
from metrics.views.verify.counting import TopicRecount, by_time
from metrics.views.verify.findings import Findings
from metrics.views.verify.laws import LAWS, USERS, Law
from metrics.views.verify.matching import Difference, Row, differences
from metrics.views.verify.seen import SeenIds
from metrics.views.verify.snapshot import Snapshot, take_snapshot
from metrics.views.verify.tables import ComparedTable
from metrics.wording.text import numbered


class Verification:
    """Verification of one snapshot, ready to run: first `recount`, then `compare`.

    Attributes:
        offsets: upper bound of the number of records to read, by their offsets.
        findings: the findings.
    """

    def __init__(self, consumer: Consumer, connection: Connection, snapshot: Snapshot, findings: Findings) -> None:
        self.findings = findings
        self.snapshot = snapshot
        self.offsets = sum(part.end - part.start for part in snapshot.ranges)
        self._consumer = consumer
        self._connection = connection
        self._seen = SeenIds()
        self._recount = TopicRecount(self._seen, snapshot.since)
        self._cut: set[int] = set()

    def recount(self, on_progress: Callable[[int], None]) -> None:
        """Read the topic up to the offsets of the snapshot; compare what depends on a single record.

        Raises:
            BrokerError, StateError: the topic cannot be read.
            DatabaseError: the database does not answer.
            FileError: sums cannot be written to disk.
        """
        self._seen.add((digest, partition) for digest, partition in tables.seen_rows(self._connection))
        stored = tables.invalid_rows(self._connection)
        self.findings.add(tables.INVALID, differences(self._invalid(Progress(on_progress)), self._kept(stored), keys=3))
        self.findings.records = sum(counts.read for counts in self._recount.counts.values())
        self._find_what_is_whole()

    def compare(self, on_progress: Callable[[str], None]) -> None:
        """Compare the tables; without the first records of the topic, what follows from each other.

        Args:
            on_progress: called with the name of each table.

        Raises:
            DatabaseError: the database does not answer.
        """
        on_progress(tables.SEEN.name)
        self.findings.add(tables.SEEN, self._ids())
        self.findings.add(tables.COUNTS, self._counts())
        if self.findings.is_whole:
            for table, rows in self._expected():
                on_progress(table.name)
                stored = tables.stored_rows(self._connection, table, self.snapshot.since)
                self.findings.add(table, differences(iter(rows), stored, len(table.keys)))
        for law in [USERS] if self.findings.is_whole else LAWS:
            on_progress(law.table.name)
            self.findings.add(law.table, self._follows(law))

    def _invalid(self, progress: Progress) -> Iterator[Row]:
        """Count each partition again; yield what the table of invalid records must have."""
        for part in self.snapshot.ranges:
            messages = progress.over(part, Streams(self._consumer, [part]).of(part.topic, part.partition))
            for place in self._recount.take(part.partition, messages):
                yield self.snapshot.topic_id, *place

    def _kept(self, invalid: Iterator[Row]) -> Iterator[Row]:
        """Leave out records that the topic no longer has."""
        starts = {part.partition: part.start for part in self.snapshot.ranges}
        for row in invalid:
            topic_id, partition, offset, _ = row
            is_former = topic_id != self.snapshot.topic_id and self.snapshot.has_former
            if not is_former and offset >= starts.get(partition, 0):
                yield row

    def _find_what_is_whole(self) -> None:
        """Find the partitions whose counted records are no longer all in the topic.

        If the first offsets are gone, they may have been gone when the partition was first read; then the number of
        remaining records equals the number counted.
        """
        snapshot = self.snapshot
        if snapshot.has_former:
            self.findings.is_whole = False
            self._cut.update(part.partition for part in snapshot.ranges)
            self.findings.remarks.append(
                f"records of a former topic {snapshot.topic} were counted, too, and cannot be counted again"
            )
            return
        for part in snapshot.ranges:
            lost = (
                snapshot.counts.get(part.partition, PartitionCounts()).read - self._recount.counts[part.partition].read
            )
            if lost > 0 and (part.start > 0 or part.end < snapshot.ends[part.partition]):
                self._cut.add(part.partition)
                self.findings.is_whole = False
                self.findings.remarks.append(
                    f"{part.topic}/{part.partition} now begins at offset {part.start:,} and ends at {part.end:,}: "
                    f"{numbered(lost, 'record')} that were counted cannot be counted again"
                )

    def _ids(self) -> Iterator[Difference | None]:
        """Yield the differences of ids; of those that are in the database alone only if the topic is whole."""
        found = len(self._seen)
        for digest, partition in self._seen.missing.items():
            yield Difference((_uuid(digest),), (partition,), None)
        for digest, partition in self._seen.not_found():
            found -= 1
            if self.findings.is_whole:
                yield Difference((_uuid(digest),), None, (partition,))
        yield from repeat(None, found)

    def _counts(self) -> Iterator[Difference | None]:
        rows = [
            (
                (number, *astuple(counts))
                for number, counts in sorted(by_partition.items())
                if self._has_counts(number, counts)
            )
            for by_partition in (self._recount.counts, self.snapshot.counts)
        ]
        return differences(rows[0], rows[1], keys=1)

    def _has_counts(self, partition: int, counts: PartitionCounts) -> bool:
        return partition not in self._cut and counts != PartitionCounts()

    def _expected(self) -> list[tuple[ComparedTable, Iterable[Row]]]:
        recount = self._recount
        return [
            (tables.VIEWER, recount.viewers),
            (tables.USER_MEDIA, recount.user_media),
            (tables.MEDIA, recount.media()),
            (tables.MEDIA_QUARTER, recount.media_quarter),
            (tables.QUARTER, by_time(recount.media_quarter)),
            (tables.MEDIA_MINUTE, recount.media_minute),
            (tables.MINUTE, by_time(recount.media_minute)),
        ]

    def _follows(self, law: Law) -> Iterator[Difference | None]:
        rows = [
            tables.fetched(self._connection, f"{law.table.name} {which}", query, {"since": self.snapshot.since})
            for which, query in (("derived", law.derived), ("stored", law.stored))
        ]
        return differences(rows[0], rows[1], len(law.table.keys))


def _uuid(digest: bytes) -> str:
    """Return a digest as SQL shows it."""
    return str(UUID(bytes=digest))


@contextmanager
def opened(settings: ViewsSettings, connection: Connection, findings: Findings) -> Iterator[Verification]:
    """Open a verification of the present tables: for its duration, the database keeps the rows of this moment.

    Raises:
        StateError: the tables were counted from another topic, or the topic was recreated.
        MetricsError: the broker or the database prevents it.
    """
    admin, consumer = open_admin(settings), open_reader(settings)
    try:
        with database_errors("the tables cannot be read"):
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.execute("SET idle_in_transaction_session_timeout = 0")  # reading the topic may take long
        with database_errors("the tables cannot be read"), connection.transaction():
            yield Verification(consumer, connection, take_snapshot(connection, admin, settings), findings)
    finally:
        consumer.close()
