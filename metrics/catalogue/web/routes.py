"""The API: loads, rejected records, queries by name, and records to load."""

import difflib
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, cast, get_args

import msgspec
from fastapi import APIRouter, Path, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from metrics.catalogue.core.models import MODELS, Model
from metrics.catalogue.load.loads import Connection, Load, find_load, read_loads
from metrics.catalogue.load.rejected import Rejected, rejected_records
from metrics.catalogue.query.shipped import ShippedQuery, shipped_queries
from metrics.catalogue.web import openapi as documented
from metrics.catalogue.web.answering import answer
from metrics.catalogue.web.answers import Loaded, Loads, Queries, QueryAnswer, RejectedRecords, csv_of
from metrics.catalogue.web.loading import load_received, options_of
from metrics.catalogue.web.parameters import MAX_ID, LoadingQuery, LoadsQuery, RejectedQuery
from metrics.catalogue.web.received import MEDIA_TYPES, Received
from metrics.time.zones import UTC
from metrics.web import formats, openapi, problems, reading, writing
from metrics.web.database import Database
from metrics.web.formats import Format
from metrics.web.openapi import problem
from metrics.web.problems import Problem
from metrics.web.turns import Turns
from metrics.wording.text import listed

Handler = Callable[..., Coroutine[Any, Any, Response]]

TAG = "Catalogue"
MAX_BODY_BYTES = 64 << 20
MAX_BODIES_BYTES = 2 * MAX_BODY_BYTES  # of all that are in memory
LOADS_AT_ONCE = 2  # of the connections to the database, which others need, too
LOADING_WAIT_S = 5.0  # for another request of the model, and again for one of any model
MAX_REJECTED_BYTES = 16 << 20  # of one answer: a rejected record may be long


def routes(database: Database) -> APIRouter:
    """Return the routes of the API."""
    router = APIRouter(prefix="/catalogue", default_response_class=Response)
    get = partial(reading.add, router)
    usual = openapi.problems(401, 403, 503)
    chosen = usual | openapi.problems(406, 422)
    get("/loads", _loads(database), TAG, "Loads", documented.table(Loads, "loads, the newest first") | chosen)
    found = openapi.answer(Load, "the load") | usual | openapi.problems(404, 422)
    get("/loads/{load_id}", _load(database), TAG, "One load", found)
    rejected = documented.table(RejectedRecords, "rejected records, those of the newest load first") | chosen
    get("/rejected", _rejected(database), TAG, "Rejected records", rejected)
    listing = openapi.answer(Queries, "the queries, with their parameters") | openapi.problems(401, 403)
    get("/queries", _queries, TAG, "Queries that can be asked by name", listing)
    answers = documented.table(QueryAnswer, "the answer") | chosen
    answers |= problem(504, "the query took too long")
    for query in shipped_queries().values():
        about = documented.parameters_of(query)
        get(f"/queries/{query.name}", _query(database, query), TAG, query.title, answers, about)
    router.add_api_route("/queries/{name}", _no_query, methods=["GET", "HEAD"], include_in_schema=False)
    busy = "others are loading records; try again later"
    bodies = writing.Bodies(MAX_BODY_BYTES, MAX_BODIES_BYTES, busy, "send it in parts")
    turns = Turns(LOADS_AT_ONCE, LOADING_WAIT_S, busy)
    for model in MODELS.values():
        _add_loading(router, model, _loading(database, bodies, turns, model))
    router.add_api_route("/{model}", _no_model, methods=["POST"], include_in_schema=False)
    return router


def _add_loading(router: APIRouter, model: Model, load: Handler) -> None:
    answers = {
        200: openapi.answer(Loaded, "nothing was loaded: these were the bytes of the model's last load")[200],
        201: openapi.answer(Loaded, "the load, with the outcomes of the records")[200],
        **openapi.problems(400, 401, 403, 408, 413, 415, 503),
        **problem(422, "invalid parameters or records, so nothing was loaded; `errors` names each"),
    }
    summary = f"Load {model.name} records"
    writing.add(router, f"/{model.name}", load, TAG, summary, answers, documented.body_of(model))


def _loads(database: Database) -> Handler:
    async def loads(request: Request, wanted: Annotated[LoadsQuery, Query()]) -> Response:
        """Return loads with their sums, the newest first. A load that was killed is `interrupted`."""
        form = formats.chosen(request, wanted.format)
        read = partial(read_loads, model=wanted.model, before=wanted.before, limit=wanted.limit + 1)
        found = await database.run(read)
        shown = found[: wanted.limit]
        if form == "csv":
            return formats.csv_answer(csv_of(Load, shown))
        return reading.json(Loads(shown, has_more=len(shown) < len(found)))

    return loads


