"""The API: windows, the group's status, and new records as they are committed."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from metrics.frames.live.view import LiveView, TooManyListenersError
from metrics.frames.sizes import SIZES, Size
from metrics.frames.status.facts import Status
from metrics.frames.web import openapi, query, stream
from metrics.frames.web.answers import Windows, csv_of
from metrics.frames.web.query import WindowsQuery
from metrics.web import formats, reading, sse
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
    answers |= problem(404, "no windows of this size")
    get("/windows/{size}", _windows_of_any_size(live), "Windows", "Windows of one size", answers)
    answers = openapi.stream() | problems(401, 403, 422, 503)
    get("/stream", _stream(live), "Windows", "New records as they are committed", answers)
    answers = answer(Status, "the output of `status --json`") | problems(401, 403, 503)
    get("/status", _status(live), "Group", "Status of the consumer group", answers)
    return router


def _windows(live: LiveView, size: Size) -> Callable[..., Response]:
    def windows(request: Request, wanted: Wanted) -> Response:
        """Return windows of one size, the oldest first: the newest ones or, with `from`, those from that time on."""
        return _answer(live, size, request, wanted)

    return windows


def _windows_of_any_size(live: LiveView) -> Callable[..., Response]:
    named = {size.plural: size for size in SIZES}
    sizes = ", ".join(f"{name} ({size.size_s})" for name, size in named.items())
    about = f"a name or a size in seconds, `60`, `60s` or `1m`: one of {sizes}"

    def windows(
        request: Request, size: Annotated[str, Path(description=about, examples=["minutes"])], wanted: Wanted
    ) -> Response:
        """Return windows of one size, the oldest first: the newest ones or, with `from`, those from that time on."""
        length_s = query.size_of(size)
        found = named.get(size) or next((each for each in SIZES if each.size_s == length_s), None)
        if found is None:
            raise HTTPException(404, f"no windows of size {size}; sizes are {sizes}")
        return _answer(live, found, request, wanted)

    return windows


def _answer(live: LiveView, size: Size, request: Request, wanted: WindowsQuery) -> Response:
    within = wanted.range()
    form = formats.chosen(request, wanted.format)
    if not live.has_begun:
        raise HTTPException(503, _why_not(live, "the results have not been read yet"))
    kept = live.between(size.size_s, within.start, within.end)
    results = kept[-wanted.limit :] if wanted.start is None else kept[: wanted.limit]
    if form == "csv":
        return formats.csv_answer(csv_of(size, results))
    records = [msgspec.Raw(result.value) for result in results]
    return reading.json(Windows(size.size_s, records, len(results) < len(kept), live.kept_from(size.size_s)))


def _why_not(live: LiveView, otherwise: str) -> str:
    outage = live.outage
    return otherwise if outage is None else outage.what


def _status(live: LiveView) -> Callable[[], Response]:
    def status() -> Response:
        """Return the status of the consumer group, refreshed about once a second."""
        if live.status is None:
            raise HTTPException(503, _why_not(live, "the state of the group is not known yet"))
        return reading.json(live.status)

    return status


def _stream(live: LiveView) -> Callable[..., Any]:
    async def events(
        request: Request,
        last_event_id: Annotated[
            str | None,
            Header(
                pattern=stream.LAST_EVENT_ID,
                description="id of the last event received: kept events after it are sent first",
                examples=["1=1468244384,60=1468244340"],
            ),
        ] = None,
    ) -> Response:
        """Send each new record as the data of an event that has the name of its size, such as `minute`.

        The stream has no end: use `curl -N`, or an EventSource in a browser, which reconnects by itself.
        """
        if request.method == "HEAD":
            return Response(headers=sse.HEADERS, media_type=sse.MEDIA_TYPE)
        try:
            return stream.of(live, last_event_id)
        except TooManyListenersError:
            raise HTTPException(503, "too many clients are listening; try again later", {"Retry-After": "10"}) from None

    return events
