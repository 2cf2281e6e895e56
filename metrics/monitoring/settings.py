"""Settings of `/metrics` and the health checks."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.settings import Declared, NonEmpty, Port


@dataclass(frozen=True, kw_only=True)
class MonitoringSettings(Declared):
    """Where a service is monitored."""

    metrics_port: Annotated[
        Port | None,
        Meta(description="Port on which the main job serves `/metrics`, `/healthz` and `/readyz`. Unset: none."),
    ] = None
    metrics_host: Annotated[
        NonEmpty, Meta(description="Address that METRICS_PORT is of; `0.0.0.0` lets other machines ask.")
    ] = "127.0.0.1"
