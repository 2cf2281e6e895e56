"""Metrics of the job: written by its thread after each commit, read by the server's."""

from collections.abc import Iterator
from time import monotonic, time
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from metrics.kafka.job.sql_sink import LEAST_ANSWER_S
from metrics.kafka.job.standby import why_not_active
from metrics.views.job.listener import JobFigures, Listener
from metrics.views.settings import ViewsSettings
from metrics.wording.errors import DatabaseError, UnavailableError

COMMIT_BUCKETS_S = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BATCH_BUCKETS = (1, 10, 100, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 50_000, 100_000)
ANSWERS = 2  # late ones, one after the other, within one transaction
STARTING = "starting: has not taken over yet"


class _Committed(NamedTuple):
    """The job as of a commit.

    Attributes:
        at_s: wall time, in seconds since the epoch.
        seen_at_s: the same moment by time.monotonic.
    """

    figures: JobFigures
    at_s: float
    seen_at_s: float


class MonitoredJob(Listener, Collector):
    """Listener of the job, and collector of its last commit; without a commit, as on a standby, of `views_ready` alone.

    The counters of events continue over all runs, so a restart does not dent a rate, and a standby exports none.
    """

    def __init__(self, settings: ViewsSettings) -> None:
        self._settings = settings
        self._last: _Committed | None = None
        self._why_not_ready = STARTING
        self._outage = ""
        self._turned_at_s: float | None = None
        self._commit_s = Histogram(
            "views_commit_duration_seconds",
            "Time to commit a transaction of counts and offsets.",
            registry=None,
            buckets=COMMIT_BUCKETS_S,
        )
        self._batch = Histogram(
            "views_batch_records", "Records that one transaction counts.", registry=None, buckets=BATCH_BUCKETS
        )
        self._outages = Counter(
            "views_outages",
            "Transactions that were lost, or waited for more than 10 s, because the broker or the database was away.",
            labelnames=["of"],
            registry=None,
        )
        for of in ("broker", "database"):
            self._outages.labels(of)

    def add_to(self, registry: CollectorRegistry) -> None:
        """Export the metrics."""
        for collector in (self, self._commit_s, self._batch, self._outages):
            registry.register(collector)

    def why_not_alive(self) -> str | None:
        """Return that the job has been stuck for longer than its servers can block it, in words; None if it is not.

        A working job commits every two seconds. An answer of the database that takes too long is an outage, which is
        retried for a limited time.
        """
        turned_at_s = self._turned_at_s  # the job's thread may replace it at any time
        if turned_at_s is None:
            return None
        still_s, settings = monotonic() - turned_at_s, self._settings
        answer_s = max(settings.database_timeout_s, LEAST_ANSWER_S)
        retries_s = max(settings.database_timeout_s, settings.broker_timeout_s) if self._outage else 0
        is_stuck = still_s > ANSWERS * answer_s + retries_s
        return f"the job is stuck: it has committed nothing for {still_s:.0f} s" if is_stuck else None

    def why_not_ready(self) -> str | None:
        """Return why nothing is counted, in words; None if it is. A working job commits every two seconds at least."""
        last = self._last
        return self._why_not_ready if last is None else why_not_active(last.seen_at_s, self._outage)

    def waiting(self, line: str) -> None:
        """Drop the last commit: another instance may be active, and export its own."""
        self._last, self._why_not_ready, self._turned_at_s = None, line, None

    def begun(self, figures: JobFigures) -> None:
        """Export the figures to begin with."""
        self._take(figures)

    def committed(self, figures: JobFigures, events: int, took_s: float) -> None:
        """Export a commit; of heartbeats, neither duration nor size is observed."""
        if events:
            self._commit_s.observe(took_s)
            self._batch.observe(events)
        self._take(figures)

    def outage(self, error: UnavailableError) -> None:
        """Count an outage."""
        self._outages.labels("database" if isinstance(error, DatabaseError) else "broker").inc()
        self._outage, self._turned_at_s = error.what, monotonic()

    def collect(self) -> Iterator[Metric]:
        """Yield each family."""
        is_ready = self.why_not_ready() is None
        yield GaugeMetricFamily("views_ready", "1 while events are counted and committed, else 0.", int(is_ready))
        last = self._last
        if last is not None:
            yield self._info()
            yield from _of_commit(last)

    def _take(self, figures: JobFigures) -> None:
        now_s = monotonic()
        self._last, self._turned_at_s, self._outage = _Committed(figures, time(), now_s), now_s, ""

    def _info(self) -> Metric:
        labels = {"topic": self._settings.views_topic, "schema": self._settings.views_schema}
        return InfoMetricFamily("views_job", "Topic that is counted, and schema of the tables.", labels)


def _of_commit(last: _Committed) -> Iterator[Metric]:
    counts = last.figures.counts
    events = CounterMetricFamily("views_events", "Records of the topic that were read, by outcome.", labels=["outcome"])
    for outcome, number in (
        ("counted", counts.counted),
        ("duplicate", counts.duplicates),
        ("invalid", counts.invalid),
    ):
        events.add_metric([outcome], number)
    yield events
    yield GaugeMetricFamily("views_users", "Users with a counted event.", counts.users)
    lags = GaugeMetricFamily(
        "views_lag_records", "Records that are not counted, an upper bound by offsets.", labels=["partition"]
    )
    for partition, lag in sorted(last.figures.lags.items()):
        lags.add_metric([str(partition)], lag)
    yield lags
    meaning = "Wall time of the last commit since the epoch."
    yield GaugeMetricFamily("views_last_commit_timestamp_seconds", meaning, last.at_s)
