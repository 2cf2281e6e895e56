"""The API: windows, how the group stands, new records as they come, and health."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from metrics.frames.live.board import Board, TooManyListenersError
from metrics.frames.live.kinds import KINDS
from metrics.frames.status.facts import Status
from metrics.frames.web import openapi, query, stream
from metrics.frames.web.answers import Health, csv_of, windows_of
from metrics.frames.web.openapi import Responses, troubles
from metrics.frames.web.query import WindowsQuery
from metrics.web import problems

HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}
Wanted = Annotated[WindowsQuery, Query()]


def routes(board: Board) -> APIRouter:
    """Return the routes of the API; each takes GET and HEAD."""
    router = APIRouter(default_response_class=Response)
    get = partial(_get, router)
    for kind in KINDS:
        answers = openapi.windows(kind.size_s) | troubles(401, 403, 406, 422, 503)
        get(f"/{kind.plural}", _windows(board, kind.size_s), "Windows", kind.title, answers)
    answers = openapi.windows(*board.sizes_s()) | troubles(401, 403, 404, 406, 422, 503)
    get("/windows/{size}", _windows_of_any_size(board), "Windows", "Windows of one size", answers)
    answers = openapi.stream() | troubles(401, 403, 422, 503)
    get("/stream", _stream(board), "Windows", "New records as they are committed", answers)
    answers = openapi.of(Status, "as `app.py status --json` prints it") | troubles(401, 403, 503)
    get("/status", _status(board), "Group", "How the group stands", answers)
    answers = openapi.of(Health, "it does")
    get("/healthz", _healthz, "Health", "The process lives", answers, openapi.OPEN_TO_ALL)
    answers = openapi.of(Health, "it is") | troubles(503)
    get("/readyz", _readyz(board), "Health", "What is shown is up to date", answers, openapi.OPEN_TO_ALL)
    return router


def _get(
    router: APIRouter,
    path: str,
    answer: Callable[..., Any],
    tag: str,
    summary: str,
    responses: Responses,
    more: dict[str, Any] | None = None,
) -> None:
    """Add a path that takes GET and HEAD, and is described as GET."""
    add = partial(router.add_api_route, path, answer, response_model=None)
    add(methods=["GET"], tags=[tag], summary=summary, responses=responses, openapi_extra=more)
    add(methods=["HEAD"], include_in_schema=False)
    router.routes.append(problems.OtherMethods(path, ("GET", "HEAD")))


def _windows(board: Board, size_s: int) -> Callable[..., Response]:
    def windows(request: Request, wanted: Wanted) -> Response:
        """Return windows of one size, the oldest first: the newest ones, or with `from` those from then on."""
        return _answer(board, size_s, request, wanted)

    return windows


def _windows_of_any_size(board: Board) -> Callable[..., Response]:
    names = {kind.plural: kind.size_s for kind in KINDS}
    there = ", ".join(f"{name} ({size_s})" for name, size_s in names.items())
    about = f"a name or a size in seconds, `60`, `60s` or `1m`; there are {there}"

    def windows(
        request: Request, size: Annotated[str, Path(description=about, examples=["minutes"])], wanted: Wanted
    ) -> Response:
        """Return windows of one size, the oldest first: the newest ones, or with `from` those from then on."""
        size_s = names.get(size) or query.size_of(size)
        if size_s is None or size_s not in board.sizes_s():
            raise HTTPException(404, f"there are no windows of {size}; there are {there}")
        return _answer(board, size_s, request, wanted)

    return windows


def _answer(board: Board, size_s: int, request: Request, wanted: WindowsQuery) -> Response:
    form = wanted.format or query.accepted(request.headers.get("Accept"))
    within = wanted.range()
    if form is None:
        raise HTTPException(406, f"accepted must be one of {', '.join(query.MEDIA_TYPES)}, or ask for ?format=csv")
    if not board.has_begun:
        raise HTTPException(503, _why_not(board, "the results are not read yet"))
    there = board.between(size_s, within.start, within.end)
    results = there[-wanted.limit :] if wanted.start is None else there[: wanted.limit]
    if form == "csv":
        return Response(csv_of(size_s, results), headers=HEADERS, media_type="text/csv")
    return _json(windows_of(size_s, results, board.kept_from(size_s), has_more=len(results) < len(there)))


def _json(answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), headers=HEADERS, media_type="application/json")


def _why_not(board: Board, otherwise: str) -> str:
    trouble = board.trouble
    return otherwise if trouble is None else trouble.what


def _status(board: Board) -> Callable[[], Response]:
    def status() -> Response:
        """Return how the group stood when it was last asked, about once a second."""
        if board.status is None:
            raise HTTPException(503, _why_not(board, "the group's state is not known yet"))
        return _json(board.status)

    return status


def _stream(board: Board) -> Callable[..., Any]:
    async def events(
        request: Request,
        last_event_id: Annotated[
            str | None,
            Header(
                pattern=stream.LAST_EVENT_ID,
                description="the id of the last event that is known: what is kept and came after it is sent first",
                examples=["1=1468244384,60=1468244340"],
            ),
        ] = None,
    ) -> Response:
        """Send an event `second` or `minute` for each record, which is its data, as long as the client reads.

        It has no end, so ask for it with `curl -N`, or an EventSource in a browser, which comes again by itself.
        """
        if request.method == "HEAD":
            return Response(headers=stream.HEADERS, media_type=stream.MEDIA_TYPE)
        try:
            return stream.EventStream(board, last_event_id)
        except TooManyListenersError:
            raise HTTPException(503, "too many listen already; come again later", {"Retry-After": "10"}) from None

    return events


async def _healthz() -> Response:
    """Tell that the process lives."""
    return _json(Health())


def _readyz(board: Board) -> Callable[[], Response]:
    def readyz() -> Response:
        """Tell whether the broker answers, and the results and the group's state are known."""
        if not board.is_ready:
            raise HTTPException(503, _why_not(board, "the results or the group's state are not known yet"))
        return _json(Health())

    return readyz
