"""Responses of frames in the OpenAPI document, with examples."""

from typing import Any

import msgspec
from fastapi.sse import format_sse_event

from metrics.frames.records import Record, fields
from metrics.frames.results.read import Result
from metrics.frames.sizes import MINUTE, SECOND, SIZES, Size
from metrics.frames.status.facts import Status
from metrics.frames.web.answers import Windows, csv_of
from metrics.web.openapi import Responses, reference

_T = 1468244340
_EXAMPLES = {
    record.size: Result(record, record.value())
    for record in (Record(SECOND, _T, 1003, 1003, 1000.4), Record(MINUTE, _T, 871, 16034, 869.5))
}
_WINDOWS = {size: Windows[fields(size)] for size in SIZES}  # type: ignore[misc]
ANSWERS = (*_WINDOWS.values(), Status)


def windows(size: Size) -> Responses:
    """Return the responses for windows of one size."""
    return _windows({"$ref": reference(_WINDOWS[size])}, _EXAMPLES.get(size))


def windows_of_any_size() -> Responses:
    """Return the responses for windows of the size in the path."""
    return _windows({"anyOf": [{"$ref": reference(answer)} for answer in _WINDOWS.values()]}, _EXAMPLES[MINUTE])


def _windows(schema: dict[str, Any], shown: Result | None) -> Responses:
    as_json: dict[str, Any] = {"schema": schema}
    as_csv: dict[str, Any] = {"schema": {"type": "string"}}
    if shown is not None:
        example = Windows(
            shown.window.size.size_s, [msgspec.Raw(shown.value)], has_more=False, kept_from=shown.window.start
        )
        as_json["example"] = msgspec.json.decode(msgspec.json.encode(example))
        as_csv["example"] = csv_of(shown.window.size, [shown])
    return {
        200: {"description": "windows, the oldest first", "content": {"application/json": as_json, "text/csv": as_csv}}
    }


def stream() -> Responses:
    """Return the responses for events."""
    minute = _EXAMPLES[MINUTE]
    event_id = f"{SECOND.size_s}={minute.window.start + 59},{MINUTE.size_s}={minute.window.start}"
    example = format_sse_event(event=MINUTE.name, data_str=minute.value.decode(), id=event_id).decode()
    names = " and ".join(f"`{size.name}`" for size in SIZES)
    about = f"{names}, and finally `overflow` if the client reads too slowly"
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": example}}
    return {200: {"description": f"events: {about}", "content": content}}
