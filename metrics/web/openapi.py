"""The OpenAPI document: FastAPI describes the routes, msgspec the types of the responses."""

import inspect
from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import FastAPI

from metrics.web import problems as problem_details
from metrics.web.problems import Problem, WrongField

Responses = dict[int | str, dict[str, Any]]

OPEN_TO_ALL: dict[str, Any] = {"security": []}
_SCHEMA = "#/components/schemas/{name}"
_WRONG_FIELDS, _AWAY = 422, 503
_RETRY_AFTER = {
    "Retry-After": {"description": "in seconds, if it is known", "schema": {"type": "integer", "minimum": 1}},
}
MEANINGS = {
    400: "the body is incomplete",
    401: "the token is missing or wrong",
    403: "request from another site, or for another host",
    404: "there is none of this name or id",
    406: "the header Accept allows neither JSON nor CSV",
    408: "the body did not arrive in time",
    413: "the body is too long",
    415: "the body has another media type, or is encoded",
    422: "invalid parameters; `errors` names each",
    503: "not known yet, or the broker or database is unreachable",
}


def answer(type_: type[msgspec.Struct], description: str) -> Responses:
    """Return the successful response of a route, for the document."""
    content = {"application/json": {"schema": {"$ref": reference(type_)}}}
    return {200: {"description": description, "content": content}}


def problems(*statuses: int) -> Responses:
    """Return error responses of a route, with the usual meaning of each status."""
    return {status: body for each in statuses for status, body in problem(each, MEANINGS[each]).items()}


def problem(status: int, meaning: str) -> Responses:
    """Return an error response of a route, with a meaning of its own."""
    wrong = [WrongField("limit", "Input should be less than or equal to 10000")] if status == _WRONG_FIELDS else []
    example = msgspec.to_builtins(problem_details.of(status, meaning, wrong))
    return refusal(status, meaning, problem_details.MEDIA_TYPE, {"$ref": reference(Problem)}, example)


def refusal(status: int, meaning: str, media_type: str, schema: dict[str, Any], example: Any) -> Responses:
    """Return an error response of a route, in a form of its own."""
    response = {"description": meaning, "content": {media_type: {"schema": schema, "example": example}}}
    return {status: response | ({"headers": _RETRY_AFTER} if status == _AWAY else {})}


def reference(type_: Any) -> str:
    """Return the reference to the schema of a type in the document."""
    (schema,), _ = msgspec.json.schema_components([type_], ref_template=_SCHEMA)
    return str(schema["$ref"])


def add_to(app: FastAPI, answers: Sequence[Any], *, with_token: bool) -> None:
    """Add schemas and security to an application's document.

    Args:
        answers: the types of its responses.
        with_token: whether its routes require a token.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            components = document.setdefault("components", {})
            components.setdefault("schemas", {}).update(_schemas([*answers, Problem]))
            if with_token:
                components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                document["security"] = [{"token": []}]
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def _schemas(types: Sequence[Any]) -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components(types, ref_template=_SCHEMA)
    for schema in schemas.values():
        schema["description"] = inspect.cleandoc(schema.get("description", ""))
    return schemas
