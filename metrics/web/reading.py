"""Read-only routes: they accept GET and HEAD, and refuse other methods with an error."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from metrics.web.methods import refuse_others
from metrics.web.openapi import Responses

METHODS = ("GET", "HEAD")
HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}


def add(
    router: APIRouter,
    path: str,
    answer: Callable[..., Any],
    tag: str,
    summary: str,
    responses: Responses,
    more: dict[str, Any] | None = None,
) -> None:
    """Add a path that accepts GET and HEAD, and is documented as GET.

    Args:
        responses: for the API document.
        more: additions to its entry in the API document.
    """
    add = partial(router.add_api_route, path, answer, response_model=None)
    add(methods=["GET"], tags=[tag], summary=summary, responses=responses, openapi_extra=more)
    add(methods=["HEAD"], include_in_schema=False)
    refuse_others(router, path, METHODS)


def json(answer: Any) -> Response:
    """Return an answer as JSON."""
    return Response(msgspec.json.encode(answer), headers=HEADERS, media_type="application/json")
