"""Response models."""

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

from metrics.frames.records import Value, columns, row
from metrics.frames.results.formats import csv_lines
from metrics.frames.results.read import Result
from metrics.frames.sizes import Size

Record = TypeVar("Record")


class Windows(msgspec.Struct, Generic[Record]):
    """Windows of one size, the oldest first."""

    size_s: Annotated[int, Meta(description="the size of each, in seconds")]
    windows: Annotated[list[Record], Meta(description="the records as they were published")]
    has_more: Annotated[
        bool,
        Meta(description="whether `limit` cut the answer: later windows are missing with `from`, else earlier ones"),
    ]
    kept_from: Annotated[
        int | None,
        Meta(
            description="start of the oldest window kept, in seconds since the epoch: older ones are only in the "
            "topic; null if there is none"
        ),
    ]


def csv_of(size: Size, results: Sequence[Result]) -> str:
    """Return windows as CSV: a header, then a line per window."""
    names = columns([size])
    header: dict[str, Value] = dict(zip(names, names, strict=True))
    rows = [header, *(row(result.window) for result in results)]
    return "".join(f"{line}\n" for line in csv_lines(rows, names))
