"""`/metrics`, `/healthz` and `/readyz` of a job over HTTP, in a thread of their own."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from ipaddress import ip_address
from threading import Event, Thread
from typing import Protocol

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from metrics.monitoring.settings import MonitoringSettings
from metrics.web.connections import BACKLOG, BoundedProtocol
from metrics.web.local_hosts import is_local, why_refused
from metrics.web.server import Server, listen

HEADERS = {"Cache-Control": "no-store"}
ACCEPTED_AT_ONCE = 2  # limits how far the connections exceed `most_waiting` before the oldest are closed


class HealthChecks(Protocol):
    """Health checks of a job, called in the server's thread."""

    def why_not_alive(self) -> str | None:
        """Return why the process should be restarted, in words; None if it should not."""

    def why_not_ready(self) -> str | None:
        """Return why the job is not working, in words; None if it is."""


class _FewConnections(BoundedProtocol):
    """A connection of a server that allows few, so that the job keeps its file handles."""

    most_waiting = 32


@contextmanager
def exposed_over_http(
    settings: MonitoringSettings, registry: CollectorRegistry, health: HealthChecks
) -> Iterator[None]:
    """Serve a registry's metrics, and those of the process, at METRICS_HOST and METRICS_PORT, which must be set.

    Raises:
        SettingsError: the address is in use, or not one of this machine.
    """
    host, port = settings.metrics_host, settings.metrics_port
    assert port is not None
    for of_process in (ProcessCollector, PlatformCollector, GCCollector):
        of_process(registry=registry)
    with listen(
        host,
        port,
        what=f"METRICS_PORT={port}: cannot bind to {host}:{port}",
        port_hint="choose another METRICS_PORT, or unset it",
        host_hint="choose another METRICS_HOST, or unset it",
    ) as listening:
        address = str(listening.getsockname()[0])
        app = application(registry, health, is_loopback=ip_address(address.partition("%")[0]).is_loopback)
        stopping = Event()
        server = Server(
            app,
            stopping,
            on_start=lambda: listening.listen(BACKLOG),  # of which asyncio accepts `backlog` at once
            http=_FewConnections,
            backlog=ACCEPTED_AT_ONCE,
            ws="none",
            loop="asyncio",
            lifespan="off",
        )
        thread = Thread(target=server.run, args=([listening],), name="metrics", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()


def metrics_url(settings: MonitoringSettings) -> str:
    """Return the address of the metrics."""
    host = f"[{settings.metrics_host}]" if ":" in settings.metrics_host else settings.metrics_host
    return f"http://{host}:{settings.metrics_port}/metrics"


def application(registry: CollectorRegistry, health: HealthChecks, *, is_loopback: bool) -> Starlette:
    """Return the application. On loopback, it refuses metrics to requests for another host (DNS rebinding)."""

    async def metrics(request: Request) -> Response:
        host = request.headers.get("Host", "")
        if is_loopback and not is_local(host):
            return _text(403, why_refused(host, "METRICS_HOST"))
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), headers=HEADERS | {"Content-Type": content_type})

    async def liveness(_: Request) -> Response:
        why_not = health.why_not_alive()
        return _text(200, "alive") if why_not is None else _text(503, why_not)

    async def readiness(_: Request) -> Response:
        why_not = health.why_not_ready()
        return _text(200, "ready") if why_not is None else _text(503, f"not ready: {why_not}")

    paths: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/metrics": metrics,
        "/healthz": liveness,
        "/readyz": readiness,
    }

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        is_missing = error.status_code == HTTPStatus.NOT_FOUND
        words = f"no such path: {request.scope['path']}; paths are {', '.join(paths)}" if is_missing else error.detail
        return _text(error.status_code, words, error.headers)

    routes = [Route(path, answer) for path, answer in paths.items()]
    app = Starlette(routes=routes, exception_handlers={HTTPException: refuse})
    app.router.redirect_slashes = False
    return app


def _text(status: int, words: str, headers: Mapping[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{words}\n", status, {**HEADERS, **(headers or {})})
