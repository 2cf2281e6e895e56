"""A processor to build on: of one topic, into a database, in batches."""

import gc
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Generic, TypeVar

from confluent_kafka import Consumer

from metrics.kafka.job.commits import Commits, TransactionLimit
from metrics.kafka.job.heartbeat import Instance, require_not_fenced
from metrics.kafka.job.input_monitor import InputMonitor
from metrics.kafka.job.resuming import Resumption, resume
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.seams import Clients, TransactionLostError
from metrics.kafka.job.source import GARBAGE_OBJECTS, Input
from metrics.kafka.job.sql_loop import MAX_BYTES, BatchSink, Loop
from metrics.kafka.job.sql_sink import Connection, OffsetTable, SqlSink
from metrics.kafka.offsets import offset_ranges
from metrics.kafka.topics import cluster_id, soon_listed, topic_id
from metrics.postgres.connect import AnswerLimit
from metrics.wording.errors import TopicError, UnavailableError

S = TypeVar("S", bound=BatchSink)


class SqlProcessor(ABC, Generic[S]):
    """Processor of one topic, which the runner drives; its loop is `sql_loop.Loop`.

    A system says what is read and where it goes: it opens connections and its sink, and begins the sink.

    Args:
        answers: the limit of each answer of the database, and the event that stops the job.
        work: what one instance at a time does.
        accept: the hint of how to continue with the records that are left, if some are gone.

    Attributes:
        topic: the topic that is read.
        on_commit: called after each commit of the loop, with the number of messages in it, and its duration in seconds.
        on_outage: called with the error of a transaction that was lost because a server is away.
        on_overdue: called once for each statement that the database has not answered for some seconds.
    """

    max_bytes = MAX_BYTES

    def __init__(self, topic: str, answers: AnswerLimit, *, work: str, accept: str) -> None:
        self.topic = topic
        self.on_overdue: Callable[[], None] = _not_overdue
        self._answers = answers._replace(on_overdue=lambda: self.on_overdue())  # noqa: PLW0108  # it is set later
        self.work = work
        self._accept = accept
        self.on_commit: Callable[[int, float], None] = _nothing
        self.on_outage: Callable[[UnavailableError], None] = _no_outage
        self._limit = self._transaction_limit()
        self._ends: dict[int, int] | None = None
        self._monitor: InputMonitor | None = None
        self._partitions = 0
        self._clients: Clients
        self._table: OffsetTable
        self._source: Input | None = None
        self._sink: S | None = None
        self._instance_id = self._begun_id = ""

    @abstractmethod
    def _open_connection(self) -> Connection:
        """Connect to the database.

        Raises:
            DatabaseError: it does not answer.
        """

    @abstractmethod
    def _offset_table(self, cluster: str, topic_id: str) -> OffsetTable:
        """Return the table of the topic's offsets."""

    @abstractmethod
    def _open_sink(self, connection: Connection, offsets: SqlSink, budget: RetryBudget) -> S:
        """Return the system's own sink on a connection, once this instance has taken over the offsets."""

    @abstractmethod
    def _begin(self, sink: S, starts: Mapping[int, int]) -> None:
        """Begin to commit: the offsets to read from, all of them, are committed first.

        Raises:
            TransactionLostError: another instance took over meanwhile.
            DatabaseError: the database does not answer.
        """

    def _transaction_limit(self) -> TransactionLimit:
        """Return the limit of the size of a transaction, for the life of the processor."""
        return TransactionLimit()

    def _commits(self, limit: TransactionLimit) -> Commits:
        """Return a new schedule of commits."""
        return Commits(limit)

    def lag(self) -> int:
        """Return an upper bound of the records of the topic that are not read."""
        return sum(self.lags().values())

    def lags(self) -> dict[int, int]:
        """Return an upper bound of the records of each partition that are not read, as far as it is known."""
        return {} if self._source is None else self._source.lags()

    def connect(self, clients: Clients) -> None:
        """Use new clients, and check that the topic exists."""
        self._clients = clients
        self._partitions = soon_listed(clients.admin, [self.topic]).get(self.topic, 0)
        if not self._partitions:
            raise TopicError(
                f"the topic {self.topic} is missing, or hidden from this user",
                hint="list all topics: python app.py topics --all\n"
                "if it exists, grant this user the right to describe it (Describe)",
            )
        self._table = self._offset_table(cluster_id(clients.admin), topic_id(clients.admin, self.topic))

    def end_here(self) -> None:
        """Stop at the current end of the topic: before records of transactions that are open."""
        found = offset_ranges(self._clients.admin, self.topic, self._partitions)
        self._ends = {number: high for number, (_, high) in found.items()}

    def last_instance(self, consumer: Consumer) -> Instance | None:  # noqa: ARG002  # offsets are in the database
        """Return the instance that committed last."""
        with closing(self._open_connection()) as connection:
            return self._table.instance(connection)

    def open_sink(self, instance: Instance, budget: RetryBudget) -> S:
        """Take over the offsets of the topic: the previous instance is fenced.

        Raises:
            FencedError: since this instance took over for the first time, another one did.
            DatabaseError: the database does not answer.
        """
        connection = self._open_connection()
        try:
            if instance.id == self._begun_id:
                require_not_fenced(self._table.instance(connection), instance.id, self.work)
            self._sink = self._open_sink(connection, SqlSink(connection, self._table, instance), budget)
            self._instance_id = instance.id
        except BaseException:
            connection.close()
            raise
        return self._sink

    def restore(self) -> None:
        """Continue from the committed offsets."""
        self._resume(self._resumption().accepted(self._accept))

    def restore_accepting_loss(self) -> list[str]:
        """Continue with the records that are left after the committed offsets; return a line for each loss."""
        resumption = self._resumption()
        self._resume(resumption.starts)
        return resumption.losses

    def _resumption(self) -> Resumption:
        assert self._sink is not None, "the runner has opened it"
        committed = self._sink.offsets
        ranges = offset_ranges(self._clients.admin, self.topic, self._partitions)
        return resume(self.topic, committed.next_offsets, ranges, is_recreated=committed.is_recreated)

    def _resume(self, starts: dict[int, int]) -> None:
        assert self._sink is not None, "the runner has opened it"
        self._begun_id = self._instance_id
        self._begin(self._sink, starts)
        admin, consumer = self._clients
        self._source = Input(consumer, self.topic, starts, self._ends)
        # Each commit finds out by itself whether another instance took over.
        self._monitor = InputMonitor(admin, self.topic, self._table.topic_id, len(starts), lambda: None, lambda _: None)

    def run(self) -> None:
        """Read until stopped, or to the given end of the topic; then commit for the last time."""
        assert self._sink is not None
        assert self._source is not None
        assert self._monitor is not None
        gc.set_threshold(GARBAGE_OBJECTS)
        commits = self._commits(self._limit)
        loop = Loop(
            source=self._source,
            sink=self._sink,
            commits=commits,
            monitor=self._monitor,
            stopping=self._answers.stopping,
            on_commit=self.on_commit,
            max_bytes=self.max_bytes,
        )
        try:
            loop.run()
        except (TransactionLostError, UnavailableError) as error:
            self._limit.record_loss(commits.messages)
            if isinstance(error, UnavailableError):
                self.on_outage(error)
            raise

    def release(self) -> bool:
        """Stop asking the broker; return whether the consumer may be closed."""
        self._source = None
        monitor, self._monitor = self._monitor, None
        return monitor is None or monitor.leave()


def _nothing(_messages: int, _took_s: float) -> None: ...


def _no_outage(_: UnavailableError) -> None: ...


def _not_overdue() -> None: ...
