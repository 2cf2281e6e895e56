"""The user of a frame, as written: text, or an integer if that is allowed."""

import json
import re
from collections.abc import Callable
from typing import Any

from metrics.frames.core.frame import Reason, Rejection
from metrics.frames.core.shape import UidFormat
from metrics.frames.core.written import shown

_INTEGER = re.compile(rb"-?[0-9]+")
_EXPECTED = {UidFormat.TEXT: "a string", UidFormat.ANY: "a string or an integer"}


def fast(uid_format: UidFormat) -> Callable[[Any], str]:
    """Return a function that takes a parsed value for a user; it raises for what has to be read carefully."""
    return _any if uid_format is UidFormat.ANY else _text


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError
    return value


def _any(value: Any) -> str:
    if type(value) is int:  # isinstance would accept a bool
        return str(value)
    return _text(value)


def careful(uid_format: UidFormat, field: str, written: bytes) -> str | Rejection:
    """Return the user, or the reason why there is none.

    Args:
        written: the JSON of the value.
    """
    if uid_format is UidFormat.ANY and _INTEGER.fullmatch(written):
        return "0" if written == b"-0" else written.decode()
    if not written.startswith(b'"'):
        return Rejection(Reason.WRONG_UID, f"{field} is {shown(written)}, expected {_EXPECTED[uid_format]}")
    uid: str = json.loads(written)
    if not uid:
        return Rejection(Reason.EMPTY_UID, f"{field} is an empty string")
    try:
        uid.encode()
    except UnicodeEncodeError:
        return Rejection(Reason.WRONG_UID, f"{field} is {shown(written)}, with half of a surrogate pair: not text")
    return uid
