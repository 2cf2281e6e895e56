"""Metrics of a command of views, if METRICS_PORT is set."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from metrics.terminal.console import say
from metrics.views.job.listener import Listener
from metrics.views.settings import ViewsSettings

if TYPE_CHECKING:
    from metrics.views.monitoring.serving import Monitored
    from metrics.views.taking.taker import Taker


@contextmanager
def monitored_job(settings: ViewsSettings, taker: "Taker | None" = None) -> Iterator[Sequence[Listener]]:
    """Serve the metrics of the job, and of what is taken beside it; yields the job's listeners that they come from."""
    if settings.metrics_port is None:
        yield []
        return
    from metrics.views.monitoring.counting import MonitoredJob  # noqa: PLC0415
    from metrics.views.monitoring.taking import MonitoredTaking  # noqa: PLC0415

    job = MonitoredJob(settings)
    with _served(settings, [job] if taker is None else [job, MonitoredTaking(taker)]):
        yield [job]


@contextmanager
def monitored_taking(settings: ViewsSettings, taker: "Taker") -> Iterator[None]:
    """Serve the metrics of what is taken."""
    if settings.metrics_port is None:
        yield
        return
    from metrics.views.monitoring.taking import MonitoredTaking  # noqa: PLC0415

    with _served(settings, [MonitoredTaking(taker)]):
        yield


@contextmanager
def _served(settings: ViewsSettings, parts: "Sequence[Monitored]") -> Iterator[None]:
    from metrics.monitoring.server import metrics_url  # noqa: PLC0415
    from metrics.views.monitoring.serving import exposed_over_http  # noqa: PLC0415

    with exposed_over_http(settings, parts):
        say(f"metrics at {metrics_url(settings)}")
        yield
