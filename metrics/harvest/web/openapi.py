"""Responses and bodies of harvest in the OpenAPI document, with examples."""

from typing import Any

import msgspec
from fastapi.sse import format_sse_event

from metrics.harvest.web import answers
from metrics.harvest.web.answers import FinishedRun, HarvestEvents, RunningRun
from metrics.harvest.web.parameters import StartBody
from metrics.web.openapi import Responses, answer, reference

ANSWERS = answers.ANSWERS

_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}


def run() -> Responses:
    """Return the responses of a run: its report, or its progress while it runs."""
    schema = {"anyOf": [{"$ref": reference(FinishedRun)}, {"$ref": reference(RunningRun)}]}
    return _json(schema, "the report without users, or the progress while it runs; `state` says which")


def events() -> Responses:
    """Return the responses of events."""
    responses = answer(HarvestEvents, "events in their order")
    responses[200]["content"]["text/csv"] = {"schema": _TEXT}
    return responses


def body() -> dict[str, Any]:
    """Return the body of a request that starts a run."""
    schema = StartBody.model_json_schema()
    return {"requestBody": {"required": False, "content": {"application/json": {"schema": schema}}}}


def stream() -> Responses:
    """Return the responses for the progress of runs."""
    progress = RunningRun(
        run="20231207_170121",
        seconds=20,
        seconds_left=12.4,
        name="Sytac",
        times=3,
        name_seen=2,
        streams=[],
        report_share=None,
    )
    example = format_sse_event(
        event="progress", data_str=msgspec.json.encode(progress).decode(), id=f"{progress.run}/17"
    ).decode()
    about = "events: `progress`, and finally `report`, or `failure` with problem details"
    return {200: {"description": about, "content": {"text/event-stream": {"schema": _TEXT, "example": example}}}}


def user_report() -> Responses:
    """Return the responses of the original's report of users."""
    event = _object(
        event=_TEXT,
        event_date=_TEXT,
        first_actor=_TEXT_OR_NULL,
        show_id=_TEXT,
        show_platform=_TEXT,
        show_title=_TEXT_OR_NULL,
    )
    user = _object(age=_TEXT_OR_NULL, user_id=_TEXT, user_name=_TEXT)
    return _json(_list(_object(event_list=_list(event), user=user)), "users by id, with their events in order")


def recent_shows() -> Responses:
    """Return the responses of the original's number of recent shows."""
    return _json(_object(recent_shows=_TEXT), "the number, as a text")


def successful() -> Responses:
    """Return the responses of the original's successful streams."""
    number = {"type": "number"}
    return _json(_list(_object(successful_streams=number, user=number)), "by user, without those that have none")


def start_events() -> Responses:
    """Return the responses of the original's share of started streams."""
    return _json(_object(**{"start_event_rate(%)": _TEXT_OR_NULL}), "percent; null without any event of Sytflix")


def _json(schema: dict[str, Any], description: str) -> Responses:
    return {200: {"description": description, "content": {"application/json": {"schema": schema}}}}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
