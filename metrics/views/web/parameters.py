"""Parameters of the routes that answer."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import Path
from pydantic import BaseModel, Field

from metrics.time.moments import ALL_TIME, Range, second_of
from metrics.time.zones import UTC, zone_of
from metrics.views.answers.items import Order
from metrics.views.answers.trend import until_now
from metrics.views.core.event import MAX_ID
from metrics.views.core.trend import Per
from metrics.web import problems
from metrics.web.formats import FormatParameter
from metrics.web.parameters import DIGITS, TIME_SCHEMA
from metrics.wording.errors import SettingsError

MAX_ROWS = 10_000
MAX_SIMILAR = 1_000

MediaId = Annotated[int, Path(ge=0, le=MAX_ID, description="MediaId of the item"), DIGITS]
# The original's routes answer in their own form if there is no such item, whatever is in the path.
OriginalId = Annotated[str, Path(json_schema_extra={"type": "integer", "minimum": 0, "maximum": MAX_ID})]


def item_of(text: str) -> int | None:
    """Return the MediaId in a path; None if it is none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_ID))):
        return None
    return number if (number := int(text)) <= MAX_ID else None


class StatsQuery(BaseModel, extra="forbid"):
    """Parameters of a request for the original's statistics."""

    user_views: Annotated[
        bool,
        Field(description="false: without the users, of whom there may be many", json_schema_extra={"type": "boolean"}),
    ] = True


class TopQuery(BaseModel, extra="forbid"):
    """Parameters of a request for the top items."""

    order: Annotated[Order, Field(description="by what the items are sorted, highest first")] = "view_time"
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS, description="maximum number of items"), DIGITS] = 10
    format: FormatParameter = None


class ViewersQuery(BaseModel, extra="forbid"):
    """Parameters of a request for viewers."""

    order: Annotated[
        Literal["user_id", "view_time"], Field(description="the lowest id first, or the most view time first")
    ] = "user_id"
    after: Annotated[
        Annotated[int, Field(ge=0, le=MAX_ID), DIGITS] | None,
        Field(description="only users with a higher id, to read on; with `order=user_id`"),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS, description="maximum number of viewers"), DIGITS] = 100
    format: FormatParameter = None

    def check(self) -> None:
        """Check that the parameters do not conflict.

        Raises:
            RequestValidationError: they do.
        """
        if self.after is not None and self.order != "user_id":
            raise problems.wrong_field("after", "Only possible with order=user_id")


class SimilarQuery(BaseModel, extra="forbid"):
    """Parameters of a request for similar items."""

    limit: Annotated[int, Field(ge=1, le=MAX_SIMILAR, description="maximum number of items"), DIGITS] = 10
    common: Annotated[bool, Field(description="with the number of users who watched both items, as `common`")] = False
    format: FormatParameter = None


class TrendQuery(BaseModel, extra="forbid"):
    """Parameters of a request for a trend."""

    per: Annotated[Per, Field(description="what a row is about")] = "hour"
    start: Annotated[
        str | None,
        Field(
            alias="from",
            description="rows that start at this time or later: by RFC 3339, a date, seconds since the epoch, `now`, "
            "or ago, such as `-7d`; without an offset, in the time zone",
            examples=["2026-11-28"],
            json_schema_extra=TIME_SCHEMA,
        ),
    ] = None
    end: Annotated[
        str | None,
        Field(
            alias="to",
            description="rows that start before this time; by default, those up to the present one",
            examples=["2026-11-29T00:00:00Z"],
            json_schema_extra=TIME_SCHEMA,
        ),
    ] = None
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS, description="maximum number of rows, the newest"), DIGITS] = 100
    tz: Annotated[
        str,
        Field(
            description="time zone of days, hours and times",
            examples=["Europe/Berlin"],
            json_schema_extra={"format": "time-zone"},
        ),
    ] = UTC
    format: FormatParameter = None

    def zone(self) -> ZoneInfo:
        """Return the time zone.

        Raises:
            RequestValidationError: it is unknown.
        """
        try:
            return zone_of(self.tz)
        except SettingsError as error:
            raise problems.wrong_field("tz", problems.in_one_line(error)) from error

    def range(self, zone: ZoneInfo, now_s: float) -> Range:
        """Return the range; without an end, it is the end of the present row.

        Raises:
            RequestValidationError: it is empty, or one of its ends is not a time.
        """
        start = ALL_TIME.start if self.start is None else _second("from", self.start, zone, now_s)
        end = ALL_TIME.end if self.end is None else _second("to", self.end, zone, now_s)
        if start >= end:
            raise problems.wrong_field("from", "Must be before `to`")
        return until_now(Range(start, end), self.per, zone, now_s) if self.end is None else Range(start, end)


def _second(name: str, text: str, zone: ZoneInfo, now_s: float) -> int:
    try:
        return second_of(name, text, zone, now_s=now_s)
    except SettingsError as error:
        raise problems.wrong_field(name, error.hint) from error
