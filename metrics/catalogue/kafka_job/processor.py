"""The processor of a load of a topic, which the runner drives."""

import gc
from contextlib import closing, suppress
from datetime import tzinfo
from typing import TYPE_CHECKING

import psycopg
from confluent_kafka import Consumer

from metrics.catalogue.core.models import Model
from metrics.catalogue.kafka_job.loop import Loop
from metrics.catalogue.kafka_job.messages import MessageReader
from metrics.catalogue.kafka_job.sink import LoadSink
from metrics.catalogue.load import loads
from metrics.catalogue.load.loads import Load
from metrics.errors import MetricsError, TopicError, UnavailableError
from metrics.kafka.job.commits import Commits, TransactionLimit
from metrics.kafka.job.heartbeat import Instance, require_not_fenced
from metrics.kafka.job.input_monitor import InputMonitor
from metrics.kafka.job.resuming import Resumption, resume
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.seams import Clients, TransactionLostError
from metrics.kafka.job.source import GARBAGE_OBJECTS, Input
from metrics.kafka.job.sql_sink import OffsetTable, SqlSink
from metrics.kafka.offsets import offset_ranges
from metrics.kafka.topics import cluster_id, soon_listed, topic_id
from metrics.postgres.connect import AnswerLimit, connect

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = "catalogue_offset"
GIVE_UP_S = 3.0  # for the connection, and for the answer
ACCEPT = "to load the records that are left: add --accept-loss"


class TopicProcessor:
    """The processor of a load of a topic; its sink is `LoadSink`, its loop `Loop`.

    Args:
        url: of the database.
        zone: of times without an offset; None if these are rejected.
        answers: the limit of each answer of the database, and the event that stops the load.

    Attributes:
        work: what one instance at a time does.
        on_commit: called after each commit of the loop.
    """

    def __init__(self, url: str, model: Model, topic: str, zone: tzinfo | None, answers: AnswerLimit) -> None:
        self._url = url
        self._model = model
        self._topic = topic
        self._reader = MessageReader(model, zone)
        self._answers = answers
        self._limit = TransactionLimit()
        self.work = f"the load of {model.name} from the topic {topic}"
        self.on_commit: Callable[[], None] = lambda: None
        self._ends: dict[int, int] | None = None
        self._monitor: InputMonitor | None = None
        self._partitions = 0
        self._clients: Clients
        self._table: OffsetTable
        self._sink: LoadSink | None = None
        self._source: Input | None = None

    @property
    def load(self) -> Load | None:
        """The load, with the sums of what is committed; None before it has begun."""
        return None if self._sink is None else self._sink.load

    def lag(self) -> int:
        """Return an upper bound of the records of the topic that are not read."""
        return 0 if self._source is None else sum(self._source.lags().values())

    def connect(self, clients: Clients) -> None:
        """Use new clients, and check that the topic exists."""
        self._clients = clients
        self._partitions = soon_listed(clients.admin, [self._topic]).get(self._topic, 0)
        if not self._partitions:
            raise TopicError(
                f"the topic {self._topic} is missing, or hidden from this user",
                hint="list all topics: python app.py topics --all\n"
                "if it exists, grant this user the right to describe it (Describe)",
            )
        identity = cluster_id(clients.admin), self._topic, topic_id(clients.admin, self._topic)
        self._table = OffsetTable(TABLE, {"model": self._model.name}, *identity)

    def end_here(self) -> None:
        """Stop at the current end of the topic: before records of transactions that are open."""
        found = offset_ranges(self._clients.admin, self._topic, self._partitions)
        self._ends = {number: high for number, (_, high) in found.items()}

    def last_instance(self, consumer: Consumer) -> Instance | None:  # noqa: ARG002  # offsets are in the database
        """Return the instance that committed last."""
        with closing(connect(self._url, limit=self._answers)) as connection:
            return self._table.instance(connection)

    def open_sink(self, instance: Instance, budget: RetryBudget) -> LoadSink:
        """Take over the offsets of the topic: the previous instance is fenced.

        Raises:
            FencedError: since this instance took over for the first time, another one did.
            DatabaseError: the database does not answer.
        """
        connection = connect(self._url, limit=self._answers)
        try:
            if self.load is not None:
                require_not_fenced(self._table.instance(connection), instance.id, self.work)
            offsets = SqlSink(connection, self._table, instance)
            self._sink = LoadSink(connection, offsets, self._model, self._reader, budget, self.load)
        except BaseException:
            connection.close()
            raise
        return self._sink

    def restore(self) -> None:
        """Continue from the committed offsets."""
        self._resume(self._resumption().accepted(ACCEPT))

    def restore_accepting_loss(self) -> list[str]:
        """Continue with the records that are left after the committed offsets; return a line for each loss."""
        resumption = self._resumption()
        self._resume(resumption.starts)
        return resumption.losses

    def _resumption(self) -> Resumption:
        assert self._sink is not None, "the runner has opened it"
        committed = self._sink.offsets
        ranges = offset_ranges(self._clients.admin, self._topic, self._partitions)
        return resume(self._topic, committed.next_offsets, ranges, is_recreated=committed.is_recreated)

    def _resume(self, starts: dict[int, int]) -> None:
        assert self._sink is not None, "the runner has opened it"
        self._sink.begin(self._topic, starts)
        admin, consumer = self._clients
        self._source = Input(consumer, self._topic, starts, self._ends)
        # Each commit finds out by itself whether another instance took over.
        self._monitor = InputMonitor(
            admin, self._topic, self._table.topic_id, len(starts), lambda: None, lambda _: None
        )

    def run(self) -> None:
        """Load until stopped, or to the given end of the topic; then commit for the last time."""
        assert self._sink is not None
        assert self._source is not None
        assert self._monitor is not None
        gc.set_threshold(GARBAGE_OBJECTS)
        commits = Commits(self._limit)
        loop = Loop(
            source=self._source,
            sink=self._sink,
            commits=commits,
            monitor=self._monitor,
            stopping=self._answers.stopping,
            on_commit=self.on_commit,
        )
        try:
            loop.run()
        except (TransactionLostError, UnavailableError):
            self._limit.record_loss(commits.messages)
            raise

    def release(self) -> bool:
        """Stop asking the broker; return whether the consumer may be closed."""
        self._source = None
        monitor, self._monitor = self._monitor, None
        return monitor is None or monitor.leave()

    def give_up(self, error: MetricsError | None) -> None:
        """Store why the load ended, if the database can be reached; committed records stay."""
        if self.load is None:
            return
        limit = self._answers._replace(seconds=GIVE_UP_S)
        with suppress(MetricsError, psycopg.Error), closing(connect(self._url, limit=limit)) as connection:
            loads.give_up(connection, self.load, "interrupted", error)
