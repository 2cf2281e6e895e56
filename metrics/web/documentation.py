"""The OpenAPI document: what FastAPI finds out by itself, and the answers, which are made without it."""

import inspect
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import FastAPI
from msgspec import Meta

from metrics.kafka.status import Status
from metrics.recount.published import RECORDS
from metrics.web import problems
from metrics.web.problems import Problem

Record = TypeVar("Record")
Responses = dict[int | str, dict[str, Any]]

OPEN_TO_ALL: dict[str, Any] = {"security": []}
_REFERENCE = "#/components/schemas/{name}"
_MEANINGS = {
    401: "the token is missing or wrong",
    403: "asked from another site, or for another host",
    404: "there are no windows of this size",
    406: "neither JSON nor CSV is accepted",
    422: "parameters are not allowed as given; `errors` names each",
    503: "not known yet, or the broker is away",
}


class Windows(msgspec.Struct, Generic[Record]):
    """Windows of one size, the oldest first."""

    size_s: Annotated[int, Meta(description="the size of each, in seconds", examples=[60])]
    windows: Annotated[list[Record], Meta(description="the records as they were published")]
    has_more: Annotated[
        bool, Meta(description="whether `limit` left some out: later ones where `from` is given, else earlier ones")
    ]
    kept_from: Annotated[
        int | None,
        Meta(
            description="start of the oldest window kept, in seconds since the epoch: older ones are in the topic "
            "only; null where there is none"
        ),
    ]


class Health(msgspec.Struct):
    """All is well."""

    status: Annotated[str, Meta(examples=["ok"])] = "ok"


_WINDOWS = {size_s: Windows[record] for size_s, record in RECORDS.items()}  # type: ignore[valid-type]


def windows(*sizes_s: int) -> Responses:
    """Return how windows of one of these sizes are answered."""
    choices = [{"$ref": _reference(_WINDOWS[size_s])} for size_s in sizes_s]
    content = {
        "application/json": {"schema": choices[0] if len(choices) == 1 else {"anyOf": choices}},
        "text/csv": {"schema": {"type": "string", "description": "a header, and a line a window"}},
    }
    return {200: {"description": "windows, the oldest first", "content": content}}


def of(answer: type[msgspec.Struct], description: str) -> Responses:
    """Return how something else is answered."""
    content = {"application/json": {"schema": {"$ref": _reference(answer)}}}
    return {200: {"description": description, "content": content}}


def stream() -> Responses:
    """Return how events are answered."""
    example = 'event: minute\ndata: {"timestamp":1468244340,"unique_users":871}\nid: 1=1468244399,60=1468244340\n\n'
    about = "`second` and `minute`, and `overflow` as the last one where the client reads too slowly"
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": example}}
    return {200: {"description": f"events: {about}", "content": content}}


def troubles(*statuses: int) -> Responses:
    """Return how it is answered that something is wrong."""
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": _reference(Problem)}}}
    return {status: {"description": _MEANINGS[status], "content": content} for status in statuses}


def add_to(app: FastAPI, *, with_token: bool) -> None:
    """Let an application's OpenAPI document describe its answers, and the token where one is asked for."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = made()
            components = document.setdefault("components", {})
            components.setdefault("schemas", {}).update(_schemas())
            if with_token:
                components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                document["security"] = [{"token": []}]
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def _schemas() -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components([*_WINDOWS.values(), Status, Problem, Health], ref_template=_REFERENCE)
    for schema in schemas.values():
        schema["description"] = inspect.cleandoc(schema.get("description", ""))
    return schemas


def _reference(answer: Any) -> str:
    (schema,), _ = msgspec.json.schema_components([answer], ref_template=_REFERENCE)
    return str(schema["$ref"])
