"""Validation of a record: its row, or everything that is wrong with it."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import tzinfo
from decimal import Decimal
from functools import cache
from operator import itemgetter
from typing import Annotated, Any, NamedTuple, NoReturn, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from metrics.catalogue.core.models import Model, cells_record, table_key_record
from metrics.catalogue.core.records import NoKeyError, RejectedError, Row, Tombstone
from metrics.catalogue.core.times import WrongTimeError, to_time
from metrics.wording.text import numbered

SHOWN = 60  # characters of a wrong value
DIGITS = 1_000  # of a number that is converted
NO_KEY: Row = ()  # no row is without a key
_SURROGATE = re.compile("[\ud800-\udfff]")
_TO_JSON = msgspec.json.Encoder(decimal_format="number")  # decoded JSON has Decimals

ReadRow = Callable[[Any], Row | Tombstone]


def json_reader(model: Model, zone: tzinfo | None) -> ReadRow:
    """Return the function that validates a JSON record, decoded, and returns its row, or raises a RejectedError.

    Args:
        zone: of times without an offset; None if these are rejected.
    """
    convert, record = msgspec.convert, model.record

    def read(value: Any) -> Row:
        try:
            row: Row = _require_storable(convert(value, record).row(zone))
        except RejectedError:
            raise
        except ValueError:  # msgspec's own errors, too
            raise _rejection(model, value, zone, strict=True) from None
        return row

    return read


def text_reader(model: Model, zone: tzinfo | None) -> Callable[[str], Row]:
    """Return the function that validates a JSON record, as text, and returns its row, or raises a RejectedError.

    Args:
        zone: as `json_reader`.
    """
    decode, read_decoded = msgspec.json.Decoder(model.record).decode, json_reader(model, zone)

    def read(text: str) -> Row:
        try:
            row: Row = decode(text).row(zone)
        except RejectedError:
            raise
        except (ValueError, RecursionError):
            require_utf8(text.encode(errors="surrogateescape"), "it")
            return read_decoded(json_value(text))
        return row

    return read


def require_utf8(text: bytes, what: str) -> str:
    """Return a text that is UTF-8, or raise a RejectedError.

    Args:
        what: a name of the text for the error.
    """
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        wrong = f"byte 0x{text[error.start]:02x} at {error.start}"
        raise RejectedError("encoding", f"{what} is not UTF-8: {wrong}") from None


class NotJsonError(RejectedError):
    """A text that is not JSON, or nested too deeply."""

    def __init__(self, detail: str) -> None:
        super().__init__("json", detail)


def json_value(text: str) -> Any:
    """Return the value of a JSON text, with numbers as they are written, and with halves of surrogate pairs.

    Raises:
        NotJsonError: it has none.
    """
    try:
        return _FROM_JSON.decode(text)
    except RecursionError:
        raise NotJsonError("JSON is nested too deeply") from None
    except ValueError as error:
        raise NotJsonError(f"JSON is malformed: {error}") from None


def _number(text: str) -> Any:
    """Return a number; a Raw, which no type of number takes, if that would take long or is impossible."""
    if len(text) > DIGITS:
        return msgspec.Raw(text.encode())
    try:
        return int(text) if text.lstrip("-").isdecimal() else Decimal(text)
    except ArithmeticError:
        return msgspec.Raw(text.encode())


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; a name with half of a surrogate pair, which msgspec refuses and no field has, is escaped."""
    return {name.encode(errors="backslashreplace").decode(): value for name, value in pairs}


_FROM_JSON = json.JSONDecoder(
    parse_float=_number, parse_int=_number, parse_constant=_no_constant, object_pairs_hook=_members
)


def key_reader(model: Model, zone: tzinfo | None) -> Callable[[str], Row]:
    """Return the function that reads a row's key, or raises a RejectedError.

    A key of one column is its text; one of several is a JSON object with these columns.

    Args:
        zone: as `json_reader`.
    """
    record: Any = table_key_record(model)
    columns = model.key_columns

    def read(text: str) -> Row:
        try:
            value = {columns[0].name: text} if len(columns) == 1 else json_value(text)
        except NotJsonError as error:
            raise RejectedError("key", f"the key is not a JSON object: {error}") from None
        if wrong := "; ".join(_wrong(record, value, "", zone, strict=True)):
            raise RejectedError("key", f"in the key, {wrong}")
        return tuple(to_time(value[name], zone) if kind == "timestamptz" else value[name] for name, kind in columns)

    return read


def cells_reader(model: Model, header: list[str], zone: tzinfo | None) -> ReadRow:
    """Return the function that validates a row of cells, texts, and returns its row, or raises a RejectedError.

    Args:
        header: names of the columns, those of the model among them.
        zone: as `json_reader`.
    """
    convert, width = msgspec.convert, len(header)
    record: Any = cells_record(model)
    in_order = itemgetter(*[header.index(field.name) for field in msgspec.structs.fields(record)])

    def read(cells: list[str]) -> Row:
        if len(cells) != width:
            raise RejectedError("cells", f"{numbered(len(cells), 'cell')} instead of {width}")
        try:
            row: Row = convert(in_order(cells), record, strict=False).row(zone)
        except RejectedError:
            raise
        except ValueError:
            raise _rejection(model, dict(zip(header, cells, strict=True)), zone, strict=False) from None
        return row

    return read


