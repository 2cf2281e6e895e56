"""Routes that are answered without FastAPI's routing."""

import httpx
import pytest
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from metrics.web.app import System, create_app
from metrics.web.direct import DirectRoute
from metrics.web.methods import refuse_others
from metrics.web.problems import Problem
from metrics.wording.errors import BrokerError


async def echo(request: Request) -> Response:
    match body := (await request.body()).decode():
        case "teapot":
            raise HTTPException(418, "no coffee", {"X-Pot": "tea"})
        case "away":
            raise BrokerError("it is away")
        case "wrong":
            raise ArithmeticError
    return PlainTextResponse(f"{body} {'router' in request.scope}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def client() -> httpx.AsyncClient:
    router = APIRouter()
    router.routes.append(DirectRoute("/echo", echo, "POST"))
    refuse_others(router, "/echo", ["POST"])
    forms = {"/echo": lambda problem: problem.texts}
    system = System([router], [Problem], [], lambda: None, lambda: None, lambda: None, forms)
    app = create_app([system], title="Echo", about="", token="secret")
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": "Bearer secret"}
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


@pytest.mark.anyio
async def test_a_direct_route_answers_before_any_router_but_after_access_control(client: httpx.AsyncClient) -> None:
    answer = await client.post("/echo", content="hello")
    assert (answer.status_code, answer.text, answer.headers["X-Frame-Options"]) == (200, "hello False", "DENY")
    assert (await client.post("/echo", content="hello", headers={"Authorization": ""})).status_code == 401
    assert (await client.post("/echo", content="hello", headers={"Origin": "http://example.org"})).status_code == 403
    refused = await client.get("/echo")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    assert (await client.post("/echo/x")).status_code == 404


@pytest.mark.anyio
async def test_errors_of_a_direct_route_have_the_form_of_its_path(client: httpx.AsyncClient) -> None:
    teapot = await client.post("/echo", content="teapot")
    assert (teapot.status_code, teapot.json(), teapot.headers["X-Pot"]) == (418, ["no coffee"], "tea")
    away = await client.post("/echo", content="away")
    assert (away.status_code, away.json(), away.headers["Retry-After"]) == (503, ["it is away"], "5")
    assert (away.headers["Content-Type"], away.headers["Cache-Control"]) == ("application/json", "no-store")
    wrong = await client.post("/echo", content="wrong")
    assert (wrong.status_code, wrong.json()) == (500, ["an error in the program; see the log of `serve`"])
