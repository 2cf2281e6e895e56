"""The API: the routes of the original, runs with their users and events, and a run to start, stop and watch."""

from bisect import bisect_right
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from http import HTTPStatus
from itertools import chain
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from metrics.harvest.archive.runs import LATEST, start_key
from metrics.harvest.core import original
from metrics.harvest.core.reports import Figures
from metrics.harvest.web import answers, files
from metrics.harvest.web import openapi as documented
from metrics.harvest.web.all_runs import AllRuns
from metrics.harvest.web.answers import HarvestRuns, HarvestUsers, StartedRun, UnreadableRun
from metrics.harvest.web.parameters import RUN, EventsQuery, OriginalQuery, RunsQuery, StartBody, UsersQuery
from metrics.harvest.web.running import Runner
from metrics.harvest.web.stored import Stored
from metrics.harvest.web.stream import ProgressStreams
from metrics.web import formats, openapi, problems, reading, sse, writing
from metrics.web.openapi import problem
from metrics.web.parameters import NoQuery
from metrics.wording.errors import AlreadyRunningError

Handler = Callable[..., Coroutine[Any, Any, Response]]
NoParameters = Annotated[NoQuery, Query()]
Run = Annotated[str, Path(description=RUN, examples=[LATEST])]

TAG, ORIGINAL = "Harvest", "Harvest: the original's API"
MAX_BODY_BYTES = 16 << 10
PATH = "/harvest/runs"


def routes(runner: Runner, stored: Stored) -> APIRouter:
    """Return the routes of the API."""
    router = APIRouter(default_response_class=Response)
    _add_original(router, stored)
    get = partial(reading.add, router)
    usual = openapi.problems(401, 403, 422, 503)
    found = usual | openapi.problems(404)
    listing = openapi.answer(HarvestRuns, "runs that have ended, the newest first") | found
    get(PATH, _runs(runner, stored), TAG, "Runs", listing)
    _add_starting(router, runner)
    get(f"{PATH}/{{run}}", _run(runner, stored), TAG, "One run", documented.run() | found)
    users = openapi.answer(HarvestUsers, "users by id, with their events") | found
    get(f"{PATH}/{{run}}/users", _users(runner, stored), TAG, "Users of a run", users)
    events = documented.events() | found | openapi.problems(406)
    get(f"{PATH}/{{run}}/events", _events(runner, stored), TAG, "Events of a run", events)
    _add_stopping(router, runner)
    streams = ProgressStreams(runner, stored)
    get("/harvest/stream", _stream(streams), TAG, "Progress as it is made", documented.stream() | usual)
    return router


def _add_original(router: APIRouter, stored: Stored) -> None:
    all_runs = AllRuns(stored)
    figures: dict[str, tuple[str, Callable[[Figures], bytes], Any]] = {
        "/recent_shows": (
            "Number of shows released in 2020 or later",
            original.recent_shows,
            documented.recent_shows(),
        ),
        "/successful_streams": ("Successful streams by user", original.successful_streams, documented.successful()),
        "/start_events": (
            "Sytflix events that start a stream, in percent",
            original.start_events,
            documented.start_events(),
        ),
    }
    problems_of_all = openapi.problems(401, 403, 404, 422, 503)
    get = partial(reading.add, router)
    users = documented.user_report() | problems_of_all
    get("/user_report", _user_report(stored, all_runs), ORIGINAL, "Users with their events", users)
    for path, (summary, body, answer) in figures.items():
        get(path, _figure(stored, all_runs, body), ORIGINAL, summary, answer | problems_of_all)


def _user_report(stored: Stored, all_runs: AllRuns) -> Handler:
    async def user_report(request: Request, wanted: Annotated[OriginalQuery, Query()]) -> Response:
        """Return users with their events, of all runs or of one."""
        run = wanted.run
        if run is None:
            parts = original.user_report(await all_runs.users())
        else:
            parts = await stored.do(lambda: _begun(original.user_report(stored.report(run).reports.users)))
        if request.method == "HEAD":
            return _json(b"")
        return StreamingResponse(parts, headers=reading.HEADERS, media_type="application/json")

    return user_report


