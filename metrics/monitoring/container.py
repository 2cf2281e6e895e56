"""The health check of a container: `python -m metrics.monitoring.container [PORT]` exits with 0 if /healthz says 200.

Without PORT it asks the main job, at METRICS_PORT. It imports little, because it runs every 20 s.
"""

import http.client
import sys

from metrics.monitoring.settings import MonitoringSettings
from metrics.wording.errors import MetricsError

TIMEOUT_S = 10.0
# A server that listens on all addresses is asked on this machine.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def main(arguments: list[str]) -> None:
    """Ask once; exit with 0, or with 1 and a message."""
    try:
        settings = MonitoringSettings.load()
    except MetricsError as error:
        sys.exit(f"unhealthy: {error}")
    port = int(arguments[0]) if arguments else settings.metrics_port
    if port is None:
        sys.exit("unhealthy: METRICS_PORT is not set")
    host = "127.0.0.1" if arguments else LOOPBACK.get(settings.metrics_host, settings.metrics_host)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"unhealthy: {host}:{port} does not answer: {error}")
    if answer.status != http.HTTPStatus.OK:
        sys.exit(f"unhealthy: {text}")


if __name__ == "__main__":
    main(sys.argv[1:])
