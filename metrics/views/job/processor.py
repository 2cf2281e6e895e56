"""The processor of view events, which the runner drives."""

from collections.abc import Mapping, Sequence

from metrics.kafka.job.commits import Commits, HeartbeatLimit, TransactionLimit
from metrics.kafka.job.resuming import Resumption
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.sql_processor import SqlProcessor
from metrics.kafka.job.sql_sink import Connection, OffsetTable, SqlSink
from metrics.kafka.offsets import offset_ranges
from metrics.postgres.connect import AnswerLimit
from metrics.views.job.batch import InvalidRecord
from metrics.views.job.listener import JobFigures
from metrics.views.job.sink import CountSink
from metrics.views.schema import open_views
from metrics.views.settings import ViewsSettings
from metrics.views.topics_in_use import require_same_topic
from metrics.wording.errors import BrokerError

TABLE = "consumed"
ACCEPT = "to count the events that are left: python app.py views count --accept-loss"


class ViewProcessor(SqlProcessor[CountSink]):
    """The processor of view events; its sink is `CountSink`.

    Args:
        url: of the database.
        answers: the limit of each answer of the database, and the event that stops the job.
    """

    # A full batch of usual events is 4 MB; with 65,536 bytes each, 16 MB are 256 events.
    max_bytes = 16 << 20

    def __init__(self, url: str, settings: ViewsSettings, answers: AnswerLimit) -> None:
        self._settings = settings
        work = f"the counting of {settings.views_topic} into the schema {settings.views_schema}"
        super().__init__(settings.views_topic, answers, work=work, accept=ACCEPT)
        self._url = url

    @property
    def figures(self) -> JobFigures:
        """The figures after the last commit."""
        return JobFigures.none() if self._sink is None else JobFigures(self._sink.counts, self.lags())

    @property
    def invalid(self) -> Sequence[InvalidRecord]:
        """The invalid records of the last commit."""
        return () if self._sink is None else self._sink.invalid

    def uncounted(self) -> int | None:
        """Ask the broker for an upper bound of the records that are not counted; None if that is not known."""
        if self._sink is None:
            return None
        counted = self._sink.offsets.next_offsets
        try:
            ranges = offset_ranges(self._clients.admin, self.topic, self._partitions)
        except BrokerError:
            return None
        return sum(max(0, high - counted.get(number, low)) for number, (low, high) in ranges.items())

    def _transaction_limit(self) -> TransactionLimit:
        return HeartbeatLimit(self._settings.views_batch)

    def _commits(self, limit: TransactionLimit) -> Commits:
        return Commits(limit, self._settings.views_commit_s)

    def _open_connection(self) -> Connection:
        return open_views(self._url, self._settings, self._answers)

    def _offset_table(self, cluster: str, topic_id: str) -> OffsetTable:
        return OffsetTable(TABLE, {}, cluster, self.topic, topic_id)

    def _open_sink(self, connection: Connection, offsets: SqlSink, budget: RetryBudget) -> CountSink:
        sink = CountSink(connection, offsets, budget, self._settings.views_minutes_days)
        require_same_topic({other.topic for other in sink.others}, self._settings)
        return sink

    def _resumption(self) -> Resumption:
        resumption = super()._resumption()
        assert self._sink is not None, "the runner has opened it"
        clusters = {other.cluster_id for other in self._sink.others} - {self._table.cluster_id}
        if not self._sink.offsets.next_offsets:
            resumption.losses.extend(
                f"the tables count {self.topic} of another cluster, {cluster}; its last records may not have been read"
                for cluster in sorted(clusters)
            )
        return resumption

    def _begin(self, sink: CountSink, starts: Mapping[int, int]) -> None:
        sink.begin(starts)
        # The tables have rows of one more topic if it was recreated, or is on another cluster.
        with sink.offsets.transaction({}):
            sink.offsets.fence_others()
