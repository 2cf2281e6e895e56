"""Values of an answer, as the server writes them, and as JSON and text show them."""

import re
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import NamedTuple

import msgspec
import orjson
from psycopg.postgres import types as known_types

# Text as the server writes it; for an array, a list of its elements; None for null.
Value = str | list["Value"] | None

_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d)?(:\d\d)?")


class Form(Enum):
    """Form of the values of a type, in tables and in JSON."""

    NUMBER = auto()
    BOOLEAN = auto()
    JSON = auto()
    TIME = auto()  # a date with a time of day
    TEXT = auto()


_FORMS = {
    **dict.fromkeys(("int2", "int4", "int8", "oid", "float4", "float8", "numeric"), Form.NUMBER),
    "bool": Form.BOOLEAN,
    **dict.fromkeys(("json", "jsonb"), Form.JSON),
    **dict.fromkeys(("timestamp", "timestamptz"), Form.TIME),
}


class AnswerColumn(NamedTuple):
    """A column of an answer.

    Attributes:
        oid: of its type.
        precision: of a numeric that declares it.
        scale: of a numeric that declares it.
    """

    name: str
    oid: int
    precision: int | None = None
    scale: int | None = None

    @property
    def type_name(self) -> str:
        """The name of its type, or of that of its arrays' elements; empty for a type that the database has defined."""
        known = known_types.get(self.oid)
        return known.name if known else ""

    @property
    def is_array(self) -> bool:
        """Whether its values are arrays."""
        known = known_types.get(self.oid)
        return known is not None and self.oid == known.array_oid

    @property
    def form(self) -> Form:
        """The form of its values, or of the elements of its arrays."""
        return _FORMS.get(self.type_name, Form.TEXT)


Write = Callable[[Value], str]


def json_writer(column: AnswerColumn) -> Write:
    """Return the function that writes a value of a column as JSON, in one line.

    Numbers keep all their digits. Values that JSON cannot represent are strings: NaN, infinity and times.
    """
    write = _JSON[column.form]

    def as_json(value: Value) -> str:
        if value is None:
            return "null"
        return f"[{','.join(map(as_json, value))}]" if isinstance(value, list) else write(value)

    return as_json


def text_writer(column: AnswerColumn) -> Write:
    """Return the function that writes a value of a column as text: null is empty, and an array is JSON."""
    write, as_json = _TEXT.get(column.form, str), json_writer(column)

    def as_text(value: Value) -> str:
        if value is None:
            return ""
        return as_json(value) if isinstance(value, list) else write(value)

    return as_text


def rfc3339(text: str) -> str:
    """Return a time by RFC 3339; an infinite one, or one before Christ, as the server writes it."""
    found = _TIME.fullmatch(text)
    if found is None:
        return text
    date, clock, hours, minutes = found.groups()
    offset = hours + (minutes or ":00") if hours else ""
    return f"{date}T{clock}{'Z' if offset == '+00:00' else offset}"


def _quote(text: str) -> str:
    return orjson.dumps(text).decode()


def _number(text: str) -> str:
    return text if text[-1].isdigit() else _quote(text)


def _boolean(text: str) -> str:
    return "true" if text == "t" else "false"


def _in_one_line(text: str) -> str:
    return msgspec.json.format(text, indent=-1) if "\n" in text or "\r" in text else text


_JSON: dict[Form, Callable[[str], str]] = {
    Form.NUMBER: _number,
    Form.BOOLEAN: _boolean,
    Form.JSON: _in_one_line,
    Form.TIME: lambda text: _quote(rfc3339(text)),
    Form.TEXT: _quote,
}
_TEXT: dict[Form, Callable[[str], str]] = {Form.BOOLEAN: _boolean, Form.TIME: rfc3339}


def rows_as_text(columns: Sequence[AnswerColumn], rows: Sequence[Sequence[Value]]) -> list[list[str]]:
    """Return the cells of rows."""
    writers = [text_writer(column) for column in columns]
    return [[write(value) for write, value in zip(writers, row, strict=True)] for row in rows]
