"""Query parameters: time range, number of windows, format."""

import re
from time import time
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from metrics.time.moments import ALL_TIME, Range, duration_of, second_of
from metrics.web import problems
from metrics.web.formats import FormatParameter
from metrics.web.parameters import DIGITS, TIME_SCHEMA
from metrics.wording.errors import SettingsError

DEFAULT_LIMIT = 600
MAX_WINDOWS = 10_000


def _second(text: object) -> int:
    try:
        return second_of("it", str(text), now_s=time())
    except SettingsError as error:
        raise PydanticCustomError("time", "{how}", {"how": error.hint}) from error


Time = Annotated[int, BeforeValidator(_second), WithJsonSchema(TIME_SCHEMA)]


class WindowsQuery(BaseModel, extra="forbid"):
    """Parameters of a request for windows."""

    start: Annotated[
        Time | None,
        Field(
            alias="from",
            description="windows that start at or after this time, by RFC 3339, in seconds since the epoch, `now`, "
            "or ago, such as `-1h30m`; with it, the oldest `limit` windows are returned, without it the newest",
            examples=["2016-07-11T13:39:00Z"],
        ),
    ] = None
    end: Annotated[
        Time | None,
        Field(alias="to", description="windows that end at or before this time", examples=["2016-07-11T13:40:00Z"]),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_WINDOWS, description="maximum number of windows"), DIGITS] = DEFAULT_LIMIT
    format: FormatParameter = None

    def range(self) -> Range:
        """Return the requested time range.

        Raises:
            RequestValidationError: it is empty.
        """
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise problems.wrong_field("from", "Must be before `to`")
        return Range(self.start or ALL_TIME.start, ALL_TIME.end if self.end is None else self.end)


def size_of(text: str) -> int | None:
    """Return the size in seconds that a text names, as `60`, `60s` or `1m`; None if it names none."""
    return int(text) if re.fullmatch("[1-9][0-9]{0,8}", text) else duration_of(text)