def _begun(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Return parts of an answer after making the first one, whose error is then a problem instead of half an answer."""
    return chain([next(parts)], parts)


def _figure(stored: Stored, all_runs: AllRuns, body: Callable[[Figures], bytes]) -> Handler:
    async def figure(wanted: Annotated[OriginalQuery, Query()]) -> Response:
        run = wanted.run
        if run is None:
            return _json(body(await all_runs.figures()))
        return _json(await stored.do(lambda: body(stored.figures(run).reports)))

    figure.__doc__ = f"{(body.__doc__ or '').splitlines()[0]} Of all runs or of one."
    return figure


def _json(body: bytes) -> Response:
    return Response(body, headers=reading.HEADERS, media_type="application/json")


def _runs(runner: Runner, stored: Stored) -> Handler:
    async def runs(wanted: Annotated[RunsQuery, Query()]) -> Response:
        """Return runs that have ended, by their start, the newest first."""

        def read() -> bytes:
            heads, unreadable = stored.listing()
            if wanted.before is not None:
                before = start_key(stored.head(wanted.before))
                heads = [head for head in heads if start_key(head) < before]
            running = runner.newest.running
            return answers.page(
                "runs",
                heads,
                wanted.limit,
                unreadable=[UnreadableRun(run, problems.in_one_line(unreadable[run])) for run in sorted(unreadable)],
                running=None if running is None else running.run,
            )

        return _json(await stored.do(read))

    return runs


def _run(runner: Runner, stored: Stored) -> Handler:
    async def run(run: Run, _: NoParameters) -> Response:
        """Return a run: its progress while it runs, then its report without the users."""
        newest = runner.newest
        if newest.running is not None and newest.running.run == run:
            return reading.json(answers.running(newest.seconds, newest.running))
        if newest.failure is not None and newest.progress is not None and newest.progress.run == run:
            raise newest.failure
        return _json(await stored.do(lambda: msgspec.json.encode(answers.finished(stored.figures(run)))))

    return run


def _users(runner: Runner, stored: Stored) -> Handler:
    async def users(run: Run, wanted: Annotated[UsersQuery, Query()]) -> Response:
        """Return users of a run with their events, by id."""
        _require_ended(runner, run)

        def read() -> bytes:
            users = stored.report(run).reports.users
            after = 0 if wanted.after is None else bisect_right(users, wanted.after, key=lambda user: user.id)
            return answers.page(
                "users", (answers.user(users[index]) for index in range(after, len(users))), wanted.limit
            )

        return _json(await stored.do(read))

    return users


def _events(runner: Runner, stored: Stored) -> Handler:
    async def events(request: Request, run: Run, wanted: Annotated[EventsQuery, Query()]) -> Response:
        """Return events of a run in their order: by instant, then platform, then position.

        As CSV they are the processed file, with all events.
        """
        form = formats.chosen(request, wanted.format)
        _require_ended(runner, run)
        if form == "csv":
            return await stored.do(lambda: files.csv_answer(request, stored.processed_file(run)))

        def read() -> bytes:
            found = enumerate(stored.events(run, wanted.after), wanted.after + 1)
            return answers.page("events", (answers.run_event(*event) for event in found), wanted.limit)

        return _json(await stored.do(read))

    return events


def _require_ended(runner: Runner, run: str) -> None:
    running = runner.newest.running
    if running is not None and running.run == run:
        raise HTTPException(404, f"the run {run} has not ended; its progress is at {PATH}/{run}")


def _add_starting(router: APIRouter, runner: Runner) -> None:
    busy, shorter = "too many other requests; try again later", "it may have `seconds`, `name` and `times` only"
    bodies = writing.Bodies(MAX_BODY_BYTES, 64 * MAX_BODY_BYTES, busy, shorter)

    async def start(request: Request, _: NoParameters) -> Response:
        """Start a run of this server. Without a body, the rule to stop it is as set for the server.

        Without STREAM_ENDPOINT, it reads local streams, which are started for it.
        """
        writing.require_permission(request)
        async with bodies.body(request) as body:
            rule = runner.rule(_read_body(request, body.getvalue()))
        try:
            run = await runner.start(rule)
        except AlreadyRunningError as error:
            raise HTTPException(409, problems.in_one_line(error)) from error
        return _accepted(run)

    responses = {
        202: openapi.answer(StartedRun, "the run was started; its progress is at its `location`")[200],
        **openapi.problems(400, 401, 403, 408, 413, 415, 422, 503),
        **problem(409, "a run has not ended, of this server or of another process"),
    }
    writing.add(router, PATH, start, TAG, "Start a run", responses, documented.body(), status=202)


def _add_stopping(router: APIRouter, runner: Runner) -> None:
    async def stop(request: Request, run: Run, _: NoParameters) -> Response:
        """Stop the run that this server runs, as Ctrl-C stops a command: all it has read is reported."""
        writing.require_permission(request)
        running = runner.newest.running
        if running is None or running.run != run:
            raise HTTPException(404, f"this server does not run {run}; {PATH} names the run that it runs")
        runner.stop()
        return _accepted(run)

    responses = {
        202: openapi.answer(StartedRun, "the run stops; its report will be at its `location`")[200],
        **openapi.problems(401, 403, 404, 422),
    }
    writing.add(router, f"{PATH}/{{run}}/stop", stop, TAG, "Stop a run", responses, status=202)


def _accepted(run: str) -> Response:
    location = f"{PATH}/{run}"
    body = msgspec.json.encode(StartedRun(run, location))
    return Response(body, HTTPStatus.ACCEPTED, reading.HEADERS | {"Location": location}, "application/json")


def _read_body(request: Request, body: bytes) -> StartBody:
    """Return the body of a request, which may be empty.

    Raises:
        HTTPException: 415, its type is not JSON; 422, it is not a JSON object.
        RequestValidationError: it is not a rule to stop.
    """
    if not body:
        return StartBody()
    writing.media_type(request, ["application/json"])
    try:
        read = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HTTPException(422, f"the body is not JSON: {error}") from error
    if not isinstance(read, dict):
        raise HTTPException(422, "the body must be a JSON object")
    try:
        return StartBody.model_validate(read)
    except ValidationError as error:
        raise RequestValidationError(
            [{"loc": ("body", *at["loc"]), "msg": at["msg"]} for at in error.errors(include_url=False)]
        ) from error


def _stream(streams: ProgressStreams) -> Callable[..., Any]:
    async def events(
        request: Request,
        last_event_id: Annotated[
            str | None,
            Header(
                description="id of the last event received: if its run has ended since, its outcome is sent at once; "
                "an unknown id is ignored",
                examples=["20231207_170121/17"],
            ),
        ] = None,
        *,
        _: NoParameters,
    ) -> Response:
        """Send the progress of the run, or of the next one if none runs, and finally its report without the users.

        Use `curl -N`, or an EventSource in a browser, which reconnects by itself and then waits for the next run.
        """
        if request.method == "HEAD":
            return Response(headers=sse.HEADERS, media_type=sse.MEDIA_TYPE)
        return streams.stream(last_event_id)

    return events
