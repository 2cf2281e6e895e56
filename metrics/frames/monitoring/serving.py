"""The main job's metrics and health, served at METRICS_HOST and METRICS_PORT."""

from collections.abc import Iterator
from contextlib import contextmanager

from metrics.frames.monitoring.exposed import Exposed
from metrics.frames.monitoring.families import Families
from metrics.frames.settings import Settings
from metrics.monitoring import server


@contextmanager
def exposed_over_http(settings: Settings) -> Iterator[Exposed]:
    """Serve the metrics and health of the main job; yields the listener that collects them.

    Raises:
        SettingsError: the address is in use, or not one of this machine.
    """
    exposed = Exposed(settings.broker_timeout_s)
    exposed.registry.register(Families(settings, exposed))
    with server.exposed_over_http(settings, exposed.registry, exposed):
        yield exposed
