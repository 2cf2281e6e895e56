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
    """All is well."""

    status: Annotated[str, Meta(examples=["ok"])] = "ok"


def router(why_not_ready: Sequence[Callable[[], str | None]]) -> APIRouter:
    """Return the routes of health.

    Args:
        why_not_ready: of each system.
    """

    async def healthz() -> Response:
        """Tell that the process lives."""
        return reading.json(Health())

    def readyz() -> Response:
        """Tell whether what each system shows is up to date."""
        why_not = "; ".join(filter(None, (why_not() for why_not in why_not_ready)))
        if why_not:
            raise HTTPException(503, why_not)
        return reading.json(Health())

    routes = APIRouter(default_response_class=Response)
    answers = openapi.answer(Health, "it does")
    reading.add(routes, "/healthz", healthz, "Health", "The process lives", answers, openapi.OPEN_TO_ALL)
    answers = openapi.answer(Health, "it is") | openapi.problems(503)
    reading.add(routes, "/readyz", readyz, "Health", "What is shown is up to date", answers, openapi.OPEN_TO_ALL)
    return routes
