"""The web server of a command: where it listens, what it serves, and how it ends."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import socket
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from metrics.cli.reporting import stopping_on_signals
from metrics.terminal.console import say

if TYPE_CHECKING:
    from metrics.web.app import System
    from metrics.web.server import Server

log = logging.getLogger(__name__)

MIN_USER_PORT, MAX_PORT = 1_024, 65_535
Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Address to bind to; 0.0.0.0 admits other machines.")]
Port = Annotated[int, typer.Option(min=0, max=MAX_PORT, metavar="N", help="Port to bind to; 0 picks a free one.")]
LOOPBACK, PORT = "127.0.0.1", 8000

IPAddress = IPv4Address | IPv6Address
Part = Callable[[], AbstractContextManager["System"]]


def listen(host: str, port: int, command: str) -> socket:
    """Bind the address of a command's options, and listen.

    Raises:
        SettingsError: the address is in use, or not one of this machine.
    """
    # The web server takes half a second to import, which the help need not wait for.
    from metrics.web import server

    other = port + 1 if MIN_USER_PORT <= port < MAX_PORT else PORT
    return server.listen(
        host,
        port,
        what=f"cannot bind to {host}:{port}",
        port_hint=f"choose another port: python app.py {command} --port {other}",
        host_hint=f"choose an address of this machine: --host {LOOPBACK}",
    )


def run(listening: socket, parts: Sequence[Part], *, title: str, about: str, token: str | None) -> None:
    """Serve systems until Ctrl-C, SIGTERM or SIGHUP.

    Args:
        parts: one for each system, which starts what serves it, and stops that at the end; it imports the system.
        title, about: of the API document.
        token: required by every route except the health checks; without one, POST is accepted on loopback only.
    """
    with (
        stopping_on_signals() as stopping,
        _server(listening, parts, stopping, title=title, about=about, token=token) as server,
    ):
        server.run([listening])


@contextmanager
def running(
    listening: socket, parts: Sequence[Part], stopping: Event, *, title: str, about: str, token: str | None
) -> Iterator[None]:
    """Serve systems in a thread for the duration of the context, or until `stopping` is set.

    At the end `stopping` is set; also if the server fails, whose error is then raised.

    Args:
        parts, title, about, token: as of `run`.
    """
    with (
        _server(listening, parts, stopping, title=title, about=about, token=token) as server,
        ThreadPoolExecutor(1, "server") as threads,
    ):
        served = threads.submit(server.run, [listening])
        served.add_done_callback(lambda _: stopping.set())
        try:
            yield
        finally:
            stopping.set()
        served.result()


@contextmanager
def _server(
    listening: socket, parts: Sequence[Part], stopping: Event, *, title: str, about: str, token: str | None
) -> Iterator["Server"]:
    """Yield the server of systems, which are started, and stopped at the end."""
    # NiceGUI resolves this folder on import, even if the working folder is gone. Nothing is stored in it, so it need
    # not be writable: with a read-only root no folder is.
    os.environ.setdefault("NICEGUI_STORAGE_PATH", os.devnull)
    from metrics.web.app import create_app
    from metrics.web.server import Server

    address = ip_address(listening.getsockname()[0])
    if token is None and not address.is_loopback:
        what = "anyone who can reach %s can read the results, and POST is refused"
        log.warning(f"{what}: set API_TOKEN, or bind to 127.0.0.1", address)
    with ExitStack() as started:
        systems = [started.enter_context(part()) for part in parts]
        yield Server(
            create_app(systems, title=title, about=about, token=token, is_loopback=address.is_loopback),
            stopping,
            on_start=lambda: _say_where(address, listening.getsockname()[1]),
            on_tick=_each(system.tick for system in systems),
            on_stop=_each(system.stop for system in systems),
        )


def _each(functions: Iterable[Callable[[], None]]) -> Callable[[], None]:
    """Return a function that calls several ones, one after the other."""
    called = [*functions]

    def call() -> None:
        for function in called:
            function()

    return call


def _say_where(address: IPAddress, port: int) -> None:
    host = "127.0.0.1" if address.is_unspecified else f"[{address}]" if address.version == 6 else address
    everywhere = ", and at every other address of this machine" if address.is_unspecified else ""
    say(f"the page is at http://{host}:{port}/ and the API at http://{host}:{port}/docs{everywhere}; Ctrl-C ends")
