"""Routes that change something: they accept POST, with permission and a body of limited size."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from metrics.web.methods import refuse_others
from metrics.web.openapi import Responses

METHODS = ("POST",)
BODY_S = 8.0  # less than REQUEST_S, after which the connection is closed without an answer
UNTRUSTED = "without a token, nobody may change anything from other machines: set API_TOKEN, or bind to 127.0.0.1"


def add(
    router: APIRouter,
    path: str,
    answer: Callable[..., Any],
    tag: str,
    summary: str,
    responses: Responses,
    more: dict[str, Any] | None = None,
    status: int = 200,
) -> None:
    """Add a path that accepts POST.

    Args:
        responses: for the API document.
        more: additions to its entry in the API document.
        status: of its successful response.
    """
    router.add_api_route(
        path,
        answer,
        response_model=None,
        status_code=status,
        methods=[*METHODS],
        tags=[tag],
        summary=summary,
        responses=responses,
        openapi_extra=more,
    )
    refuse_others(router, path, METHODS)


def may_write(request: Request) -> bool:
    """Return whether this server lets its clients change something: they have its token, or are on this machine."""
    return bool(request.app.state.may_write)


def require_permission(request: Request) -> None:
    """Check that this server lets its clients change something.

    Raises:
        HTTPException: 403, it does not.
    """
    if not may_write(request):
        raise HTTPException(403, UNTRUSTED)


def media_type(request: Request, known: Collection[str], encodings: Sequence[str] = ("identity",)) -> str:
    """Return the media type of a body. Browsers let pages of other sites send JSON only with this server's consent.

    Args:
        known, encodings: what the route accepts.

    Raises:
        HTTPException: 415, it is none of the known ones, or the body is encoded otherwise.
    """
    given = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if given not in known:
        raise HTTPException(415, f"send the body as {' or '.join(known)}, and say so in the header Content-Type")
    encoding = ", ".join(request.headers.getlist("Content-Encoding")) or "identity"  # several are one list
    if encoding.lower() not in encodings:
        others = [encoding for encoding in encodings if encoding != "identity"]
        instead = f", or with one of {', '.join(others)}" if others else ""
        raise HTTPException(415, f"send the body without a Content-Encoding{instead}")
    return given


class Bodies:
    """Bodies of requests in memory; the size of each, and of all together, is limited.

    A body that does not arrive keeps no others out: only bytes that have arrived count.

    Args:
        busy: the answer to a request whose body does not fit beside the others.
        shorter: what to do about a body that is too long, or takes too long.
    """

    def __init__(self, max_bytes: int, max_bytes_together: int, busy: str, shorter: str) -> None:
        self._max_bytes = max_bytes
        self._free_bytes = max_bytes_together
        self._busy = busy
        self._shorter = shorter

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[io.BytesIO]:
        """Receive the body of a request; it counts as in memory until the context ends.

        Raises:
            HTTPException: 400, it was cut; 408, it did not arrive in time; 413, it is too long; 503, there is no room.
        """
        received = io.BytesIO()
        try:
            await self._receive(request, received)
            yield received
        finally:
            self._free_bytes += received.getbuffer().nbytes

    async def _receive(self, request: Request, received: io.BytesIO) -> None:
        too_long = HTTPException(413, f"the body is longer than {self._max_bytes:,} bytes: {self._shorter}")
        if int(request.headers.get("Content-Length", 0)) > self._max_bytes:
            raise too_long
        try:
            async with asyncio.timeout(BODY_S):
                async for part in request.stream():
                    received.write(part)
                    self._free_bytes -= len(part)
                    if received.tell() > self._max_bytes:
                        raise too_long
                    if self._free_bytes < 0:
                        raise HTTPException(503, self._busy, {"Retry-After": "10"})
        except TimeoutError:
            raise HTTPException(408, f"the body did not arrive within {BODY_S:g} s: {self._shorter}") from None
        except ClientDisconnect:
            raise HTTPException(400, "the body is incomplete") from None
