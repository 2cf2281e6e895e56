"""Health of the server: `/healthz` and `/readyz`, which need no token."""

from collections.abc import Callable, Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter
from msgspec import Meta
from starlette.exceptions import HTTPException
from starlette.responses import Response

from metrics.web import openapi, reading


class Health(msgspec.Struct):
    """The healthy response."""

    status: Annotated[str, Meta(examples=["ok"])] = "ok"


def router(why_not_ready: Sequence[Callable[[], str | None]]) -> APIRouter:
    """Return the routes of health.

    Args:
        why_not_ready: a function of each system that returns why it is not ready, or None.
    """

    async def healthz() -> Response:
        """Report that the process is alive."""
        return reading.json(Health())

    def readyz() -> Response:
        """Report whether the results of every system are up to date."""
        why_not = "; ".join(filter(None, (why_not() for why_not in why_not_ready)))
        if why_not:
            raise HTTPException(503, why_not)
        return reading.json(Health())

    routes = APIRouter(default_response_class=Response)
    answers = openapi.answer(Health, "it is alive")
    reading.add(routes, "/healthz", healthz, "Health", "Liveness", answers, openapi.OPEN_TO_ALL)
    answers = openapi.answer(Health, "results are up to date") | openapi.problems(503)
    reading.add(routes, "/readyz", readyz, "Health", "Readiness", answers, openapi.OPEN_TO_ALL)
    return routes
