"""The page."""

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from metrics.live.board import Board
from metrics.settings import Settings


def add_to(app: FastAPI, board: Board, settings: Settings) -> None:  # noqa: ARG001  (a stub)
    """Add the page at `/`."""

    @app.get("/", include_in_schema=False, response_class=HTMLResponse)
    def page() -> str:
        return "<!doctype html><title>Metrics</title><p><a href=docs>The API</a>"
