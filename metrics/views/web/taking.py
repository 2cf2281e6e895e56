"""Routes that take events: one at a time, as the original's, and uploads of any length."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import nullcontext
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from metrics.views.core.event import TOO_LONG, InvalidEventError
from metrics.views.settings import ViewsSettings
from metrics.views.taking.lines import ENCODINGS
from metrics.views.taking.taker import End, Taker
from metrics.views.taking.upload import Taken, too_long
from metrics.views.web import openapi as documented
from metrics.web import openapi, parameters, problems, writing
from metrics.web.connections import HANDLES_EACH, expect_long_body
from metrics.web.direct import DirectRoute, Handler
from metrics.web.methods import refuse_others
from metrics.web.problems import Problem
from metrics.web.turns import Turns
from metrics.wording.errors import MetricsError, UnavailableError

TAG = "Views"
JSON, JSON_LINES = "application/json", "application/x-ndjson"
RETRY = {"Retry-After": "5"}
EVENT, EVENTS = "/event/create", "/views/events"
EVENT_PATHS = f"{EVENT}/?"
EVENT_S = writing.BODY_S
UPLOADS = 256  # at once, each of which has a connection, and up to a line in memory
ZSTD_UPLOADS = 8  # of them; 50 took 438 MB, those with gzip next to nothing
TURN_S = 5.0  # that an upload waits for others to end

_STATUSES = {
    End.WHOLE: HTTPStatus.OK,
    End.BROKEN: HTTPStatus.BAD_REQUEST,
    End.GONE: HTTPStatus.BAD_REQUEST,
    End.IDLE: HTTPStatus.REQUEST_TIMEOUT,
    End.UNACKNOWLEDGED: HTTPStatus.SERVICE_UNAVAILABLE,
    End.STOPPED: HTTPStatus.SERVICE_UNAVAILABLE,
}


class EventTaken(msgspec.Struct):
    """An event that Kafka has acknowledged."""

    status: str = "success"


class EventRefused(msgspec.Struct, kw_only=True):
    """An event that was not taken."""

    status: str = "error"
    error: list[str]


ANSWERS = (EventTaken, EventRefused, Taken)


def routes(taker: Taker, settings: ViewsSettings) -> APIRouter:
    """Return the routes that take events."""
    router = APIRouter(default_response_class=Response)
    one, many = _take_event(taker, settings.views_line_limit), _take_events(taker)
    # Routes of FastAPI document these. Both have a path with a slash at the end: a redirect would lose the body.
    for path, take in ((EVENT, one), (EVENTS, many)):
        router.routes += [DirectRoute(each, take, "POST") for each in (path, f"{path}/")]
    of_event = openapi.answer(EventTaken, "Kafka has acknowledged the event") | documented.errors_of_events(
        {"$ref": openapi.reference(EventRefused)}
    )
    writing.add(router, f"{EVENT}/", one, TAG, "Send one view event", of_event, _body(JSON, "an event"))
    of_upload = openapi.answer(Taken, "what became of the lines; Kafka has acknowledged each") | {
        status: openapi.answer(Taken, meaning)[200] for status, meaning in _OF_UPLOAD.items()
    }
    for status, other in openapi.problems(422, 503).items():  # with unknown parameters, and without a turn or a broker
        of_upload[status] = other | of_upload[status] | {"content": of_upload[status]["content"] | other["content"]}
    of_upload |= openapi.problems(401, 403, 415)
    writing.add(router, EVENTS, many, TAG, "Send view events", of_upload, _body(JSON_LINES, "one event per line"))
    for path in (EVENT, f"{EVENTS}/"):
        refuse_others(router, path, writing.METHODS)
    return router


_OF_UPLOAD = {
    400: "the compressed body is corrupt, or incomplete; everything before was taken",
    408: "the client sent nothing more; everything before was taken",
    422: "no line is a view event",
    503: "Kafka has not acknowledged everything, or too many uploads are being taken; to send all of it again is safe",
}


def _body(media_type: str, description: str) -> dict[str, Any]:
    schema = {"schema": {"type": "string", "description": description}}
    return {"requestBody": {"required": True, "content": {media_type: schema}}}


def _take_event(taker: Taker, limit_bytes: int) -> Handler:
    async def take_event(request: Request) -> Response:
        """Take an event. A wrong one also goes to the dead letter topic."""
        writing.require_permission(request)
        parameters.require_none(request)
        if "Content-Type" in request.headers:
            writing.media_type(request, (JSON,))
        reasons = await taker.take_event(await _line(request, limit_bytes))
        if not reasons:
            return _TAKEN
        status = 413 if reasons[0].kind == TOO_LONG else 422 if InvalidEventError(reasons).is_json else 400
        refused = EventRefused(error=[reason.text for reason in reasons])
        return Response(msgspec.json.encode(refused), status, problems.HEADERS, JSON)

    return take_event


_TAKEN = Response(msgspec.json.encode(EventTaken()), headers=problems.HEADERS, media_type=JSON)


def form_of_error(problem: Problem) -> EventRefused:
    """Return an error of the original's route."""
    return EventRefused(error=problem.texts)


