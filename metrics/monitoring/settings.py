"""Settings of `/metrics` and the health checks."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.settings.declared import Declared
from metrics.settings.values import NonEmpty, Port


@dataclass(frozen=True, kw_only=True)
class MonitoringSettings(Declared):
    """Settings of the monitoring endpoints."""

    metrics_port: Annotated[
        Port | None,
        Meta(
            description="Port on which the main job, `views`, `views count` and `views serve` each serve `/metrics`, "
            "`/healthz` and `/readyz`. Unset: not served."
        ),
    ] = None
    metrics_host: Annotated[
        NonEmpty, Meta(description="Address to bind METRICS_PORT to; `0.0.0.0` makes it reachable from other machines.")
    ] = "127.0.0.1"
