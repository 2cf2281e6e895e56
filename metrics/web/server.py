"""The web server: what it serves, and how it begins and ends."""

from collections.abc import Callable
from socket import socket
from threading import Event

import uvicorn
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from metrics.live.board import Board
from metrics.settings import Settings
from metrics.web import page

END_S = 1


def create(board: Board, settings: Settings) -> FastAPI:
    """Return the application: the API, its documentation, and the page."""
    app = FastAPIOffline(title="Frames per second and unique users per minute", redoc_url=None)
    page.add_to(app, board, settings)
    return app


class Server(uvicorn.Server):
    """Serves until it is told to stop; whoever listens then is let go of.

    Args:
        stopping: set to stop it.
        on_start: called when it answers.
        on_tick: called about ten times a second.
    """

    def __init__(
        self, app: FastAPI, stopping: Event, on_start: Callable[[], None], on_tick: Callable[[], None]
    ) -> None:
        super().__init__(
            uvicorn.Config(app, log_config=None, log_level="warning", timeout_graceful_shutdown=END_S, workers=1)
        )
        self._stopping = stopping
        self._on_start = on_start
        self._on_tick = on_tick

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        self._on_start()

    async def on_tick(self, counter: int) -> bool:
        """Tell whether it is time to stop."""
        self._on_tick()
        return self._stopping.is_set() or await super().on_tick(counter)
