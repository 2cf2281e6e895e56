"""The web server: what it serves, and how it begins and ends."""

import asyncio
from collections.abc import Callable
from socket import socket
from threading import Event

import nicegui
import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from starlette.requests import Request
from starlette.responses import Response

from metrics.frames.live.board import Board
from metrics.frames.settings import Settings
from metrics.frames.web import openapi, page, routes
from metrics.web import connections, problems
from metrics.web.auth import Guard

CUT_S, END_S = 0.5, 1
TITLE = "Frames per second and unique users per minute"
VERSION = "1"
ABOUT = """The committed results of the main job, read from their topics as they come; times are in UTC.

What is answered where something is wrong is `application/problem+json`, by RFC 9457. HEAD is answered as GET is.
"""


def create(board: Board, settings: Settings, *, is_loopback: bool = True) -> FastAPI:
    """Return the application: the API, its documentation, and the page.

    Args:
        is_loopback: whether it is served at loopback only.
    """
    app = create_api(board, settings)
    app.add_route("/", _head_of_page, ["HEAD"])
    page.add_to(app, board, settings)
    problems.add_to(nicegui.app)  # the page's own application answers what the API does not
    guard(app, settings, is_loopback=is_loopback)
    return app


async def _head_of_page(_: Request) -> Response:
    return Response(media_type="text/html")


def create_api(board: Board, settings: Settings) -> FastAPI:
    """Return an application with the API and its documentation; swagger-ui's files come with a package."""
    app = FastAPIOffline(title=TITLE, version=VERSION, description=ABOUT, redoc_url=None)
    for route in app.routes:
        if isinstance(route, APIRoute) and route.methods == {"GET"}:
            route.methods.add("HEAD")
    app.include_router(routes.routes(board))
    problems.add_to(app)
    openapi.add_to(app, with_token=settings.api_token is not None)
    return app


def guard(app: FastAPI, settings: Settings, *, is_loopback: bool) -> None:
    """Let an application answer only those who may ask; whatever is added to it has to be there before."""
    app.add_middleware(Guard, token=settings.api_token, is_loopback=is_loopback)


class Server(uvicorn.Server):
    """Serves until it is told to stop; whoever listens then is let go of.

    Args:
        stopping: set to stop it.
        on_start: called when it answers.
        on_tick: called about ten times a second.
    """

    def __init__(
        self, app: FastAPI, board: Board, stopping: Event, on_start: Callable[[], None], on_tick: Callable[[], None]
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=connections.BoundedProtocol,
                backlog=connections.BACKLOG,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=END_S,
                server_header=False,
            )
        )
        self._board = board
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

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let go of whoever listens, and answer no more; connections that do not end by themselves are cut."""
        self._board.end()
        cutting = asyncio.get_running_loop().call_later(CUT_S, self._cut)
        await super().shutdown(sockets)
        cutting.cancel()

    def _cut(self) -> None:
        for connection in [*self.server_state.connections]:
            connection.transport.abort()
