"""The OpenAPI document: what FastAPI finds out by itself, and the answers, which are made without it."""

import inspect
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.sse import format_sse_event

from metrics.frames.core.windows import SECOND_S, MinuteRecord, SecondRecord
from metrics.frames.records import KINDS, RECORDS, Published
from metrics.frames.results.read import Result
from metrics.frames.status.facts import Status
from metrics.frames.web.answers import Health, Windows, csv_of, windows_of
from metrics.times import MINUTE_S
from metrics.web import problems
from metrics.web.problems import Problem, WrongField

Responses = dict[int | str, dict[str, Any]]

OPEN_TO_ALL: dict[str, Any] = {"security": []}
_REFERENCE = "#/components/schemas/{name}"
_WRONG_FIELDS = 422
_OLDEST_FIRST = "windows, the oldest first"
_MEANINGS = {
    401: "the token is missing or wrong",
    403: "asked from another site, or for another host",
    404: "there are no windows of this size",
    406: "neither JSON nor CSV is accepted",
    422: "parameters are not allowed as given; `errors` names each",
    503: "not known yet, or the broker is away",
}


_T = 1468244340
_EXAMPLES = {
    SECOND_S: Result(SECOND_S, Published(_T, 1003, 1000.4, 0, 1003), SecondRecord(_T, 1003, 1000.4, 0).value()),
    MINUTE_S: Result(MINUTE_S, Published(_T, 871, 869.5, 0, 16034), MinuteRecord(_T, 871, 869.5, 16034, 0).value()),
}
_WINDOWS = {size_s: Windows[record] for size_s, record in RECORDS.items()}  # type: ignore[valid-type]


def windows(*sizes_s: int) -> Responses:
    """Return how windows of one of these sizes are answered, with examples of the last of them that has any."""
    choices = [{"$ref": _reference(_WINDOWS[size_s])} for size_s in sizes_s]
    as_json: dict[str, Any] = {"schema": choices[0] if len(choices) == 1 else {"anyOf": choices}}
    as_csv: dict[str, Any] = {"schema": {"type": "string"}}
    for size_s in [size_s for size_s in sizes_s if size_s in _EXAMPLES][-1:]:
        results = [_EXAMPLES[size_s]]
        example = windows_of(size_s, results, results[0].window.start, has_more=False)
        as_json["example"] = msgspec.json.decode(msgspec.json.encode(example))
        as_csv["example"] = csv_of(size_s, results)
    return {200: {"description": _OLDEST_FIRST, "content": {"application/json": as_json, "text/csv": as_csv}}}


def of(answer: type[msgspec.Struct], description: str) -> Responses:
    """Return how something else is answered."""
    content = {"application/json": {"schema": {"$ref": _reference(answer)}}}
    return {200: {"description": description, "content": content}}


def stream() -> Responses:
    """Return how events are answered."""
    minute = _EXAMPLES[MINUTE_S]
    event_id = f"{SECOND_S}={minute.window.start + 59},{MINUTE_S}={minute.window.start}"
    example = format_sse_event(event=KINDS[MINUTE_S], data_str=minute.value.decode(), id=event_id).decode()
    about = "`second` and `minute`, and `overflow` as the last one where the client reads too slowly"
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": example}}
    return {200: {"description": f"events: {about}", "content": content}}


def troubles(*statuses: int) -> Responses:
    """Return how it is answered that something is wrong."""
    return {status: {"description": _MEANINGS[status], "content": _trouble(status)} for status in statuses}


def _trouble(status: int) -> dict[str, Any]:
    wrong = [WrongField("limit", "Input should be less than or equal to 10000")] if status == _WRONG_FIELDS else []
    example = msgspec.to_builtins(problems.of(status, _MEANINGS[status], wrong))
    return {problems.MEDIA_TYPE: {"schema": {"$ref": _reference(Problem)}, "example": example}}


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
