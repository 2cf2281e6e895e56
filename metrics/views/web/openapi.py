"""Responses in the OpenAPI document that FastAPI cannot write: those of the original, and tables."""

from typing import Any

from metrics.web import openapi
from metrics.web.openapi import Responses, answer

NUMBER = {"type": "integer", "minimum": 0}
_ID = "^[0-9]{1,19}$"


def table(type_: Any, description: str) -> Responses:
    """Return the successful response of a route that answers with JSON or CSV."""
    responses = answer(type_, description)
    responses[200]["content"]["text/csv"] = {"schema": {"type": "string"}}
    return responses


def stats() -> Responses:
    """Return the responses of the original's statistics."""
    by_user = {"type": "object", "patternProperties": {_ID: NUMBER}, "additionalProperties": False}
    fields = dict.fromkeys(("view_time", "starts", "stops", "ends"), NUMBER)
    schema = _object(**fields) | {"properties": fields | {"user_views": by_user}}
    example = {"view_time": 90, "starts": 2, "stops": 1, "ends": 1, "user_views": {"7": 60, "12": 30}}
    return _success(schema, example, "view time in seconds, in all and by user, and numbers of events")


def similar() -> Responses:
    """Return the responses of the original's similar items."""
    scores = {
        "type": "object",
        "patternProperties": {_ID: {"type": "number", "minimum": -1, "maximum": 1}},
        "additionalProperties": False,
        "maxProperties": 10,
    }
    example = {"Correlation": {"12": 0.812345, "7": 0.4}}
    return _success(_object(Correlation=scores), example, "ten other items by their scores, best first")


def errors_of_questions() -> Responses:
    """Return the error responses of the original's routes that answer."""
    schema = _object(status={"const": "error"}, error={"type": "string"})
    meanings = {status: openapi.MEANINGS[status] for status in (401, 403, 503)}
    meanings |= {
        404: "no event about the item was counted",
        405: "another method than GET and HEAD",
        422: "invalid parameters; `error` names each",
    }
    texts = meanings | {
        404: "Key does not exist",
        405: "/media/getstats/4/ accepts GET, HEAD only",
        422: "user_view: Unknown parameter",
    }
    return _errors(schema, meanings, {status: {"status": "error", "error": text} for status, text in texts.items()})


def errors_of_events(schema: dict[str, Any]) -> Responses:
    """Return the error responses of the original's route that takes an event."""
    meanings = {status: openapi.MEANINGS[status] for status in (401, 408, 415)} | {
        400: "the body is not JSON, or incomplete",
        403: "request from another site, or for another host; or from another machine, without a token",
        405: "another method than POST",
        413: "the event is longer than VIEWS_LINE_LIMIT",
        422: "the event is wrong, or there are parameters; `error` names everything that is",
        503: "Kafka has not acknowledged the event; to send it again is safe",
    }
    texts = meanings | {405: "/event/create/ accepts POST only", 422: "Missing EventId"}
    return _errors(schema, meanings, {status: {"status": "error", "error": [text]} for status, text in texts.items()})


def _errors(schema: dict[str, Any], meanings: dict[int, str], examples: dict[int, Any]) -> Responses:
    responses: Responses = {}
    for status, meaning in meanings.items():
        responses |= openapi.refusal(status, meaning, "application/json", schema, examples[status])
    return responses


def _success(data: dict[str, Any], example: dict[str, Any], description: str) -> Responses:
    content = {
        "schema": _object(status={"const": "success"}, data=data),
        "example": {"status": "success", "data": example},
    }
    return {200: {"description": description, "content": {"application/json": content}}}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }
