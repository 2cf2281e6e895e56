"""Error responses: problem details, `application/problem+json` (RFC 9457)."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from msgspec import Meta
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from metrics.errors import MetricsError
from metrics.terminal.console import as_started

MEDIA_TYPE = "application/problem+json"
HEADERS = {"Cache-Control": "no-store"}


class WrongField(msgspec.Struct):
    """An invalid parameter, or a record that was rejected."""

    field: Annotated[str, Meta(description="the parameter's name, or the record's place", examples=["limit"])]
    reason: Annotated[str, Meta(examples=["Input should be less than or equal to 10000"])]


class Problem(msgspec.Struct, omit_defaults=True):
    """An error (RFC 9457)."""

    title: Annotated[str, Meta(description="what the status means", examples=["Unprocessable Entity"])]
    status: Annotated[int, Meta(description="the HTTP status", examples=[422])]
    detail: Annotated[str, Meta(description="what is wrong, and what to do", examples=["invalid parameters: limit"])]
    errors: Annotated[
        list[WrongField], Meta(description="with status 422: each invalid parameter, or rejected record")
    ] = []


def answer(
    status: int, detail: str, errors: Sequence[WrongField] = (), headers: dict[str, str] | None = None
) -> Response:
    """Return an error response."""
    return Response(msgspec.json.encode(of(status, detail, errors)), status, HEADERS | (headers or {}), MEDIA_TYPE)


def of(status: int, detail: str, errors: Sequence[WrongField] = ()) -> Problem:
    """Return problem details, with the phrase of their status as the title."""
    return Problem(HTTPStatus(status).phrase, status, detail, list(errors))


def wrong_field(field: str, reason: str) -> RequestValidationError:
    """Return the error for a parameter that conflicts with others."""
    return wrong_fields({field: reason})


def wrong_fields(reasons: Mapping[str, str]) -> RequestValidationError:
    """Return the error for parameters that are wrong for reasons of their own."""
    return RequestValidationError([{"loc": ("query", field), "msg": reason} for field, reason in reasons.items()])


def add_to(app: FastAPI) -> None:
    """Make an application answer every error with problem details."""
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(HTTPStatus.NOT_FOUND, _of_http)
    app.add_exception_handler(RequestValidationError, _of_fields)
    app.add_exception_handler(MetricsError, _of_known)
    app.add_exception_handler(Exception, _of_program)


def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    detail = f"no such path: {request.scope['path']}" if error.detail == phrase == "Not Found" else error.detail
    return answer(error.status_code, detail, headers=dict(error.headers or {}))


def _of_fields(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    wrong = [WrongField(".".join(map(str, at["loc"][1:])), _reason(at)) for at in error.errors()]
    names = ", ".join(dict.fromkeys(at.field for at in wrong))
    return answer(422, f"invalid parameters: {names}", wrong)


def in_one_line(error: MetricsError) -> str:
    """Return an error of this program as the detail of a problem, or as a line of the log."""
    text = "\n".join(filter(None, (": ".join(filter(None, (error.what, error.why))), error.hint)))
    return as_started("; ".join(" ".join(line.split()).removesuffix(";") for line in text.splitlines()))


def in_words(error: MetricsError | HTTPException | RequestValidationError | ValidationError) -> str:
    """Return why something cannot be shown or done, as a page says it."""
    if isinstance(error, MetricsError):
        return in_one_line(error)
    if isinstance(error, HTTPException):
        return error.detail
    return "; ".join(f"{at['loc'][-1]}: {_reason(at)}" for at in error.errors())


def _reason(at: Mapping[str, Any]) -> str:
    """Return why a parameter is wrong; pydantic's words, except where they speak of its own inputs."""
    return "Unknown parameter" if at.get("type") == "extra_forbidden" else f"{at['msg']}"


def _of_known(_: Request, error: Exception) -> Response:
    """Return that something is away, or unusable: what the client did wrong is another error."""
    assert isinstance(error, MetricsError)
    return answer(503, in_one_line(error), headers={"Retry-After": "5"})


def _of_program(_: Request, __: Exception) -> Response:
    return answer(500, "an error in the program; see the log of `serve`")