def key_of(model: Model, value: Any, zone: tzinfo | None, *, strict: bool) -> Row | None:
    """Return the key of a record that was rejected: NO_KEY if it has none, None if that cannot be read.

    Args:
        strict: whether numbers must be numbers; a CSV file has only texts.
    """
    try:
        return _require_storable(msgspec.convert(value, model.key_record, strict=strict).key(zone))
    except NoKeyError:
        return NO_KEY
    except ValueError:
        return NO_KEY if _lacks_key(model.key_record, value) else None


def _lacks_key(record: type[Struct], value: Any) -> bool:
    """Return whether a part of a key is missing, null or empty."""
    if not isinstance(value, dict):
        return value in (None, "", [])
    return any(_lacks_part(field.kind, value.get(field.name)) for field in _fields(record) if field.is_required)


def _lacks_part(kind: "_Kind", value: Any) -> bool:
    if kind.record:
        return _lacks_key(kind.record, value)
    if kind.member and isinstance(value, list):
        return all(_lacks_part(kind.member, each) for each in value)
    return value in (None, "", [])


def _require_storable(row: Row) -> Row:
    """Return a row.

    Raises:
        ValueError: a text has half of a surrogate pair, which is not a character.
    """
    "".join(cell for cell in row if isinstance(cell, str)).encode()
    return row


def _rejection(model: Model, value: Any, zone: tzinfo | None, *, strict: bool) -> RejectedError:
    """Return the error for a record with wrong fields, which names all of them."""
    wrong = list(_wrong(model.record, value, "", zone, strict=strict))
    assert wrong, "a record that does not convert has a wrong field"
    return RejectedError("field", "; ".join(wrong))


class _Kind(NamedTuple):
    """The type of a value, taken apart once: each wrong record would take 30 µs more.

    Attributes:
        record: the Struct, if it is one.
        holder: else, a Struct of one such value: msgspec examines a Struct once, any other type at each conversion.
        words: what the value must be.
        converts: further conversions, to the type of its column.
        member: of a list, its members.
        may_be_empty: whether a list may be.
    """

    record: type[Struct] | None
    holder: type[Struct]
    words: str
    converts: list[Callable[[Any, tzinfo | None], Any]]
    member: "_Kind | None"
    may_be_empty: bool


class _Field(NamedTuple):
    """A member of a JSON object."""

    name: str
    is_required: bool
    kind: _Kind


@cache
def _fields(record: type[Struct]) -> tuple[_Field, ...]:
    return tuple(
        _Field(field.encode_name, field.required, _kind(field.type)) for field in msgspec.structs.fields(record)
    )


def _kind(annotated: Any) -> _Kind:
    metas, kind = _unwrap(annotated)
    return _Kind(
        record=kind if isinstance(kind, type) and issubclass(kind, Struct) else None,
        holder=msgspec.defstruct("Holder", [("value", annotated)], array_like=True),
        words=next((meta.description for meta in metas if meta.description), ""),
        converts=[meta.extra["convert"] for meta in metas if meta.extra and "convert" in meta.extra],
        member=_kind(*get_args(kind)) if get_origin(kind) is list else None,
        may_be_empty=not any(meta.min_length for meta in metas),
    )


def _wrong(record: type[Struct], value: Any, path: str, zone: tzinfo | None, *, strict: bool) -> Iterator[str]:
    """Yield a text for each wrong field of a record, or of a part of it."""
    if not isinstance(value, dict):
        yield f"{path or 'the record'} must be an object, not {_excerpt(value)}"
        return
    for field in _fields(record):
        name = f"{path}.{field.name}" if path else field.name
        if field.name in value:
            yield from _wrong_value(field.kind, value[field.name], name, zone, strict=strict)
        elif field.is_required:
            yield f"{name} is missing"


def _wrong_value(kind: _Kind, value: Any, path: str, zone: tzinfo | None, *, strict: bool) -> Iterator[str]:
    if kind.record:
        yield from _wrong(kind.record, value, path, zone, strict=strict)
    elif kind.member and isinstance(value, list):
        if not value and not kind.may_be_empty:
            yield f"{path} must be {kind.words}, not empty"
        for number, each in enumerate(value):
            yield from _wrong_value(kind.member, each, f"{path}[{number}]", zone, strict=strict)
    elif expected := _expected(kind, value, zone, strict=strict):
        yield f"{path} must be {expected}, not {_excerpt(value)}"


def _expected(kind: _Kind, value: Any, zone: tzinfo | None, *, strict: bool) -> str:
    """Return what a single value must be, in words; empty if it converts to its field's type, and to its column's."""
    try:
        held: Any = msgspec.convert([value], kind.holder, strict=strict)
        for convert in kind.converts:
            if held.value is not None:
                convert(held.value, zone)
    except WrongTimeError as error:
        return str(error)
    except ValueError:
        return kind.words or "a list"
    return kind.words if isinstance(held.value, str) and not _is_storable(held.value) else ""


def _is_storable(text: str) -> bool:
    """Return whether a text has neither a NUL nor half of a surrogate pair."""
    return "\0" not in text and not _SURROGATE.search(text)


def _unwrap(kind: Any) -> tuple[list[Meta], Any]:
    """Return the metadata of an annotated type, and the type itself."""
    metas: list[Meta] = []
    while get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        metas += more
    return metas, kind


def _excerpt(value: Any) -> str:
    """Return a wrong value as JSON, cut if it is long; halves of surrogate pairs are escaped."""
    try:
        text = _TO_JSON.encode(value).decode()
    except UnicodeEncodeError:
        text = json.dumps(value, default=str)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
