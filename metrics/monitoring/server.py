"""`/metrics`, `/healthz` and `/readyz` of the main job, by HTTP."""

import socket
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from socketserver import TCPServer
from threading import Lock, Thread
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from metrics.errors import SettingsError
from metrics.frames.monitoring.exposed import Exposed
from metrics.frames.monitoring.families import Families
from metrics.frames.settings import Settings
from metrics.web.local_hosts import is_local

CLIENT_TIMEOUT_S = 10.0
MOST_WAITING = 32
SHUTDOWN_POLL_S = 0.05
TEXT = "text/plain; charset=utf-8"


class _Answer(NamedTuple):
    status: HTTPStatus
    content_type: str
    body: bytes


class _Server(ThreadingHTTPServer):
    """Answers each request in a thread of its own, so that a slow client keeps nobody waiting.

    Where more than MOST_WAITING connections wait for a request, the one that has waited longest is closed, so that
    connections without a request take neither the process's file handles nor its memory.

    Args:
        host: address or name to listen at, of IPv4 or IPv6.

    Raises:
        OSError: it cannot be listened there.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, exposed: Exposed, registry: CollectorRegistry) -> None:
        self.exposed = exposed
        self.registry = registry
        self._waiting: OrderedDict[socket.socket, None] = OrderedDict()
        self._lock = Lock()
        self.address_family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        super().__init__((str(address[0]), port), _Handler)
        self.has_only_local_hosts = ip_address(str(address[0]).partition("%")[0]).is_loopback

    def server_bind(self) -> None:
        """Listen, without asking what the host is called elsewhere: that may take seconds."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin to wait for a connection's request."""
        with self._lock:
            self._waiting[request] = None
            oldest = next(iter(self._waiting)) if len(self._waiting) > MOST_WAITING else None
        if oldest is not None:
            self.wait_no_longer(oldest)
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)  # its thread reads its end, and closes it
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self.wait_no_longer(request)
        super().shutdown_request(request)

    def wait_no_longer(self, request: socket.socket) -> None:
        """Note that a connection's request is there, or that none will come."""
        with self._lock:
            self._waiting.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a client that went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    timeout = CLIENT_TIMEOUT_S
    server_version, sys_version = "frames", ""
    server: _Server

    def do_GET(self) -> None:
        answer = self._answer()
        self._begin(answer)
        self.wfile.write(answer.body)

    def do_HEAD(self) -> None:
        self._begin(self._answer())

    def log_message(self, *_: object) -> None:
        """Log nothing: standard error is for what is wrong."""

    def _begin(self, answer: _Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()

    def _answer(self) -> _Answer:
        self.server.wait_no_longer(self.connection)
        routes: dict[str, Callable[[], _Answer]] = {
            "/metrics": self._metrics,
            "/healthz": self._liveness,
            "/readyz": self._readiness,
        }
        path = self.path.partition("?")[0]
        missing = f"there is no {path}, only {', '.join(routes)}"
        return routes.get(path, lambda: _text(HTTPStatus.NOT_FOUND, missing))()

    def _liveness(self) -> _Answer:
        still_s = self.server.exposed.stands_still_s()
        if still_s is None:
            return _text(HTTPStatus.OK, "the process lives")
        return _text(HTTPStatus.SERVICE_UNAVAILABLE, f"the loop stands still: it has not turned for {still_s:.0f} s")

    def _metrics(self) -> _Answer:
        host = self.headers.get("Host", "")
        if self.server.has_only_local_hosts and not is_local(host):
            return _text(HTTPStatus.FORBIDDEN, f"asked for the host {host}: use 127.0.0.1, or set METRICS_HOST")
        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        return _Answer(HTTPStatus.OK, content_type, encode(self.server.registry))

    def _readiness(self) -> _Answer:
        why_not = self.server.exposed.why_not_ready()
        if why_not is None:
            return _text(HTTPStatus.OK, "ready")
        return _text(HTTPStatus.SERVICE_UNAVAILABLE, f"not ready: {why_not}")


def _text(status: HTTPStatus, words: str) -> _Answer:
    return _Answer(status, TEXT, f"{words}\n".encode())


@contextmanager
def exposed_over_http(settings: Settings) -> Iterator[Exposed]:
    """Serve what the main job exposes at METRICS_HOST and METRICS_PORT; gives what is to be told of the job.

    Raises:
        SettingsError: it cannot be listened there, for instance because somebody else does.
    """
    assert settings.metrics_port is not None
    exposed = Exposed(settings.broker_timeout_s)
    registry = exposed.registry
    registry.register(Families(settings, exposed))
    for of_process in (ProcessCollector, PlatformCollector, GCCollector):
        of_process(registry=registry)
    try:
        server = _Server(settings.metrics_host, settings.metrics_port, exposed, registry)
    except OSError as error:
        raise SettingsError(
            f"METRICS_PORT={settings.metrics_port}: nothing can be served at {settings.metrics_host}",
            why=error.strerror or str(error),
            now="choose another METRICS_PORT or METRICS_HOST, or unset METRICS_PORT",
        ) from None
    with server:
        thread = Thread(target=server.serve_forever, args=(SHUTDOWN_POLL_S,), name="metrics", daemon=True)
        thread.start()
        try:
            yield exposed
        finally:
            server.shutdown()
            thread.join()
