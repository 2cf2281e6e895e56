"""The processor of a load of a topic, which the runner drives."""

from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import tzinfo

import psycopg

from metrics.catalogue.core.models import Model
from metrics.catalogue.kafka_job.messages import MessageReader
from metrics.catalogue.kafka_job.sink import LoadSink
from metrics.catalogue.load import loads
from metrics.catalogue.load.loads import Load
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.sql_processor import SqlProcessor
from metrics.kafka.job.sql_sink import Connection, OffsetTable, SqlSink
from metrics.postgres.connect import AnswerLimit, connect
from metrics.wording.errors import MetricsError

TABLE = "catalogue_offset"
GIVE_UP_S = 3.0  # for the connection, and for the answer
ACCEPT = "to load the records that are left: add --accept-loss"


class TopicProcessor(SqlProcessor[LoadSink]):
    """The processor of a load of a topic; its sink is `LoadSink`.

    Args:
        url: of the database.
        zone: of times without an offset; None if these are rejected.
        answers: the limit of each answer of the database, and the event that stops the load.
    """

    def __init__(self, url: str, model: Model, topic: str, zone: tzinfo | None, answers: AnswerLimit) -> None:
        super().__init__(topic, answers, work=f"the load of {model.name} from the topic {topic}", accept=ACCEPT)
        self._url = url
        self._model = model
        self._reader = MessageReader(model, zone)

    @property
    def load(self) -> Load | None:
        """The load, with the sums of what is committed; None before it has begun."""
        return None if self._sink is None else self._sink.load

    def _open_connection(self) -> Connection:
        return connect(self._url, limit=self._answers)

    def _offset_table(self, cluster: str, topic_id: str) -> OffsetTable:
        return OffsetTable(TABLE, {"model": self._model.name}, cluster, self.topic, topic_id)

    def _open_sink(self, connection: Connection, offsets: SqlSink, budget: RetryBudget) -> LoadSink:
        return LoadSink(connection, offsets, self._model, self._reader, budget, self.load)

    def _begin(self, sink: LoadSink, starts: Mapping[int, int]) -> None:
        sink.begin(self.topic, starts)

    def give_up(self, error: MetricsError | None) -> None:
        """Store why the load ended, if the database can be reached; committed records stay."""
        if self.load is None:
            return
        limit = self._answers._replace(seconds=GIVE_UP_S)
        with suppress(MetricsError, psycopg.Error), closing(connect(self._url, limit=limit)) as connection:
            loads.give_up(connection, self.load, "interrupted", error)
