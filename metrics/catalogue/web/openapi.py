"""Entries of the API document that FastAPI cannot write: answers as CSV, parameters of queries, bodies."""

from typing import Any

from metrics.catalogue.core.models import MODELS, Model
from metrics.catalogue.query.shipped import Parameter, ShippedQuery
from metrics.catalogue.web import forms
from metrics.catalogue.web.answers import ANSWERS as RESPONSES
from metrics.catalogue.web.received import JSON, JSON_LINES
from metrics.time.moments import LAST_SECOND
from metrics.web.formats import MEDIA_TYPES
from metrics.web.openapi import Responses, answer, reference
from metrics.web.parameters import time_schema

# Bodies, too: their types are in the same part of the document.
ANSWERS = (*RESPONSES, *(model.record for model in MODELS.values()))

_TIME_ZONE = {
    "name": "time_zone",
    "in": "query",
    "description": "in which times without an offset are read, and all are written",
    "schema": {"type": "string", "format": "time-zone", "default": "UTC"},
    "example": "Europe/Berlin",
}
_FORMAT = {
    "name": "format",
    "in": "query",
    "description": "takes precedence over the header Accept",
    "schema": {"type": "string", "enum": [*MEDIA_TYPES.values()]},
}


def table(type_: Any, description: str) -> Responses:
    """Return the successful response of a route that answers with JSON or CSV."""
    responses = answer(type_, description)
    responses[200]["content"]["text/csv"] = {"schema": {"type": "string"}}
    return responses


def parameters_of(query: ShippedQuery) -> dict[str, Any]:
    """Return the parameters of a query, whose values are all optional."""
    return {"parameters": [*map(_parameter, query.parameters), _TIME_ZONE, _FORMAT]}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    form = time_schema(LAST_SECOND) if parameter.is_time else {"type": "string", "pattern": forms.pattern_of(parameter)}
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.meaning,
        "schema": form | {"default": parameter.default},
        "example": parameter.default,
    }


def body_of(model: Model) -> dict[str, Any]:
    """Return the body of a request that sends records of a model."""
    record = {"$ref": reference(model.record)}
    return {
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": {"type": "array", "items": record}},
                JSON_LINES: {"schema": {"type": "string", "description": "one record per line"}},
            },
        }
    }
