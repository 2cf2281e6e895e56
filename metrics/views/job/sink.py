"""The sink of the job: what a batch adds to the tables, and the offsets after it, all or nothing."""

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import NamedTuple

from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.sql_sink import Connection, SqlSink
from metrics.messages.interface import KafkaMessage
from metrics.postgres.connect import database_errors
from metrics.views.core.trend import QUARTER_S
from metrics.views.job import statements
from metrics.views.job.batch import Batch, InvalidRecord
from metrics.views.job.listener import JobCounts
from metrics.wording.errors import StateError
from metrics.wording.text import DAY_S, HOUR_S, numbered

# Rows deleted in one transaction at most; a default batch can add no more, so that deleting keeps up.
MOST_DELETED = 20_000


class CountedTopic(NamedTuple):
    """A topic whose events the tables have."""

    cluster_id: str
    topic: str
    topic_id: str


class CountSink:
    """Sink of view events.

    Args:
        budget: reset by each commit of records.
        minutes_days: how many days before now the trends by minute go back.
        now_s: wall time, in seconds since the epoch.

    Attributes:
        offsets: the sink of offsets, which knows no system.
        others: other topics that were counted: by another name, of another cluster, or deleted since.
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
        self._minutes = _Minutes(connection, budget, minutes_days, now_s)
        with database_errors("events cannot be staged"):
            connection.execute(statements.CREATE_STAGED)
            # A plan for a large batch, used again for a small one, may read the whole table.
            connection.execute("SET plan_cache_mode = force_custom_plan")
            self.counts = self._read_counts()
            self.others = self._read_others()

    def begin(self, starts: Mapping[int, int]) -> None:
        """Commit the offsets to read from.

        Raises:
            StateError: meanwhile, a job of another topic began to count into the tables.
            TransactionLostError, DatabaseError: as `SqlSink.transaction`.
        """
        with self.offsets.transaction(starts, self._lock_others_out):
            pass

    def _lock_others_out(self) -> None:
        """Keep jobs of other topics from beginning until the end of the transaction: each might be the first one."""
        self._connection.execute(statements.LOCK_CONSUMED)
        for begun in self._read_others() - self.others:
            raise StateError(
                f"another job began to count the topic {begun.topic} into the same tables",
                why=f"topic {begun.topic_id} of the cluster {begun.cluster_id}",
                hint="restart: it reports whether both may be counted into one schema",
            )

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

    def _read_others(self) -> set[CountedTopic]:
        return {*map(CountedTopic._make, self._connection.execute(statements.READ_OTHERS, (self._topic_id,)))}

    def _read_counts(self) -> JobCounts:
        found = self._connection.execute(statements.READ_COUNTS).fetchone()
        return JobCounts._make(found or ())


class _Minutes:
    """The minutes that are kept: old ones are deleted, a few in each transaction.

    Nothing brings them back, and a clock may be wrong: so the earlier one of this machine and the database counts, and
    a leap of it by more than the days that are kept, such as after months without a job, must last for an hour.
    """

    def __init__(self, connection: Connection, budget: RetryBudget, days: int, now_s: Callable[[], float]) -> None:
        self._connection = connection
        self._budget = budget
        self._kept_s = days * DAY_S
        self._now_s = now_s
        self._looked_at_s = self._leapt_at_s = float("-inf")
        self._has_old = True

    def forget(self) -> None:
        """Move the time before which none are kept, at most once an hour, and delete some that are before it."""
        now_s = self._now_s()
        if abs(now_s - self._looked_at_s) >= HOUR_S:
            before_s, database_s = self._connection.execute(statements.READ_SINCE).fetchone() or (0, 0)
            since_s = max(0, min(int(now_s), database_s) - self._kept_s)
            since_s -= since_s % QUARTER_S
            if since_s > before_s and self._is_believed(since_s - before_s if before_s else 0, now_s):
                self._connection.execute(statements.KEEP_SINCE, (since_s,))
            self._looked_at_s, self._has_old = now_s, True
        if self._has_old:
            deleted = [
                self._connection.execute(statement, (MOST_DELETED,)).rowcount
                for statement in statements.DELETE_OLD_MINUTES
            ]
            self._has_old = max(deleted) == MOST_DELETED

    def _is_believed(self, leap_s: int, now_s: float) -> bool:
        """Return whether the clock may move the time by `leap_s`; the first time, any number is believed."""
        if leap_s <= self._kept_s or HOUR_S <= now_s - self._leapt_at_s < 2 * HOUR_S:
            return True
        self._leapt_at_s = now_s
        days = numbered(leap_s // DAY_S, "day")
        self._budget.report(
            f"the clock is {days} later than when minutes were last deleted; if it is right, older ones go in an hour"
        )
        return False
