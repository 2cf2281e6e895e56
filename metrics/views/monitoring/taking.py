"""Metrics of a server that takes events, for each scrape from its figures."""

from collections.abc import Iterator

import msgspec
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from metrics.views.core.event import NOT_AN_OBJECT, NOT_JSON, TOO_DEEP, TOO_LONG, Event
from metrics.views.taking.taker import Taker

_FIELDS = [field.encode_name for field in msgspec.structs.fields(Event)]
_OF_LINE = (NOT_JSON, NOT_AN_OBJECT, TOO_DEEP, TOO_LONG)
REASONS = (*_OF_LINE, *(f"{how} {name}" for how in ("missing", "wrong") for name in _FIELDS))


class MonitoredTaking(Collector):
    """Collector of what one server has taken since its start."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker

    def add_to(self, registry: CollectorRegistry) -> None:
        """Export the metrics."""
        registry.register(self)

    def why_not_alive(self) -> str | None:
        """Return None: the server of the metrics is in the same process, and no event blocks it."""
        return None

    def why_not_ready(self) -> str | None:
        """Return why events cannot be taken, in words; None if they can."""
        return self._taker.why_not_ready()

    def collect(self) -> Iterator[Metric]:
        """Yield each family, zeros included: a series that first appears at 1 has no rate."""
        figures = self._taker.figures
        lines = CounterMetricFamily(
            "views_lines", "Lines that senders sent, by their outcome; other lines wait for Kafka.", labels=["outcome"]
        )
        lines.add_metric(["accepted"], figures.accepted)
        lines.add_metric(["rejected"], figures.rejected)
        yield lines
        rejected = CounterMetricFamily(
            "views_rejected", "Rejected lines by reason; a line may have several.", labels=["reason"]
        )
        for reason, number in (dict.fromkeys(REASONS, 0) | figures.by_reason).items():
            rejected.add_metric([reason], number)
        yield rejected
        yield GaugeMetricFamily("views_uploads_open", "Requests that are being taken.", figures.uploads_open)
