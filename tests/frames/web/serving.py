"""The API served to real clients, over a live view that a test fills."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import create_server
from threading import Event, Thread

import httpx
from fastapi import FastAPI

from metrics.frames.live.view import LiveView
from metrics.frames.settings import Settings
from metrics.frames.sizes import MINUTE, SECOND
from metrics.frames.web import system
from metrics.web.app import create_app
from metrics.web.server import Server

KEEP = {SECOND: 3_600, MINUTE: 1_440}
TIMEOUT_S = 30.0


class Serving:
    """A server in a thread, and a client of it.

    Attributes:
        live: what is served.
        client: asks for paths.
        port: the server's, at 127.0.0.1.
        web: the server.
        stopping: set to stop it.
    """

    def __init__(self, live: LiveView, client: httpx.Client, port: int, web: Server, stopping: Event) -> None:
        self.live = live
        self.client = client
        self.port = port
        self.web = web
        self.stopping = stopping


@contextmanager
def serving(
    token: str | None = None,
    *,
    is_loopback: bool = True,
    live: LiveView | None = None,
    add: Callable[[FastAPI], None] = lambda _: None,
) -> Iterator[Serving]:
    """Serve a live view, one that has begun and is empty unless another is given, until the end of a test.

    Args:
        add: adds something to the application.
    """
    if live is None:
        live = LiveView(KEEP)
        live.begin([])
    frames = system.system(live, Settings())._replace(pages=[])
    app = create_app([frames], title="Frames", about="", token=token, is_loopback=is_loopback)
    add(app)
    started, stopping = Event(), Event()
    web = Server(app, stopping, on_start=started.set, on_stop=frames.stop)
    with create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        thread = Thread(target=lambda: asyncio.run(web.serve([listening])))
        thread.start()
        try:
            assert started.wait(TIMEOUT_S)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_S) as client:
                yield Serving(live, client, port, web, stopping)
        finally:
            stopping.set()
            thread.join(TIMEOUT_S)
    assert not thread.is_alive()
