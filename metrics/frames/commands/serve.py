"""`serve`: serves the page and the API."""

import logging
import os
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import socket
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from metrics.cli.broker_in_use import broker_in_use
from metrics.cli.reporting import stopping_on_signals
from metrics.frames.live.reader import Reader
from metrics.frames.live.view import LiveView, Outage
from metrics.frames.settings import Settings
from metrics.frames.sizes import SIZES
from metrics.terminal.console import say

if TYPE_CHECKING:
    from metrics.web.server import Server

IPAddress = IPv4Address | IPv6Address
log = logging.getLogger(__name__)

END_S = 0.3


def serve(
    *,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to bind to; 0.0.0.0 admits other machines.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, metavar="N", help="Port to bind to; 0 picks a free one.")
    ] = 8000,
) -> None:
    """Serve a live page of the results, and an HTTP API (documented at /docs).

    Read-only: it joins no group, and any number of servers may run beside the job. `KEEP_SECONDS` and `KEEP_MINUTES`
    bound its memory. If other machines can reach it, set `API_TOKEN`.

    Ctrl-C ends it with exit code 0.

    Example: `python app.py serve --port 8000`, then `curl "http://127.0.0.1:8000/minutes?limit=5&format=csv"`
    """
    from metrics.web.server import listen

    listening = listen(
        host,
        port,
        what=f"cannot bind to {host}:{port}",
        hint="choose another port: python app.py serve --port 8001",
    )
    with listening, broker_in_use(Settings, log.info) as settings, stopping_on_signals() as stopping:
        if settings.api_token is None and not _address(listening).is_loopback:
            log.warning("anyone who can reach %s can read the results: set API_TOKEN, or bind to 127.0.0.1", host)
        keep = {size: settings.keep(size) for size in SIZES}
        live = LiveView(keep)
        server = _server(listening, live, settings, stopping)
        reader = Reader(settings, live, keep)
        reader.start()
        try:
            server.run([listening])
        finally:
            reader.stop()
            reader.join(END_S)


def _server(listening: socket, live: LiveView, settings: Settings, stopping: Event) -> "Server":
    """Return the server of the systems' pages and routes."""
    # NiceGUI resolves this folder on import, even if the working folder is gone. Nothing is stored in it, so it need
    # not be writable: with a read-only root no folder is.
    os.environ.setdefault("NICEGUI_STORAGE_PATH", os.devnull)
    from metrics.frames.web.system import ABOUT, TITLE, system
    from metrics.web.app import create_app
    from metrics.web.server import Server

    address, outages, frames = _address(listening), _Outages(), system(live, settings)
    app = create_app([frames], title=TITLE, about=ABOUT, token=settings.api_token, is_loopback=address.is_loopback)
    return Server(
        app,
        stopping,
        on_start=lambda: _say_where(address, listening.getsockname()[1]),
        on_tick=lambda: outages.report(live.outage),
        on_stop=frames.stop,
    )


def _address(listening: socket) -> IPAddress:
    return ip_address(listening.getsockname()[0])


def _say_where(address: IPAddress, port: int) -> None:
    host = "127.0.0.1" if address.is_unspecified else f"[{address}]" if address.version == 6 else address
    everywhere = ", and at every other address of this machine" if address.is_unspecified else ""
    say(f"the page is at http://{host}:{port}/ and the API at http://{host}:{port}/docs{everywhere}; Ctrl-C ends")


class _Outages:
    """Log of outages: each is logged once, and once more when all are over."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def report(self, outage: Outage | None) -> None:
        """Log a change."""
        if outage is None and self._said:
            self._said.clear()
            log.info("reconnected: the page is up to date")
        elif outage is not None and outage.what not in self._said:
            self._said.add(outage.what)
            log.warning(outage.what)
