"""A server of two systems that a test makes up: one API document, one set of rules, one health."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Annotated

import httpx
import msgspec
import pytest
from fastapi import APIRouter, FastAPI
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from metrics.web import openapi, reading, writing
from metrics.web.app import System, create_app

TOKEN = "a-secret-token"


class Song(msgspec.Struct):
    """A song."""

    title: Annotated[str, Meta(examples=["Yesterday"])]


class Film(msgspec.Struct):
    """A film."""

    length_s: int


def system(path: str, answer: msgspec.Struct, why_not_ready: Callable[[], str | None] = lambda: None) -> System:
    async def answers() -> Response:
        return reading.json(answer)

    router = APIRouter(prefix=f"/{path}")
    documented = openapi.answer(type(answer), f"one of {path}") | openapi.problems(401)
    reading.add(router, "/newest", answers, path, "The newest", documented)
    return System([router], [type(answer)], [], why_not_ready, lambda: None, lambda: None)


def serving(*systems: System, token: str | None = None) -> FastAPI:
    return create_app(systems, title="Media", about="Songs and films.", token=token)


async def ask(app: FastAPI, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        return await client.request(method, path)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_each_system_answers_at_its_paths_and_all_are_in_one_document() -> None:
    app = serving(system("songs", Song("Help!")), system("films", Film(5_400)))
    assert (await ask(app, "/songs/newest")).json() == {"title": "Help!"}
    assert (await ask(app, "/films/newest")).json() == {"length_s": 5_400}
    document = (await ask(app, "/openapi.json")).json()
    assert [*document["paths"]] == ["/songs/newest", "/films/newest", "/healthz", "/readyz"]
    assert {"Song", "Film", "Health", "Problem", "WrongField"} <= {*document["components"]["schemas"]}
    assert document["info"]["title"] == "Media"


@pytest.mark.anyio
async def test_it_is_ready_when_every_system_is_and_otherwise_says_why() -> None:
    whys: dict[str, str | None] = {"songs": None, "films": None}
    app = serving(
        system("songs", Song("Help!"), lambda: whys["songs"]), system("films", Film(1), lambda: whys["films"])
    )
    assert (await ask(app, "/readyz")).status_code == 200
    whys["films"] = "no database answers"
    assert (await ask(app, "/readyz")).json()["detail"] == "no database answers"
    whys["songs"] = "the broker is away"
    answer = await ask(app, "/readyz")
    assert (answer.status_code, answer.json()["detail"]) == (503, "the broker is away; no database answers")
    assert (await ask(app, "/healthz")).json() == {"status": "ok"}


@pytest.mark.anyio
async def test_access_rules_apply_to_every_system() -> None:
    app = serving(system("songs", Song("Help!")), system("films", Film(1)), token=TOKEN)
    for path in ("/songs/newest", "/films/newest"):
        assert (await ask(app, path)).status_code == 401
        assert (await ask(app, path, Authorization=f"Bearer {TOKEN}")).status_code == 200
        refused = await ask(app, path, "POST", Authorization=f"Bearer {TOKEN}")
        assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")
        assert refused.headers["Content-Type"] == "application/problem+json"
    assert (await ask(app, "/healthz")).status_code == 200


@pytest.mark.anyio
@pytest.mark.parametrize("order", [(reading, writing), (writing, reading)])
async def test_a_path_may_accept_get_and_post_and_refuses_all_others(order: Sequence[ModuleType]) -> None:
    async def answers(request: Request) -> Response:
        return reading.json(Song(request.method))

    router = APIRouter(prefix="/songs")
    for methods in order:
        methods.add(router, "/all", answers, "songs", "All songs", openapi.answer(Song, "a song"))
    app = serving(System([router], [Song], [], lambda: None, lambda: None, lambda: None))
    assert [(await ask(app, "/songs/all", method)).json() for method in ("GET", "POST")] == [
        {"title": "GET"},
        {"title": "POST"},
    ]
    refused = await ask(app, "/songs/all", "DELETE")
    assert (refused.status_code, {*refused.headers["Allow"].split(", ")}) == (405, {"GET", "HEAD", "POST"})
