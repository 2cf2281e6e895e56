"""The format of an answer: JSON or CSV, by a parameter or by the header Accept."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from metrics.web import reading

Format = Literal["json", "csv"]
FormatParameter = Annotated[Format | None, Field(description="takes precedence over the header Accept")]

MEDIA_TYPES: dict[str, Format] = {"application/json": "json", "text/csv": "csv"}

_QUALITY = re.compile(r"q=(0(\.\d{0,3})?|1(\.0{0,3})?)")


def chosen(request: Request, asked: Format | None) -> Format:
    """Return the format of an answer.

    Args:
        asked: by a parameter, if any.

    Raises:
        HTTPException: 406, the header Accept allows neither.
    """
    form = asked or accepted(request.headers.get("Accept"))
    if form is None:
        raise HTTPException(406, f"the header Accept must allow {' or '.join(MEDIA_TYPES)}; or use ?format=csv")
    return form


def csv_answer(text: str) -> Response:
    """Return an answer as CSV."""
    return Response(text, headers=reading.HEADERS, media_type="text/csv")


def csv_table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return CSV with a header, quoted by RFC 4180; its lines end with a line feed, as those of the commands."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()


def accepted(accept: str | None) -> Format | None:
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
