"""The sink of the job: what a batch adds to the tables, and the offsets after it, all or nothing."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Event

from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.sql_sink import Connection, OffsetTable, SqlSink
from metrics.message import KafkaMessage
from metrics.postgres.connect import database_errors
from metrics.views.job import statements
from metrics.views.job.batch import Batch, InvalidRecord
from metrics.views.job.listener import JobCounts

DAY_S, HOUR_S, QUARTER_S = 86_400, 3_600, 900
# In one transaction: the number that a batch adds at most, by default, so that deleting keeps up.
MOST_DELETED = 20_000


class CountSink:
    """Sink of view events.

    Args:
        budget: reset by each commit of records.
        minutes_days: how many days before now the trends by minute go back.
        now_s: wall time, in seconds since the epoch.

    Attributes:
        offsets: the sink of offsets, which knows no system.
        counts: outcomes of all records so far, as committed.
        invalid: the invalid records of the last commit.
    """

    def __init__(
        self,
        connection: Connection,
        offsets: SqlSink,
        budget: RetryBudget,
        minutes_days: int,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self.offsets = offsets
        self._topic_id = offsets.topic_id
        self._budget = budget
        self.invalid: list[InvalidRecord] = []
        self._minutes = _Minutes(connection, minutes_days, now_s)
        with database_errors("events cannot be staged"):
            connection.execute(statements.CREATE_STAGED)
            # A plan for a large batch, used again for a small one, may read the whole table.
            connection.execute("SET plan_cache_mode = force_custom_plan")
            self.counts = self._read_counts()

    def begin(self, starts: Mapping[int, int]) -> None:
        """Commit the offsets to read from.

        Raises:
            TransactionLostError, DatabaseError: as `SqlSink.transaction`.
        """
        with self.offsets.transaction(starts):
            pass

    def other_cluster(self, table: OffsetTable) -> str | None:
        """Return the id of another cluster whose topic of this name was counted.

        Raises:
            DatabaseError: the database does not answer.
        """
        with database_errors("the database does not return the offsets"):
            values = (table.topic, table.cluster_id)
            found = self._connection.execute(statements.OTHER_CLUSTER, values).fetchone()
        return None if found is None else str(found[0])

    def commit(self, messages: Sequence[KafkaMessage], next_offsets: Mapping[int, int], stopping: Event) -> bool:  # noqa: ARG002
        """Count messages; it never waits for its turn, so it returns true.

        Raises:
            TransactionLostError, DatabaseError: as `SqlSink.transaction`.
        """
        batch = Batch(messages)
        with self.offsets.transaction(next_offsets, lambda: self._stage(batch)):
            self._minutes.forget()
            counts = self._count(batch) if messages else self.counts
        self.counts, self.invalid = counts, batch.invalid
        if messages:
            self._budget.reset()
        else:
            self._budget.record_answer()
        return True

    def finish(self) -> None:
        """Commit that this instance has stopped.

        Raises:
            TransactionLostError, DatabaseError: as `SqlSink.transaction`.
        """
        with self.offsets.last_transaction({}):
            pass

    def close(self) -> None:
        """Abort what is not committed."""
        self.offsets.close()

    def _stage(self, batch: Batch) -> None:
        copied = ((statements.COPY_STAGED, batch.copied()), (statements.COPY_UNFIT, batch.copied_invalid()))
        for statement, rows in copied:
            if rows:
                with self._connection.cursor().copy(statement) as copy:
                    copy.write(rows)

    def _count(self, batch: Batch) -> JobCounts:
        connection = self._connection
        connection.execute(statements.KEEP_FRESH)
        connection.execute(statements.ADD_MEDIA)
        for statement in statements.ADD_TRENDS:
            connection.execute(statement)
        connection.execute(statements.ADD_COUNTS, [*map(list, zip(*batch.sums(), strict=True))])
        if batch.invalid:
            connection.execute(statements.ADD_INVALID, (self._topic_id,))
        return self._read_counts()

    def _read_counts(self) -> JobCounts:
        found = self._connection.execute(statements.READ_COUNTS).fetchone()
        return JobCounts._make(found or ())


class _Minutes:
    """The minutes that are kept: old ones are deleted, a few in each transaction."""

    def __init__(self, connection: Connection, days: int, now_s: Callable[[], float]) -> None:
        self._connection = connection
        self._kept_s = days * DAY_S
        self._now_s = now_s
        self._moved_at_s = float("-inf")
        self._has_old = True

    def forget(self) -> None:
        """Move the time before which none are kept, at most once an hour, and delete some that are before it."""
        now_s = self._now_s()
        if now_s - self._moved_at_s >= HOUR_S:
            since_s = max(0, int(now_s) - self._kept_s)
            since = datetime.fromtimestamp(since_s - since_s % QUARTER_S, UTC)
            self._connection.execute(statements.KEEP_SINCE, {"since": since})
            self._moved_at_s, self._has_old = now_s, True
        if self._has_old:
            deleted = [
                self._connection.execute(statement, (MOST_DELETED,)).rowcount
                for statement in statements.DELETE_OLD_MINUTES
            ]
            self._has_old = max(deleted) == MOST_DELETED
