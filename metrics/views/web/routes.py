"""The routes that answer: top items, an item with its trend, viewers and similar items, and the status."""

from collections.abc import Callable, Coroutine
from functools import partial
from time import time
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from metrics.views.answers.items import MediaTotals, read_item, read_top
from metrics.views.answers.snapshot import snapshot
from metrics.views.answers.trend import Trend, TrendRow, read_trend
from metrics.views.answers.viewers import Viewer, read_top_viewers, read_viewers
from metrics.views.schema import Connection
from metrics.views.web import openapi as documented
from metrics.views.web import original
from metrics.views.web.kept_similar import KeptSimilar
from metrics.views.web.parameters import MediaId, SimilarQuery, TopQuery, TrendQuery, ViewersQuery
from metrics.views.web.responses import ScoredItem, SimilarMedia, TopMedia, Viewers, csv_of, scored
from metrics.views.web.status import Status, StatusReader
from metrics.web import formats, openapi, problems, reading
from metrics.web.database import Database
from metrics.web.parameters import NoQuery
from metrics.wording.errors import SettingsError

Handler = Callable[..., Coroutine[Any, Any, Response]]
NoParameters = Annotated[NoQuery, Query()]

T = TypeVar("T")

TAG = "Views"


def routes(database: Database, similar: KeptSimilar, status: StatusReader) -> list[APIRouter]:
    """Return the routes that answer, the original's and those of this program."""
    router = APIRouter(prefix="/views", default_response_class=Response)
    get = partial(reading.add, router)
    usual = openapi.problems(401, 403, 422, 503)
    tables = usual | openapi.problems(406)
    of_item = openapi.problems(404)
    top = documented.table(TopMedia, "media items, the highest first") | tables
    get("/media", _top(database), TAG, "Top media items", top)
    item = openapi.answer(MediaTotals, "the item, with view time in seconds") | usual | of_item
    get("/media/{media_id}", _item(database), TAG, "One media item", item)
    trend = documented.table(Trend, "rows, the oldest first") | tables
    get("/media/{media_id}/trend", _trend(database), TAG, "Trend of a media item", trend | of_item)
    found = documented.table(SimilarMedia, "other items, best first") | tables | of_item
    get("/media/{media_id}/similar", _similar(similar), TAG, "Similar media items", found)
    viewers = documented.table(Viewers, "viewers, with view time in seconds") | tables | of_item
    get("/media/{media_id}/viewers", _viewers(database), TAG, "Viewers of a media item", viewers)
    get("/trend", _trend_of_all(database), TAG, "Trend of all media items together", trend)
    get("/status", _status(status), TAG, "How taking and counting go", openapi.answer(Status, "the status") | usual)
    return [original.routes(database, similar), router]


def _top(database: Database) -> Handler:
    async def top(request: Request, wanted: Annotated[TopQuery, Query()]) -> Response:
        """Return the items with the most view time, or with the most viewers; ties by id."""
        form = formats.chosen(request, wanted.format)
        found = await database.run(partial(read_top, order=wanted.order, limit=wanted.limit + 1))
        shown = found[: wanted.limit]
        if form == "csv":
            return formats.csv_answer(csv_of(MediaTotals, shown))
        return reading.json(TopMedia(wanted.order, shown, len(shown) < len(found)))

    return top


def _item(database: Database) -> Handler:
    async def item(media_id: MediaId, _: NoParameters) -> Response:
        """Return what the events about an item add up to."""
        return reading.json(_found(await database.run(partial(read_item, media_id=media_id)), media_id))

    return item


def _trend(database: Database) -> Handler:
    async def trend(request: Request, media_id: MediaId, wanted: Annotated[TrendQuery, Query()]) -> Response:
        """Return the newest rows from the first to the last event in the range, the oldest first.

        A row between them without an event is zero. Rows by minute begin at `minutes_since`. Without `to`, rows after
        the present one are left out, since the clock of a player may be wrong; `later_until` says so.
        """
        return await _trend_answer(database, request, media_id, wanted)

    return trend


def _trend_of_all(database: Database) -> Handler:
    async def trend(request: Request, wanted: Annotated[TrendQuery, Query()]) -> Response:
        """Return the newest rows from the first to the last event in the range, the oldest first.

        A row between them without an event is zero. Rows by minute begin at `minutes_since`. Without `to`, rows after
        the present one are left out, since the clock of a player may be wrong; `later_until` says so.
        """
        return await _trend_answer(database, request, None, wanted)

    return trend


async def _trend_answer(database: Database, request: Request, media_id: int | None, wanted: TrendQuery) -> Response:
    form = formats.chosen(request, wanted.format)
    zone = wanted.zone()
    within = wanted.range(zone, time())

    def read(connection: Connection) -> Trend | None:
        try:
            return read_trend(connection, media_id, wanted.per, zone, within, wanted.limit)
        except SettingsError as error:
            raise problems.wrong_field("tz", problems.in_one_line(error)) from error

    trend = _found(await database.run(read), media_id)
    return formats.csv_answer(csv_of(TrendRow, trend.rows)) if form == "csv" else reading.json(trend)


def _similar(kept: KeptSimilar) -> Handler:
    async def similar(request: Request, media_id: MediaId, wanted: Annotated[SimilarQuery, Query()]) -> Response:
        """Return the other items whose view time by user correlates most with that of an item, best first.

        There is none if all users watched the item for equally long. An answer is kept for 10 s.
        """
        form = formats.chosen(request, wanted.format)
        found = scored(_found(await kept.of(media_id, wanted.limit), media_id), with_common=wanted.common)
        if form == "csv":
            return formats.csv_answer(csv_of(ScoredItem, found))
        return reading.json(SimilarMedia(str(media_id), found))

    return similar


def _viewers(database: Database) -> Handler:
    async def viewers(request: Request, media_id: MediaId, wanted: Annotated[ViewersQuery, Query()]) -> Response:
        """Return users who watched an item for at least one waypoint, by id or by view time."""
        form = formats.chosen(request, wanted.format)
        wanted.check()

        def read(connection: Connection) -> list[Viewer] | None:
            with snapshot(connection):
                if read_item(connection, media_id) is None:
                    return None
                if wanted.order == "view_time":
                    return read_top_viewers(connection, media_id, wanted.limit + 1)
                return read_viewers(connection, media_id, wanted.after, wanted.limit + 1)

        found = _found(await database.run(read), media_id)
        shown = found[: wanted.limit]
        if form == "csv":
            return formats.csv_answer(csv_of(Viewer, shown))
        return reading.json(Viewers(str(media_id), shown, len(shown) < len(found)))

    return viewers


def _status(reader: StatusReader) -> Handler:
    async def status(_: NoParameters) -> Response:
        """Return how far events were counted, and what this server has taken; what is not known is null."""
        return reading.json(await reader.read())

    return status


def _found(answer: T | None, media_id: int | None) -> T:
    if answer is None:
        raise HTTPException(404, f"no event about the item {media_id} was counted; /views/media lists others")
    return answer
