"""The original's routes that answer: paths with and without the last slash, and bodies as it sent them."""

from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from metrics.views.answers.items import MediaTotals, read_item
from metrics.views.answers.snapshot import snapshot
from metrics.views.answers.viewers import Viewer, all_viewers
from metrics.views.schema import Connection
from metrics.views.web import openapi as documented
from metrics.views.web.kept_similar import KeptSimilar
from metrics.views.web.parameters import OriginalId, StatsQuery, item_of
from metrics.web import openapi, reading
from metrics.web.database import Database
from metrics.web.methods import refuse_others
from metrics.web.parameters import NoQuery
from metrics.web.problems import Problem
from metrics.web.streamed import streamed

Handler = Callable[..., Coroutine[Any, Any, Response]]

TAG = "Views: the original's API"
PATHS = "/media/get(stats|similar)/[^/]+/?"
JSON = "application/json"
SIMILAR = 10
_NO_SUCH_ITEM = b'{"status":"error","error":"Key does not exist"}'


def routes(database: Database, similar: KeptSimilar) -> APIRouter:
    """Return the original's routes."""
    router = APIRouter(default_response_class=Response)
    usual = documented.errors_of_questions()
    stats = documented.stats() | usual
    _add(router, "/media/getstats/{media_id}", _stats(database), "Statistics of a media item", stats)
    scores = documented.similar() | usual
    _add(router, "/media/getsimilar/{media_id}", _similar(similar), "Similar media items", scores)
    return router


def _add(router: APIRouter, path: str, answer: Handler, summary: str, responses: openapi.Responses) -> None:
    """Add a path with the last slash, and without it: a redirect would cost each request another one."""
    reading.add(router, f"{path}/", answer, TAG, summary, responses)
    router.add_api_route(path, answer, response_model=None, methods=[*reading.METHODS], include_in_schema=False)
    refuse_others(router, path, reading.METHODS)


def _stats(database: Database) -> Handler:
    async def stats(request: Request, media_id: OriginalId, wanted: Annotated[StatsQuery, Query()]) -> Response:
        """Return the view time of an item in seconds, in all and by user, and its starts, stops and ends."""
        item = item_of(media_id)
        if item is None:
            return _no_such_item()
        if wanted.user_views and request.method != "HEAD":
            return await _with_users(database, item)
        found = await database.run(partial(read_item, media_id=item))
        if found is None:
            return _no_such_item()
        answer = _json(_head(found) + b"}}")
        if wanted.user_views:
            del answer.headers["Content-Length"]  # a HEAD request, which does not learn the length of a streamed answer
        return answer

    return stats


class _NoSuchItemError(Exception):
    """No event about an item was counted."""


async def _with_users(database: Database, media_id: int) -> Response:
    try:
        return await streamed(database.stream(partial(_parts, media_id=media_id)), JSON)
    except _NoSuchItemError:
        return _no_such_item()


def _parts(connection: Connection, media_id: int) -> Iterator[bytes]:
    """Yield the parts of the statistics, all from one snapshot.

    Raises:
        _NoSuchItemError: no event about the item was counted.
    """
    with snapshot(connection):
        item = read_item(connection, media_id)
        if item is None:
            raise _NoSuchItemError
        yield _head(item) + b',"user_views":{'
        separator = ""
        for viewers in all_viewers(connection, media_id):
            yield (separator + ",".join(map(_member, viewers))).encode()
            separator = ","
        yield b"}}}"


def _head(item: MediaTotals) -> bytes:
    """Return the statistics without their end."""
    data = f'"view_time":{item.view_time},"starts":{item.starts},"stops":{item.stops},"ends":{item.ends}'
    return f'{{"status":"success","data":{{{data}'.encode()


def _member(viewer: Viewer) -> str:
    return f'"{viewer.user_id}":{viewer.view_time}'


def _similar(kept: KeptSimilar) -> Handler:
    async def similar(media_id: OriginalId, _: Annotated[NoQuery, Query()]) -> Response:
        """Return the ten other items whose view time by user correlates most, best first.

        There is none if all users watched the item for equally long.
        """
        item = item_of(media_id)
        found = None if item is None else await kept.of(item, SIMILAR)
        if found is None:
            return _no_such_item()
        scores = {each.media_id: each.score for each in found}
        return _json(msgspec.json.encode({"status": "success", "data": {"Correlation": scores}}))

    return similar


def form_of_error(problem: Problem) -> dict[str, str]:
    """Return an error on the original's routes that answer: its text."""
    return {"status": "error", "error": "; ".join(problem.texts)}


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status, headers=reading.HEADERS, media_type=JSON)


def _no_such_item() -> Response:
    return _json(_NO_SUCH_ITEM, 404)
