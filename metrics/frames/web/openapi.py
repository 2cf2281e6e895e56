"""What the OpenAPI document says of the answers of frames, with examples."""

from typing import Any

import msgspec
from fastapi.sse import format_sse_event

from metrics.frames.core.windows import SECOND_S, MinuteRecord, SecondRecord
from metrics.frames.records import KINDS, RECORDS, Published
from metrics.frames.results.read import Result
from metrics.frames.status.facts import Status
from metrics.frames.web.answers import Windows, csv_of, windows_of
from metrics.times import MINUTE_S
from metrics.web.openapi import Responses, reference

_T = 1468244340
_EXAMPLES = {
    SECOND_S: Result(SECOND_S, Published(_T, 1003, 1000.4, 0, 1003), SecondRecord(_T, 1003, 1000.4, 0).value()),
    MINUTE_S: Result(MINUTE_S, Published(_T, 871, 869.5, 0, 16034), MinuteRecord(_T, 871, 869.5, 16034, 0).value()),
}
_WINDOWS = {size_s: Windows[record] for size_s, record in RECORDS.items()}  # type: ignore[valid-type]
ANSWERS = (*_WINDOWS.values(), Status)


def windows(size_s: int) -> Responses:
    """Return how windows of one size are answered."""
    return _windows({"$ref": reference(_WINDOWS[size_s])}, _EXAMPLES.get(size_s))


def windows_of_any_size() -> Responses:
    """Return how windows of the size that the path names are answered."""
    return _windows({"anyOf": [{"$ref": reference(answer)} for answer in _WINDOWS.values()]}, _EXAMPLES[MINUTE_S])


def _windows(schema: dict[str, Any], shown: Result | None) -> Responses:
    as_json: dict[str, Any] = {"schema": schema}
    as_csv: dict[str, Any] = {"schema": {"type": "string"}}
    if shown is not None:
        example = windows_of(shown.size_s, [shown], shown.window.start, has_more=False)
        as_json["example"] = msgspec.json.decode(msgspec.json.encode(example))
        as_csv["example"] = csv_of(shown.size_s, [shown])
    return {
        200: {"description": "windows, the oldest first", "content": {"application/json": as_json, "text/csv": as_csv}}
    }


def stream() -> Responses:
    """Return how events are answered."""
    minute = _EXAMPLES[MINUTE_S]
    event_id = f"{SECOND_S}={minute.window.start + 59},{MINUTE_S}={minute.window.start}"
    example = format_sse_event(event=KINDS[MINUTE_S], data_str=minute.value.decode(), id=event_id).decode()
    about = "`second` and `minute`, and `overflow` as the last one where the client reads too slowly"
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": example}}
    return {200: {"description": f"events: {about}", "content": content}}
