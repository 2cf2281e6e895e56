"""Query parameters: time range, number of windows, format."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from metrics.errors import SettingsError
from metrics.times import ALL_TIME, Range, second_of
from metrics.web import problems

DEFAULT_LIMIT = 600
MAX_WINDOWS = 10_000
MEDIA_TYPES: dict[str, Literal["json", "csv"]] = {"application/json": "json", "text/csv": "csv"}

_QUALITY = re.compile(r"q=(0(\.\d{0,3})?|1(\.0{0,3})?)")


def _second(text: object) -> int:
    try:
        return second_of("it", str(text))
    except SettingsError as error:
        raise PydanticCustomError("time", "{how}", {"how": error.hint}) from error


Time = Annotated[
    int,
    BeforeValidator(_second),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "integer", "minimum": 0, "maximum": ALL_TIME.end - 1},
            ]
        }
    ),
]


class WindowsQuery(BaseModel, extra="forbid"):
    """Parameters of a request for windows."""

    start: Annotated[
        Time | None,
        Field(
            alias="from",
            description="windows that start at or after this time, by RFC 3339 or in seconds since the epoch; "
            "with it, the oldest `limit` windows are returned, without it the newest",
            examples=["2016-07-11T13:39:00Z"],
        ),
    ] = None
    end: Annotated[
        Time | None,
        Field(alias="to", description="windows that end at or before this time", examples=["2016-07-11T13:40:00Z"]),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_WINDOWS, description="maximum number of windows")] = DEFAULT_LIMIT
    format: Annotated[Literal["json", "csv"] | None, Field(description="takes precedence over the header Accept")] = (
        None
    )

    def range(self) -> Range:
        """Return the requested time range.

        Raises:
            RequestValidationError: it is empty.
        """
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise problems.wrong_field("from", "Must be before `to`")
        return Range(self.start or ALL_TIME.start, ALL_TIME.end if self.end is None else self.end)


def accepted(accept: str | None) -> Literal["json", "csv"] | None:
    """Return the format that a header Accept prefers, JSON if it has no preference; None if it allows neither.

    By RFC 9110, section 12.5.1: the most specific range that matches a type gives its quality.
    """
    if not accept:
        return "json"
    qualities = dict(map(_quality, accept.split(",")))
    by_format = {form: _quality_of(media_type, qualities) for media_type, form in MEDIA_TYPES.items()}
    best = max(by_format, key=lambda form: by_format[form])
    return best if by_format[best] else None


def _quality(media_range: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in media_range.split(";"))
    qualities = (_QUALITY.fullmatch(parameter) for parameter in parameters)
    return name, next((float(quality[1]) for quality in qualities if quality), 1.0)


def _quality_of(media_type: str, qualities: dict[str, float]) -> float:
    kind = media_type.split("/", maxsplit=1)[0]
    return next((qualities[at] for at in (media_type, f"{kind}/*", "*/*") if at in qualities), 0.0)


def size_of(text: str) -> int | None:
    """Return the size in seconds that a text names, as `60`, `60s` or `1m`; None if it names none."""
    parts = re.fullmatch(r"([1-9]\d{0,8})([smhd]?)", text, re.ASCII)
    return int(parts[1]) * _UNITS_S[parts[2]] if parts else None


_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
