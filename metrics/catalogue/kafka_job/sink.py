"""The sink of a load of a topic: rows, the sums of the load, and offsets, all or nothing."""

from collections.abc import Mapping, Sequence
from threading import Event

from metrics.catalogue.core.models import Model
from metrics.catalogue.kafka_job import COLLECTOR
from metrics.catalogue.kafka_job.messages import MessageReader
from metrics.catalogue.load import loads, merging, statements
from metrics.catalogue.load.loads import Connection, Load
from metrics.catalogue.load.staging import Staging
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.sql_sink import SqlSink
from metrics.messages.interface import KafkaMessage
from metrics.postgres.connect import database_errors

BUSY_S = 0.5


class _ModelBusyError(Exception):
    """Refusal of a commit: a load of the same model is running."""


class LoadSink:
    """Sink of one load; its connection has the lock that shows that the load is running.

    Args:
        budget: reset by each commit of records.

    Attributes:
        offsets: the sink of offsets, which knows no system.
        load: with the sums of what is committed; None before it has begun.
    """

    def __init__(
        self,
        connection: Connection,
        offsets: SqlSink,
        model: Model,
        reader: MessageReader,
        budget: RetryBudget,
        load: Load | None,
    ) -> None:
        self.load = load
        self._connection = connection
        self.offsets = offsets
        self._model = model
        self._reader = reader
        self._budget = budget
        with database_errors("records cannot be staged"):
            connection.execute(statements.create_staged(model, "DELETE ROWS"))
            # A plan for a large batch, used again for a small one, may read the whole table.
            connection.execute("SET plan_cache_mode = force_custom_plan")

    def begin(self, source: str, starts: Mapping[int, int]) -> None:
        """Begin the load, or continue with what is committed of it; commit the offsets to read from.

        Loads of the model that were killed are stored as interrupted.

        Raises:
            TransactionLostError: another instance took over meanwhile.
            DatabaseError: the database does not answer.
        """
        with self.offsets.transaction(starts):
            stored = None if self.load is None else loads.find_load(self._connection, self.load.id)
            if stored is None:
                self.load = loads.begin(self._connection, self._model, COLLECTOR, source)
            else:
                loads.lock_load(self._connection, stored)
                # While it had no connection, another load may have taken it for killed.
                loads.store(self._connection, stored, "running")
                self.load = stored
            loads.settle_killed(self._connection, self._model)

    def commit(self, messages: Sequence[KafkaMessage], next_offsets: Mapping[int, int], stopping: Event) -> bool:
        """Commit messages, once no other load of the model is running; return false if `stopping` was set before that.

        Raises:
            TransactionLostError, DatabaseError: as `SqlSink.transaction`.
        """
        while not self._try_to_commit(messages, next_offsets):
            name = self._model.name
            self._budget.report_once("busy", f"another load of {name} is running; waiting for its end …")
            self.offsets.heartbeat()
            if stopping.wait(BUSY_S):
                return False
        return True

    def finish(self) -> None:
        """Commit the end of the load.

        Raises:
            TransactionLostError, DatabaseError: as `SqlSink.transaction`.
        """
        assert self.load is not None, "it has begun"
        with self.offsets.last_transaction({}):
            loads.store(self._connection, self.load, "done")

    def close(self) -> None:
        """Abort what is not committed, and release the lock."""
        self.offsets.close()

    def _try_to_commit(self, messages: Sequence[KafkaMessage], next_offsets: Mapping[int, int]) -> bool:
        assert self.load is not None, "it has begun"
        if messages and not self._is_model_free():
            return False
        batch = Load(id=self.load.id, model=self._model.name, collector=COLLECTOR, source=self.load.source)
        staging = Staging(self._connection, self._model, batch, _nothing)

        def stage() -> None:
            staging.take(self._reader.records(messages))

        try:
            with self.offsets.transaction(next_offsets, stage if messages else None):
                load = self._merge(batch, staging) if messages else self.load
        except _ModelBusyError:
            return False
        self.load = load
        if messages:
            self._budget.reset()
        else:
            self._budget.record_answer()
        return True

    def _is_model_free(self) -> bool:
        """Return whether no other load is running now: if one is, nothing needs to be staged."""
        with database_errors(loads.NO_ANSWER):  # outside a transaction, the lock is released at once
            return loads.try_to_lock_model(self._connection, self._model)

    def _merge(self, batch: Load, staging: Staging) -> Load:
        """Merge what is staged within the transaction; return the load with the sums after it."""
        if not loads.try_to_lock_model(self._connection, self._model):
            raise _ModelBusyError
        assert self.load is not None, "it has begun"
        merge = merging.merge_with_tombstones if staging.has_tombstones else merging.merge
        merge(self._connection, self._model, batch)
        after = loads.add_batch(self.load, batch)
        loads.store(self._connection, after, "running")
        return after


def _nothing() -> None: ...