async def _line(request: Request, limit_bytes: int) -> bytes:
    """Return a short body; a longer one is cut one byte after the limit.

    Raises:
        HTTPException: 400, it is incomplete; 408, it did not arrive in time; 413, it is too long, and its client asked
            before it sends it.
    """
    if int(request.headers.get("Content-Length", 0)) > limit_bytes and "Expect" in request.headers:
        raise HTTPException(413, too_long(limit_bytes).text, {"Connection": "close"})
    line = bytearray()
    try:
        async with asyncio.timeout(EVENT_S):
            has_more = True
            while has_more and len(line) <= limit_bytes:
                piece = await request.receive()
                if piece["type"] == "http.disconnect":
                    raise HTTPException(400, "the body is incomplete")
                line += piece["body"]
                has_more = piece["more_body"]
    except TimeoutError:
        raise HTTPException(408, f"the body did not arrive within {EVENT_S:g} s") from None
    return bytes(line[: limit_bytes + 1])


def _take_events(taker: Taker) -> Handler:
    handles, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    at_once = min(UPLOADS, handles // HANDLES_EACH)
    turns = Turns(at_once, TURN_S, f"{at_once} uploads are being taken already; send again later")
    busy = f"{ZSTD_UPLOADS} uploads with zstd are being taken already; send again later, or with gzip"
    zstd_turns = Turns(ZSTD_UPLOADS, TURN_S, busy)

    async def take_events(request: Request) -> Response:
        """Take events, one per line, in a body of any length, which may be compressed.

        It is read as it comes, and no faster than Kafka takes the events. Wrong lines go to the dead letter topic, and
        the first 100 are named in the answer. Empty lines are skipped.

        Many clients can send at once, but only 8 a body that is compressed with zstd, each of which takes 9 MB.
        """
        writing.require_permission(request)
        parameters.require_none(request)
        writing.media_type(request, (JSON_LINES,), ENCODINGS)
        encoding = request.headers.get("Content-Encoding", "identity").lower()
        expect_long_body(request)
        client = f"{request.client.host}:{request.client.port}" if request.client else "an unknown client"
        try:
            async with turns.turn(), zstd_turns.turn() if encoding == "zstd" else nullcontext():
                end, taken = await taker.take_body(_pieces(request), encoding, client)
        except MetricsError as error:
            headers = RETRY if isinstance(error, UnavailableError) else {}
            return problems.answer(503, problems.in_one_line(error), headers=headers)
        status = _STATUSES[end]
        if end is End.WHOLE and taken.rejected and not taken.accepted:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
        headers = problems.HEADERS | (RETRY if status == HTTPStatus.SERVICE_UNAVAILABLE else {})
        return Response(msgspec.json.encode(taken), status, headers, JSON)

    return take_events


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """Yield the pieces of a body as they come.

    Raises:
        ConnectionError: the client has gone.
    """
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect:
        raise ConnectionError from None
