"""The bytes of one frame become its two fields, or the reason why they are not a frame."""

import json
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar, Protocol

import msgspec
import simdjson

LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the last one that RFC 3339 can write


class Frame(msgspec.Struct, gc=False):
    """The two fields that count.

    Attributes:
        ts: event time in whole seconds since the epoch, 0 to LAST_SECOND.
        uid: the user; any text that is not empty.
    """

    ts: int
    uid: str


class Reason(StrEnum):
    """Why a frame was rejected; the value is the header `reason` of its record in the rejected topic."""

    EMPTY = "empty"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    NO_TS = "no_ts"
    WRONG_TS = "wrong_ts"
    TS_OUT_OF_RANGE = "ts_out_of_range"
    NO_UID = "no_uid"
    WRONG_UID = "wrong_uid"
    EMPTY_UID = "empty_uid"
    LATE = "late"
    FUTURE = "future"


class FrameMessage(Protocol):
    """A Kafka message that is no event: it has a place in the log. The counterpart of the client's class."""

    def topic(self) -> str: ...  # noqa: D102
    def partition(self) -> int: ...  # noqa: D102
    def offset(self) -> int: ...  # noqa: D102
    def key(self) -> bytes | None: ...  # noqa: D102
    def value(self) -> bytes | None: ...  # noqa: D102
    def timestamp(self) -> tuple[int, int]:
        """Return the kind of the timestamp, 0 if there is none, and its milliseconds since the epoch."""

    def headers(self) -> list[tuple[str, str | bytes | None]] | None: ...  # noqa: D102


class Rejection(msgspec.Struct, frozen=True):
    """Why a frame was rejected: the reason for machines, the detail for people."""

    ts: ClassVar[None] = None  # it is of no second
    reason: Reason
    detail: str


_parse: Callable[[Any], Any] = simdjson.Parser().parse
_check_syntax = msgspec.json.Decoder(msgspec.Raw).decode

_OBJECT = b"{"[0]
_LONGEST_TS = len(str(LAST_SECOND))
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_DIGITS = re.compile(r"-?[0-9]+")
_SUBSECOND_DIGITS = {13: "milliseconds", 16: "microseconds", 19: "nanoseconds"}


def read_frame(value: bytes | None) -> Frame | Rejection:
    """Read one frame.

    Only the `ts` and `uid` of the root object count; where the root has one of them twice, the first one does: RFC 8259
    leaves it open. Every input gets an answer; nothing is raised.

    Args:
        value: the Kafka record's value, UTF-8 JSON (RFC 8259); None for a record that has none.
    """
    try:
        root = _parse(value)  # None is refused, as all that is no JSON is
        ts, uid = root["ts"], root["uid"]
    except Exception:  # what is refused here is read again, with care
        return _read_again(value)
    if type(ts) is str and ts.isascii() and ts.isdecimal() and len(ts) <= _LONGEST_TS:
        ts = int(ts)
    # A bool is an int, too; and simdjson passes over a byte order mark.
    if type(ts) is int and type(uid) is str and 0 <= ts <= LAST_SECOND and uid and value[0] == _OBJECT:  # type: ignore[index]
        return Frame(ts, uid)
    return _read_again(value)


def _read_again(value: bytes | None) -> Frame | Rejection:
    """Read with care what the fast way refused: it may be a frame nevertheless; all else gets its reason."""
    if not value:
        return Rejection(Reason.EMPTY, "the record has no value")
    try:
        text = value.decode()
        _check_syntax(value)
        root = _as_written(text)
    except UnicodeDecodeError as error:
        return Rejection(Reason.NOT_JSON, f"invalid UTF-8 at byte {error.start}: {error.reason}")
    except RecursionError:
        return Rejection(Reason.NOT_JSON, "arrays or objects are nested too deeply")
    except msgspec.DecodeError as error:
        # Half of a surrogate pair is no character; msgspec calls it truncated data.
        hint = "; or \\ud800 to \\udfff without its other half" if _SURROGATE.search(value) else ""
        return Rejection(Reason.NOT_JSON, f"{error}{hint}")
    if not isinstance(root, dict):
        return Rejection(Reason.NOT_AN_OBJECT, f"the root is {_shown(root)}, expected an object")
    ts = _read_ts(root)
    if isinstance(ts, Rejection):
        return ts
    uid = _read_uid(root)
    if isinstance(uid, Rejection):
        return uid
    return Frame(ts, uid)


def _number(text: str) -> msgspec.Raw:
    """Keep a number as it is written: it may be of any size."""
    return msgspec.Raw(text.encode())


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object; of those with the same name, the first."""
    return dict(reversed(pairs))


_as_written = json.JSONDecoder(object_pairs_hook=_members, parse_int=_number, parse_float=_number).decode


def _read_ts(root: dict[str, Any]) -> int | Rejection:
    if "ts" not in root:
        return Rejection(Reason.NO_TS, "the root object has no ts")
    ts = root["ts"]
    digits = bytes(ts).decode() if isinstance(ts, msgspec.Raw) else ts
    if not isinstance(digits, str) or not _DIGITS.fullmatch(digits):
        return Rejection(Reason.WRONG_TS, f"ts is {_shown(ts)}, expected whole seconds since the epoch")
    significant = digits.lstrip("0") if digits.strip("-0") else "0"  # -0 is 0, for JSON and for int()
    if significant.isdecimal() and len(significant) <= _LONGEST_TS and int(significant) <= LAST_SECOND:
        return int(significant)
    unit = _SUBSECOND_DIGITS.get(len(significant)) if significant.isdecimal() else None
    hint = f": it looks like {unit}, expected seconds" if unit else ""
    return Rejection(Reason.TS_OUT_OF_RANGE, f"ts is {_shown(ts)}, outside the years 1970 to 9999{hint}")


def _read_uid(root: dict[str, Any]) -> str | Rejection:
    if "uid" not in root:
        return Rejection(Reason.NO_UID, "the root object has no uid")
    uid = root["uid"]
    if not isinstance(uid, str):
        return Rejection(Reason.WRONG_UID, f"uid is {_shown(uid)}, expected a string")
    return uid or Rejection(Reason.EMPTY_UID, "uid is an empty string")


def _shown(value: object) -> str:
    """Return JSON as a message quotes it: at most 60 characters."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 60 else text[:59] + "…"