def _load(database: Database) -> Handler:
    async def load(load_id: Annotated[int, Path(ge=1, le=MAX_ID)]) -> Response:
        """Return a load with its sums."""
        found = await database.run(partial(find_load, load_id=load_id))
        if found is None:
            raise HTTPException(404, f"there is no load {load_id}; /catalogue/loads lists them")
        return reading.json(found)

    return load


def _rejected(database: Database) -> Handler:
    async def rejected(request: Request, wanted: Annotated[RejectedQuery, Query()]) -> Response:
        """Return rejected records as they were received, with their positions and everything that is wrong."""
        form = formats.chosen(request, wanted.format)

        def read(connection: Connection) -> RejectedRecords:
            limit = wanted.limit + 1
            found = rejected_records(connection, wanted.model, wanted.load, limit, after=wanted.after)
            return _cut(found, wanted.limit)

        found = await database.run(read)
        return formats.csv_answer(csv_of(Rejected, found.rejected)) if form == "csv" else reading.json(found)

    return rejected


def _cut(found: Iterable[Rejected], limit: int) -> RejectedRecords:
    """Return the first records: no more than the limit, and no more than fit into one answer."""
    records: list[Rejected] = []
    size_bytes = 0
    for record in found:
        size_bytes += len(record.record)
        if records and (len(records) == limit or size_bytes > MAX_REJECTED_BYTES):
            return RejectedRecords(records, has_more=True)
        records.append(record)
    return RejectedRecords(records, has_more=False)


async def _queries() -> Response:
    """Return the queries, with their parameters and their SQL."""
    return reading.json(Queries([*shipped_queries().values()]))


def _query(database: Database, query: ShippedQuery) -> Handler:
    async def ask(request: Request) -> Response:
        given = _single(request)
        form = formats.chosen(request, _format_in(given))
        time_zone = given.pop("time_zone", UTC)
        answered = await database.run(lambda connection: answer(connection, query, given, time_zone))
        return formats.csv_answer(answered.as_csv()) if form == "csv" else reading.json(answered.as_struct())

    ask.__doc__ = f"{query.question}\n\n{query.notes}"
    return ask


def _single(request: Request) -> dict[str, str]:
    """Return the parameters of a request.

    Raises:
        RequestValidationError: some are given several times.
    """
    pairs = request.query_params.multi_items()
    given = dict(pairs)
    if len(given) < len(pairs):
        twice = [name for name in given if len(request.query_params.getlist(name)) > 1]
        raise problems.wrong_fields(dict.fromkeys(twice, "give it once"))
    return given


def _format_in(given: dict[str, str]) -> Format | None:
    """Remove the format from the parameters of a request, and return it.

    Raises:
        RequestValidationError: it is unknown.
    """
    asked = given.pop("format", None)
    for form in get_args(Format):
        if form == asked:
            return cast("Format", form)
    if asked is not None:
        raise problems.wrong_field("format", f"Input should be {' or '.join(map(repr, get_args(Format)))}")
    return None


async def _no_query(name: str) -> Response:
    close = difflib.get_close_matches(name, shipped_queries(), 1)
    meant = f"did you mean {close[0]}? " if close else ""
    raise HTTPException(404, f"there is no query {name}; {meant}/catalogue/queries lists them")


def _loading(database: Database, bodies: writing.Bodies, turns: Turns, model: Model) -> Handler:
    own_turns = Turns(1, LOADING_WAIT_S, f"another request is loading {model.name} records; try again later")

    async def load(request: Request, wanted: Annotated[LoadingQuery, Query()]) -> Response:
        """Load records: a new key is inserted, a record that differs is updated, others change nothing.

        All of them are loaded in one transaction. Wrong records are kept separately, and listed at /catalogue/rejected;
        if there are more than `max_rejected`, nothing is loaded. The same body, sent again, is answered with its load.
        """
        writing.require_permission(request)
        media_type = writing.media_type(request, MEDIA_TYPES)
        options = options_of(model, wanted)
        async with bodies.body(request) as body, own_turns.turn(), turns.turn():

            def load_body(connection: Connection) -> Loaded | Problem:
                return load_received(connection, options, Received(body, media_type, f"POST {request.url.path}"))

            outcome = await database.run(load_body)
        if isinstance(outcome, Problem):
            return problems.answer(outcome.status, outcome.detail, outcome.errors)
        status = HTTPStatus.CREATED if outcome.same_as is None else HTTPStatus.OK
        headers = reading.HEADERS | {"Location": f"/catalogue/loads/{outcome.id}"}
        return Response(msgspec.json.encode(outcome), status, headers, "application/json")

    return load


async def _no_model(model: str) -> Response:
    raise HTTPException(404, f"there is no model {model}: send {listed([*MODELS])} records")
