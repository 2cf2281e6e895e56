"""Routes that change something: they accept POST, with permission and a body of limited size."""

from collections.abc import Callable, Collection
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from metrics.web.methods import refuse_others
from metrics.web.openapi import Responses

METHODS = ("POST",)
_UNTRUSTED = "without a token, nobody may change anything from other machines: set API_TOKEN, or bind to 127.0.0.1"


def add(
    router: APIRouter,
    path: str,
    answer: Callable[..., Any],
    tag: str,
    summary: str,
    responses: Responses,
    more: dict[str, Any] | None = None,
) -> None:
    """Add a path that accepts POST.

    Args:
        responses: for the API document.
        more: additions to its entry in the API document.
    """
    router.add_api_route(
        path,
        answer,
        response_model=None,
        methods=[*METHODS],
        tags=[tag],
        summary=summary,
        responses=responses,
        openapi_extra=more,
    )
    refuse_others(router, path, METHODS)


def require_permission(request: Request) -> None:
    """Check that this server lets its clients change something: they have its token, or are on this machine.

    Raises:
        HTTPException: 403, it does not.
    """
    if not request.app.state.may_write:
        raise HTTPException(403, _UNTRUSTED)


def media_type(request: Request, known: Collection[str]) -> str:
    """Return the media type of a body. A page of another site cannot send one of JSON without the browser asking first.

    Raises:
        HTTPException: 415, it is not one of those known, or encoded.
    """
    given = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if given not in known:
        raise HTTPException(415, f"send the body as {' or '.join(known)}, and say so in the header Content-Type")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise HTTPException(415, "send the body without a Content-Encoding")
    return given


async def body(request: Request, max_bytes: int) -> bytes:
    """Return the whole body.

    Raises:
        HTTPException: 413, it is longer than `max_bytes`; 400, it was cut.
    """
    too_long = HTTPException(413, f"the body is longer than {max_bytes:,} bytes: send it in parts")
    if int(request.headers.get("Content-Length", 0)) > max_bytes:
        raise too_long
    received = bytearray()
    try:
        async for part in request.stream():
            received += part
            if len(received) > max_bytes:
                raise too_long
    except ClientDisconnect:
        raise HTTPException(400, "the body is incomplete") from None
    return bytes(received)
