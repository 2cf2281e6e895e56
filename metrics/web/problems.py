"""Error responses: problem details, `application/problem+json` (RFC 9457)."""

import re
from collections.abc import Callable, Mapping, Sequence
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
from starlette.types import Receive, Scope, Send

from metrics.terminal.console import as_started
from metrics.wording.errors import MetricsError

MEDIA_TYPE = "application/problem+json"
HEADERS = {"Cache-Control": "no-store"}


KNOWN = (HTTPException, RequestValidationError, MetricsError)
"""Errors of clients, and those of what a server needs."""

UNKNOWN_PARAMETER = "Unknown parameter"
_REASONS = {"extra_forbidden": UNKNOWN_PARAMETER, "bool_parsing": "Must be true or false"}


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

    @property
    def texts(self) -> list[str]:
        """Everything that is wrong."""
        return [f"{wrong.field}: {wrong.reason}" for wrong in self.errors] or [self.detail]


Form = Callable[[Problem], Any]
"""The body of errors on paths with a form of their own, as an object for JSON."""


class _Answer(Response):
    """An error response: problem details, or the form of its path."""

    def __init__(self, problem: Problem, headers: dict[str, str]) -> None:
        super().__init__(msgspec.json.encode(problem), problem.status, headers, MEDIA_TYPE)
        self._problem = problem
        self._own_headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        for path, form in getattr(scope["app"].state, "error_forms", {}).items():
            if re.fullmatch(path, scope["path"]):
                body = msgspec.json.encode(form(self._problem))
                response = Response(body, self.status_code, self._own_headers, "application/json")
                await response(scope, receive, send)
                return
        await super().__call__(scope, receive, send)


def answer(
    status: int, detail: str, errors: Sequence[WrongField] = (), headers: dict[str, str] | None = None
) -> Response:
    """Return an error response."""
    return _Answer(of(status, detail, errors), HEADERS | (headers or {}))


def of(status: int, detail: str, errors: Sequence[WrongField] = ()) -> Problem:
    """Return problem details, with the phrase of their status as the title."""
    return Problem(HTTPStatus(status).phrase, status, detail, list(errors))


def wrong_field(field: str, reason: str) -> RequestValidationError:
    """Return the error for a parameter that conflicts with others."""
    return wrong_fields({field: reason})


def wrong_fields(reasons: Mapping[str, str]) -> RequestValidationError:
    """Return the error for parameters that are wrong for reasons of their own."""
    return RequestValidationError([{"loc": ("query", field), "msg": reason} for field, reason in reasons.items()])


def add_to(app: FastAPI, forms: Mapping[str, Form]) -> None:
    """Make an application answer every error with problem details.

    Args:
        forms: of errors on other paths, by the regular expression of these.
    """
    app.state.error_forms = forms
    for kind in (*KNOWN, HTTPStatus.NOT_FOUND):
        app.add_exception_handler(kind, answer_to)
    app.add_exception_handler(Exception, _of_program)


def answer_to(request: Request, error: Exception) -> Response:
    """Return the response to a known error; other errors are those of the program."""
    if isinstance(error, RequestValidationError):
        wrong = [WrongField(".".join(map(str, at["loc"][1:])), _reason(at)) for at in error.errors()]
        names = ", ".join(dict.fromkeys(at.field for at in wrong))
        return answer(422, f"invalid parameters: {names}", wrong)
    if isinstance(error, MetricsError):  # something is away, or unusable: what the client did wrong is another error
        return answer(503, in_one_line(error), headers={"Retry-After": "5"})
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    detail = f"no such path: {request.scope['path']}" if error.detail == phrase == "Not Found" else error.detail
    return answer(error.status_code, detail, headers=dict(error.headers or {}))


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
    return _REASONS.get(at.get("type", ""), f"{at['msg']}")


def _of_program(_: Request, __: Exception) -> Response:
    return answer(500, "an error in the program; see the log of `serve`")
