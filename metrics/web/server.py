"""The server of every page, API and metrics port: how it listens, starts and stops."""

import asyncio
import errno
import socket
import sys
from collections.abc import Callable
from threading import Event
from typing import Any

import uvicorn

from metrics.web.connections import BACKLOG, BoundedProtocol
from metrics.wording.errors import SettingsError

CUT_S, END_S = 0.5, 1
UNREAD_S = 30


def listen(host: str, port: int, *, what: str, port_hint: str, host_hint: str) -> socket.socket:
    """Bind an address and listen. On Linux, a connection whose client reads nothing for UNREAD_S seconds is closed.

    Args:
        what: of the error if that fails.
        port_hint, host_hint: of the error, if the port cannot be used, or if the address is not one of this machine.

    Raises:
        SettingsError: the address is in use, or not one of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.create_server(address, family=family)
    except OSError as error:
        hint = port_hint if error.errno in {errno.EADDRINUSE, errno.EACCES} else host_hint
        raise SettingsError(what, why=(error.strerror or str(error)).partition(" (while")[0], hint=hint) from error
    if sys.platform == "linux":  # its connections inherit this
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1_000 * UNREAD_S)
    return listening


def _nothing() -> None:
    pass


class Server(uvicorn.Server):
    """A server that runs until an event is set, in any thread.

    Args:
        app: an ASGI application.
        stopping: set to stop it.
        on_start: called once it answers.
        on_tick: called about ten times a second.
        on_stop: called before connections are closed; ends responses that have no end of their own.
        options: of uvicorn.
    """

    def __init__(
        self,
        app: Any,
        stopping: Event,
        *,
        on_start: Callable[[], None] = _nothing,
        on_tick: Callable[[], None] = _nothing,
        on_stop: Callable[[], None] = _nothing,
        **options: Any,
    ) -> None:
        defaults: dict[str, Any] = {
            "http": BoundedProtocol,
            "backlog": BACKLOG,
            "log_config": None,
            "log_level": "error",  # no warnings about requests that are not HTTP
            "access_log": False,
            "timeout_graceful_shutdown": END_S,
            "server_header": False,
        }
        super().__init__(uvicorn.Config(app, **(defaults | options)))
        self._stopping = stopping
        self._on_start = on_start
        self._on_tick = on_tick
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start answering, and call `on_start`."""
        await super().startup(sockets)
        self._on_start()

    async def on_tick(self, counter: int) -> bool:
        """Return whether it is time to stop."""
        self._on_tick()
        return self._stopping.is_set() or await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End responses, then abort connections that do not close by themselves."""
        self._on_stop()
        cutting = asyncio.get_running_loop().call_later(CUT_S, self._cut)
        await super().shutdown(sockets)
        cutting.cancel()

    def _cut(self) -> None:
        for connection in [*self.server_state.connections]:
            connection.transport.abort()
