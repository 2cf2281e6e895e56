"""The SQL transaction: rows and offsets become visible together or not at all.

The table of offsets belongs to the system; for each partition that was read, it has a row with these columns:

    the reader's own          what the topic is read for, such as a model
    cluster_id, topic, topic_id, partition
    next_offset bigint        of the first record that is not committed
    instance jsonb            in the row of partition 0, which each topic has: the instance that committed last

Each commit exchanges the instance in the row of partition 0, which locks the row, and moves offsets by compare-and-set.
So an instance that takes over waits for the end of a commit in progress, and the one before cannot commit any more.

A process may be suspended in any line. While it has the lock, the server ends its session 30 s after the answer to its
last statement; but in the middle of a COPY it waits for ever. So rows are copied before the lock is taken.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import Event
from typing import LiteralString, NamedTuple

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier

from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.seams import TransactionLostError
from metrics.postgres.connect import AnswerLimit, database_errors
from metrics.wording.errors import DatabaseError

Connection = psycopg.Connection[TupleRow]

# A client that vanished in the middle of a transaction keeps its locks for at most this long; the next one waits less.
LOCK_TIMEOUT_S = 20
# A server answers a statement that waits for a lock after LOCK_TIMEOUT_S.
LEAST_ANSWER_S = 30.0
_SESSION = f"SET idle_in_transaction_session_timeout = '30s'; SET lock_timeout = '{LOCK_TIMEOUT_S}s'"
_FENCE = 0
_FAILED = "the transaction with the database failed"


def answer_limit(database_timeout_s: float, stopping: Event) -> AnswerLimit:
    """Return the limit for connections of a job: a database that is frozen is an outage, one that is locked is not."""
    return AnswerLimit(max(database_timeout_s, LEAST_ANSWER_S), stopping)


class OffsetTable(NamedTuple):
    """The offsets of one topic in a system's table.

    Attributes:
        name: of the table.
        reader: what the topic is read for: the reader's own columns, and their values.
    """

    name: str
    reader: Mapping[str, str]
    cluster_id: str
    topic: str
    topic_id: str

    def instance(self, connection: Connection) -> Instance | None:
        """Return the instance that committed last; None before the first commit.

        Raises:
            DatabaseError: the database does not answer.
        """
        query = self._sql("SELECT instance FROM {table} WHERE {key} AND partition = %(partition)s")
        with database_errors("the database does not return the offsets"):
            found = connection.execute(query, self._values(partition=_FENCE)).fetchone()
        return None if found is None or found[0] is None else msgspec.convert(found[0], Instance)

    def next_offsets(self, connection: Connection) -> dict[int, int]:
        """Return the committed offset of each partition; none before the first commit.

        Raises:
            DatabaseError: the database does not answer.
        """
        query = self._sql("SELECT partition, next_offset FROM {table} WHERE {key} ORDER BY partition")
        with database_errors("the database does not return the offsets"):
            return dict(connection.execute(query, self._values()).fetchall())

    def has_other_id(self, connection: Connection) -> bool:
        """Return whether a topic of this name with another id was read from this cluster.

        Raises:
            DatabaseError: the database does not answer.
        """
        query = self._sql("SELECT EXISTS (SELECT FROM {table} WHERE {other})")
        with database_errors("the database does not return the offsets"):
            [found] = connection.execute(query, self._values()).fetchone() or (False,)
        return bool(found)

    def take_over(self, connection: Connection, instance: str) -> None:
        """Store an instance, once a commit in progress has ended; does nothing before the first commit."""
        query = self._sql("UPDATE {table} SET instance = %(instance)s WHERE {key} AND partition = %(partition)s")
        connection.execute(query, self._values(partition=_FENCE, instance=instance))

    def take_over_others(self, connection: Connection, instance: str) -> None:
        """Store an instance for all other topics of this reader, once commits in progress have ended."""
        query = self._sql("UPDATE {table} SET instance = %(instance)s WHERE {elsewhere} AND instance IS NOT NULL")
        connection.execute(query, self._values(instance=instance))

    def exchange(self, connection: Connection, before: str, instance: str) -> bool:
        """Replace an instance by another one, unless a third was stored; returns whether it was replaced."""
        query = self._sql(
            "UPDATE {table} SET instance = %(instance)s WHERE {key} AND partition = %(partition)s "
            "AND instance = %(before)s"
        )
        values = self._values(partition=_FENCE, instance=instance, before=before)
        return connection.execute(query, values).rowcount == 1

    def move(self, connection: Connection, before: Mapping[int, int], after: Mapping[int, int]) -> bool:
        """Move offsets; returns false if one of them is not that before."""
        query = self._sql(
            "UPDATE {table} stored SET next_offset = moved.after "
            "FROM unnest(%(partitions)s::int[], %(before)s::bigint[], %(after)s::bigint[]) "
            "AS moved (partition, before, after) "
            "WHERE {key} AND stored.partition = moved.partition AND stored.next_offset = moved.before"
        )
        partitions = [*after]
        values = self._values(
            partitions=partitions, before=[before[number] for number in partitions], after=[*after.values()]
        )
        return connection.execute(query, values).rowcount == len(partitions)

    def add(self, connection: Connection, added: Mapping[int, int], instance: str) -> bool:
        """Add partitions, with their offsets; returns false if one of them exists."""
        query = self._sql(
            "INSERT INTO {table} ({columns}, partition, next_offset, instance) "
            "SELECT {values}, added.*, CASE WHEN added.partition = %(partition)s THEN %(instance)s::jsonb END "
            "FROM unnest(%(partitions)s::int[], %(offsets)s::bigint[]) AS added (partition, next_offset) "
            "ON CONFLICT DO NOTHING"
        )
        values = self._values(partition=_FENCE, instance=instance, partitions=[*added], offsets=[*added.values()])
        return connection.execute(query, values).rowcount == len(added)

    def _sql(self, text: LiteralString) -> Composed:
        """Return a statement about this topic, or about others: `{other}` of its name, `{elsewhere}` of any name."""
        columns = [*self.reader, "cluster_id", "topic", "topic_id"]
        equal = [SQL("{} = {}").format(Identifier(name), sql.Placeholder(name)) for name in columns]
        others = [*equal[:-1], SQL("topic_id <> {}").format(sql.Placeholder("topic_id"))]
        return SQL(text).format(
            table=Identifier(self.name),
            key=SQL(" AND ").join(equal),
            other=SQL(" AND ").join(others),
            elsewhere=SQL(" AND ").join([*equal[: len(self.reader)], SQL("NOT ({})").format(SQL(" AND ").join(equal))]),
            columns=SQL(", ").join(map(Identifier, columns)),
            values=SQL(", ").join(map(sql.Placeholder, columns)),
        )

    def _values(self, **more: object) -> dict[str, object]:
        own = {"cluster_id": self.cluster_id, "topic": self.topic, "topic_id": self.topic_id}
        return {**self.reader, **own, **more}


class SqlSink:
    """Sink of rows and offsets, in transactions of one connection, which it closes at its end.

    Attributes:
        topic_id: of the topic that is read.
        next_offsets: the committed offset of each partition; none before the first commit.
        is_recreated: nothing is committed, but records of another topic of this name and cluster were.
    """

    def __init__(self, connection: Connection, table: OffsetTable, instance: Instance) -> None:
        """Take over: from now on only this instance can commit.

        Raises:
            DatabaseError: the database does not answer.
        """
        self._connection = connection
        self._table = table
        self.topic_id = table.topic_id
        self._instance = instance
        with database_errors("the database does not let this instance take over"):
            connection.execute(_SESSION)
            table.take_over(connection, _written(instance))
        self.next_offsets = table.next_offsets(connection)
        self.is_recreated = not self.next_offsets and table.has_other_id(connection)

    def transaction(
        self, next_offsets: Mapping[int, int], stage: Callable[[], None] | None = None
    ) -> AbstractContextManager[None]:
        """Return a transaction: what is written in its context is committed, together with offsets.

        Args:
            next_offsets: of the records after those that were read; of all partitions, or of those that moved. New
                partitions are added.
            stage: called first in the transaction, when nothing is locked; copies rows into temporary tables.

        Raises:
            TransactionLostError: another instance took over; nothing was committed.
            DatabaseError: the database failed; nothing was committed, unless the connection was lost during the commit:
                only a new sink has the committed offsets then.
        """
        return self._transaction(self._instance.with_heartbeat(), next_offsets, stage)

    def last_transaction(self, next_offsets: Mapping[int, int]) -> AbstractContextManager[None]:
        """Return the last transaction, as `transaction` does; after it, a standby may take over."""
        return self._transaction(self._instance.with_heartbeat().stopped(), next_offsets, None)

    def heartbeat(self) -> None:
        """Commit nothing, to show that this instance is active.

        Raises:
            TransactionLostError, DatabaseError: as `transaction`.
        """
        with self.transaction({}):
            pass

    def fence_others(self) -> None:
        """Let the instances of all other topics of this reader commit no more; in a transaction of this sink."""
        self._table.take_over_others(self._connection, _written(self._instance))

    def close(self) -> None:
        """Abort what is not committed."""
        with suppress(psycopg.Error):
            self._connection.close()

    @contextmanager
    def _transaction(
        self, instance: Instance, next_offsets: Mapping[int, int], stage: Callable[[], None] | None
    ) -> Iterator[None]:
        before, after = _written(self._instance), _written(instance)
        with database_errors(_FAILED), self._connection.transaction():
            if stage is not None:
                stage()
            if self.next_offsets and not self._table.exchange(self._connection, before, after):
                raise _fenced("another instance has committed since")
            yield
            self._move(next_offsets, after)
        self._instance = instance
        self.next_offsets |= next_offsets

    def _move(self, next_offsets: Mapping[int, int], instance: str) -> None:
        known = self.next_offsets
        moved = {number: offset for number, offset in next_offsets.items() if known.get(number, offset) != offset}
        added = {number: offset for number, offset in next_offsets.items() if number not in known}
        if moved and not self._table.move(self._connection, known, moved):
            raise _fenced("an offset is not the one that this instance has committed")
        if added and not self._table.add(self._connection, added, instance):
            raise _fenced("another instance has committed offsets of a partition that is new to this one")


def _written(instance: Instance) -> str:
    return msgspec.json.encode(instance).decode()


def _fenced(why: str) -> TransactionLostError:
    return TransactionLostError(DatabaseError(_FAILED, why=why), is_fenced=True)
