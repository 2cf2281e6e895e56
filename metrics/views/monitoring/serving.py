"""Metrics and health of a process of views, served at METRICS_HOST and METRICS_PORT."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from prometheus_client import CollectorRegistry, disable_created_metrics

from metrics.monitoring import server
from metrics.monitoring.server import HealthChecks
from metrics.views.settings import ViewsSettings


class Monitored(HealthChecks, Protocol):
    """One part of a process: what takes events, or what counts them."""

    def add_to(self, registry: CollectorRegistry) -> None:
        """Export its metrics."""


class _AllHealthy:
    """Health of a process: of all of its parts."""

    def __init__(self, parts: Sequence[Monitored]) -> None:
        self._parts = parts

    def why_not_alive(self) -> str | None:
        return _joined(part.why_not_alive for part in self._parts)

    def why_not_ready(self) -> str | None:
        return _joined(part.why_not_ready for part in self._parts)


def _joined(checks: Iterator[Callable[[], str | None]]) -> str | None:
    return "; ".join(filter(None, (check() for check in checks))) or None


@contextmanager
def exposed_over_http(settings: ViewsSettings, parts: Sequence[Monitored]) -> Iterator[None]:
    """Serve the metrics and health of a process, whose METRICS_PORT is set.

    Raises:
        SettingsError: the address is in use, or not one of this machine.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library declares no type for it
    registry = CollectorRegistry()
    for part in parts:
        part.add_to(registry)
    with server.exposed_over_http(settings, registry, _AllHealthy(parts)):
        yield
