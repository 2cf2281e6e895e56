"""The API: windows, how the group stands, and new records as they come."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from metrics.frames.live.view import LiveView, TooManyListenersError
from metrics.frames.sizes import SIZES, Size
from metrics.frames.status.facts import Status
from metrics.frames.web import openapi, query, stream
from metrics.frames.web.answers import csv_of, windows_of
from metrics.frames.web.query import WindowsQuery
from metrics.web import reading, sse
from metrics.web.openapi import answer, problem, problems

Wanted = Annotated[WindowsQuery, Query()]


def routes(live: LiveView) -> APIRouter:
    """Return the routes of the API; each takes GET and HEAD."""
    router = APIRouter(default_response_class=Response)
    get = partial(reading.add, router)
    for size in SIZES:
        answers = openapi.windows(size) | problems(401, 403, 406, 422, 503)
        get(f"/{size.plural}", _windows(live, size), "Windows", size.title, answers)
    answers = openapi.windows_of_any_size() | problems(401, 403, 406, 422, 503)
    answers |= problem(404, "there are no windows of this size")
    get("/windows/{size}", _windows_of_any_size(live), "Windows", "Windows of one size", answers)
    answers = openapi.stream() | problems(401, 403, 422, 503)
    get("/stream", _stream(live), "Windows", "New records as they are committed", answers)
    answers = answer(Status, "as `app.py status --json` prints it") | problems(401, 403, 503)
    get("/status", _status(live), "Group", "How the group stands", answers)
    return router


def _windows(live: LiveView, size: Size) -> Callable[..., Response]:
    def windows(request: Request, wanted: Wanted) -> Response:
        """Return windows of one size, the oldest first: the newest ones, or with `from` those from then on."""
        return _answer(live, size, request, wanted)

    return windows


def _windows_of_any_size(live: LiveView) -> Callable[..., Response]:
    named = {size.plural: size for size in SIZES}
    there = ", ".join(f"{name} ({size.size_s})" for name, size in named.items())
    about = f"a name or a size in seconds, `60`, `60s` or `1m`; there are {there}"

    def windows(
        request: Request, size: Annotated[str, Path(description=about, examples=["minutes"])], wanted: Wanted
    ) -> Response:
        """Return windows of one size, the oldest first: the newest ones, or with `from` those from then on."""
        length_s = query.size_of(size)
        found = named.get(size) or next((each for each in SIZES if each.size_s == length_s), None)
        if found is None:
            raise HTTPException(404, f"there are no windows of {size}; there are {there}")
        return _answer(live, found, request, wanted)

    return windows


def _answer(live: LiveView, size: Size, request: Request, wanted: WindowsQuery) -> Response:
    form = wanted.format or query.accepted(request.headers.get("Accept"))
    within = wanted.range()
    if form is None:
        raise HTTPException(406, f"accepted must be one of {', '.join(query.MEDIA_TYPES)}, or ask for ?format=csv")
    if not live.has_begun:
        raise HTTPException(503, _why_not(live, "the results are not read yet"))
    there = live.between(size.size_s, within.start, within.end)
    results = there[-wanted.limit :] if wanted.start is None else there[: wanted.limit]
    if form == "csv":
        return Response(csv_of(size, results), headers=reading.HEADERS, media_type="text/csv")
    kept_from = live.kept_from(size.size_s)
    return reading.json(windows_of(size.size_s, results, kept_from, has_more=len(results) < len(there)))


def _why_not(live: LiveView, otherwise: str) -> str:
    outage = live.outage
    return otherwise if outage is None else outage.what


def _status(live: LiveView) -> Callable[[], Response]:
    def status() -> Response:
        """Return how the group stood when it was last asked, about once a second."""
        if live.status is None:
            raise HTTPException(503, _why_not(live, "the group's state is not known yet"))
        return reading.json(live.status)

    return status


def _stream(live: LiveView) -> Callable[..., Any]:
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
            return Response(headers=sse.HEADERS, media_type=sse.MEDIA_TYPE)
        try:
            return stream.of(live, last_event_id)
        except TooManyListenersError:
            raise HTTPException(503, "too many listen already; come again later", {"Retry-After": "10"}) from None

    return events
