"""The JSON of a frame: the members that events have, as texts."""

import re
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

DEEPEST = 128
"""Deepest nesting of objects and lists: Python's own limit would depend on the depth of its calls."""


class NotJsonError(ValueError):
    """Bytes that are not JSON by RFC 8259, or nested deeper than `DEEPEST`."""


class NotAnObjectError(ValueError):
    """JSON that is not an object."""


class ReceivedShow(Struct):
    """The show of a message. Members that are null or missing are None."""

    show_id: str | None = None
    cast: str | None = None
    country: str | None = None
    director: str | None = None
    date_added: str | None = None
    description: str | None = None
    duration: str | None = None
    listed_in: str | None = None
    rating: str | None = None
    title: str | None = None
    type: str | None = None
    # Above 0, the text of an integer is the same as its JSON; that of -0 is not.
    release_year: Annotated[int, Meta(gt=0)] | str | None = None
    platform: str | None = None


class ReceivedUser(Struct):
    """The user of a message. Members that are null or missing are None."""

    id: int | str | None = None
    date_of_birth: str | None = None
    email: str | None = None
    first_name: str | None = None
    gender: str | None = None
    ip_address: str | None = None
    country: str | None = None
    last_name: str | None = None


class ReceivedMessage(Struct):
    """A message as the streams send it; other members are ignored."""

    show: ReceivedShow | None = None
    event_date: str | None = None
    user: ReceivedUser | None = None


_TRecord = TypeVar("_TRecord", bound=Struct)

_usual = msgspec.json.Decoder(ReceivedMessage)
_whole = msgspec.json.Decoder(Raw)
_members = msgspec.json.Decoder(dict[str, Raw])
_string = msgspec.json.Decoder(str)
_string_or_integer: msgspec.json.Decoder[int | str] = msgspec.json.Decoder(int | str)

# An escape in JSON; its group is half of a surrogate pair, which is not a character.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_TOO_DEEP = b"[" * (DEEPEST + 1)
_INTEGER = re.compile(rb"-?\d+")


def read_message(data: bytes) -> ReceivedMessage:
    """Return the message in JSON.

    The time of the event, the id and first name of its user, and the id and platform of its show are None if they are
    of a wrong type; the id of a show may also be an integer. Elsewhere, a value that is not a text becomes its JSON, as
    received. Of members with the same name, the last counts. Half of a surrogate pair, as of a text that was cut,
    becomes U+FFFD.

    Raises:
        UnicodeDecodeError: the bytes are not UTF-8.
        NotJsonError: they are not JSON.
        NotAnObjectError: they are JSON, but not an object.
    """
    data.decode()  # msgspec checks only texts that it returns
    if b"\\ud" in data or b"\\uD" in data:
        data = _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], data)
    if data.count(b"[") + data.count(b"{") > DEEPEST and _is_too_deep(data):
        raise NotJsonError
    try:
        return _usual.decode(data)
    except msgspec.DecodeError:
        return _unusual(data)


def _is_too_deep(data: bytes) -> bool:
    """Return whether brackets remain after removing the innermost pairs DEEPEST times.

    Unbalanced ones remain as well, and are not JSON either.
    """
    brackets = _STRING.sub(b"", data).translate(_SQUARE, _NO_BRACKETS)
    for _ in range(DEEPEST):
        if _TOO_DEEP in brackets:
            return True
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _unusual(data: bytes) -> ReceivedMessage:
    """Return a message with members of any types, in about 15 times the time."""
    try:
        whole = _whole.decode(data)
    except msgspec.DecodeError:
        raise NotJsonError from None
    members = _members_of(whole)
    if members is None:
        raise NotAnObjectError
    return ReceivedMessage(
        show=_record(members.get("show"), ReceivedShow),
        event_date=_text(members.get("event_date")),
        user=_record(members.get("user"), ReceivedUser),
    )


def _members_of(value: Raw | None) -> dict[str, Raw] | None:
    """Return the members of an object, None for any other value."""
    try:
        return None if value is None else _members.decode(value)
    except msgspec.ValidationError:
        return None


def _record(value: Raw | None, record: type[_TRecord]) -> _TRecord:
    members = _members_of(value) or {}
    return record(
        **{name: _READ.get(name, _text_or_json)(members[name]) for name in record.__struct_fields__ if name in members}
    )


def _text(value: Raw | None) -> str | None:
    """Return a text, None for any other value."""
    try:
        return None if value is None else _string.decode(value)
    except msgspec.ValidationError:
        return None


def _text_or_json(value: Raw) -> str | None:
    json = bytes(value)
    return None if json == b"null" else _text(value) if json.startswith(b'"') else json.decode()


def _text_or_integer(value: Raw) -> int | str | None:
    try:
        return _string_or_integer.decode(value)
    except msgspec.ValidationError:
        return None


def _text_of_integer(value: Raw) -> str | None:
    json = bytes(value)
    return json.decode() if _INTEGER.fullmatch(json) else _text(value)


_READ: dict[str, Callable[[Raw], int | str | None]] = {
    "show_id": _text_of_integer,
    "platform": _text,
    "id": _text_or_integer,
    "first_name": _text,
}
