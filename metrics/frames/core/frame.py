"""One frame: its bytes become its two fields, or the reason for rejecting them."""

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar

import msgspec
import simdjson

from metrics.frames.core.json_root import NotAnObjectError, NotJsonError, root_members
from metrics.times import LAST_SECOND

MAX_FRAME_BYTES = 4 * 1024 * 1024


class Frame(msgspec.Struct, gc=False):
    """The two fields of a frame.

    Attributes:
        ts: event time in whole seconds since the epoch, 0 to LAST_SECOND.
        uid: the user; any non-empty text.
    """

    ts: int
    uid: str


class Reason(StrEnum):
    """Reason for rejecting a frame, or for not republishing it; the value is the header `reason` of its dead letter."""

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
    TOO_LARGE = "too_large"
    UNREADABLE_HEADERS = "unreadable_headers"


# In the dead letter topic, a frame with one of these has been counted: it only could not be republished.
NOT_REPUBLISHED = frozenset({Reason.TOO_LARGE, Reason.UNREADABLE_HEADERS})


class Rejection(msgspec.Struct, frozen=True):
    """Reason for a dead letter, and the detail as a human-readable message."""

    ts: ClassVar[None] = None  # so the hot path's one comparison, with the current second, is false for a rejection
    reason: Reason
    detail: str


_parse: Callable[[Any], Any] = simdjson.Parser().parse

TS, UID = b'"ts"', b'"uid"'
_BYTE_ORDER_MARK = "\ufeff".encode()
_WHITE = b" \t\n\r"
_LONGEST_TS = len(str(LAST_SECOND))
_SUBSECOND_DIGITS = {13: "milliseconds", 16: "microseconds", 19: "nanoseconds"}


def read_frame(value: bytes | None) -> Frame | Rejection:
    """Read one frame.

    Only the `ts` and `uid` of the root object count; of a repeated key the first, which RFC 8259 leaves open. A byte
    order mark before the root is skipped. Every input has one result for every caller; nothing is raised.

    Args:
        value: the Kafka record's value, UTF-8 JSON (RFC 8259); None if the record has none.
    """
    try:
        root = _parse(value)  # None is rejected, like any input that is not JSON
        ts, uid = root["ts"], root["uid"]
    except Exception:  # read again, carefully
        return _read_again(value)
    if type(ts) is str and ts.isascii() and ts.isdecimal() and len(ts) <= _LONGEST_TS:
        ts = int(ts)
    if type(ts) is int and type(uid) is str and 0 <= ts <= LAST_SECOND and uid:  # isinstance would accept a bool
        return Frame(ts, uid)
    return _read_again(value)


def start_of_json(value: bytes) -> int:
    """Return the index of the JSON of a frame: after a byte order mark, if it has one."""
    return len(_BYTE_ORDER_MARK) if value.startswith(_BYTE_ORDER_MARK) else 0


def _read_again(value: bytes | None) -> Frame | Rejection:
    """Read what the fast path refused: it may still be a frame; otherwise, find the reason."""
    if not value:
        return Rejection(Reason.EMPTY, "the record has no value")
    start = start_of_json(value)
    if not value[start:].strip(_WHITE):
        return Rejection(Reason.EMPTY, "the value is only white space")
    try:
        value.decode()
        root = {name: value[place] for name, place in root_members(value, (TS, UID), start).items()}
    except UnicodeDecodeError as error:
        return Rejection(Reason.NOT_JSON, f"invalid UTF-8 at byte {error.start}: {error.reason}")
    except NotJsonError as error:
        return Rejection(Reason.NOT_JSON, str(error))
    except NotAnObjectError as error:
        return Rejection(Reason.NOT_AN_OBJECT, f"the root is {_shown(error.root)}, expected an object")
    ts = _read_ts(root)
    if isinstance(ts, Rejection):
        return ts
    uid = _read_uid(root)
    if isinstance(uid, Rejection):
        return uid
    return Frame(ts, uid)


def _read_ts(root: dict[bytes, bytes]) -> int | Rejection:
    written = root.get(TS)
    if written is None:
        return Rejection(Reason.NO_TS, "the root object has no ts")
    digits: str = json.loads(written) if written.startswith(b'"') else written.decode()
    minus, unsigned = digits.startswith("-"), digits.removeprefix("-")
    if not (unsigned.isascii() and unsigned.isdecimal()):
        return Rejection(Reason.WRONG_TS, f"ts is {_shown(written)}, expected whole seconds since the epoch")
    significant = unsigned.lstrip("0") or "0"
    if significant == "0" or (not minus and len(significant) <= _LONGEST_TS and int(significant) <= LAST_SECOND):
        return int(significant)  # -0 is 0, for JSON and for int()
    unit = None if minus else _SUBSECOND_DIGITS.get(len(significant))
    hint = f": it looks like {unit}, expected seconds" if unit else ""
    return Rejection(Reason.TS_OUT_OF_RANGE, f"ts is {_shown(written)}, outside the years 1970 to 9999{hint}")


def _read_uid(root: dict[bytes, bytes]) -> str | Rejection:
    written = root.get(UID)
    if written is None:
        return Rejection(Reason.NO_UID, "the root object has no uid")
    if not written.startswith(b'"'):
        return Rejection(Reason.WRONG_UID, f"uid is {_shown(written)}, expected a string")
    uid: str = json.loads(written)
    if not uid:
        return Rejection(Reason.EMPTY_UID, "uid is an empty string")
    try:
        uid.encode()
    except UnicodeEncodeError:
        return Rejection(Reason.WRONG_UID, f"uid is {_shown(written)}, with half of a surrogate pair: not text")
    return uid


def _shown(written: bytes) -> str:
    """Return JSON as quoted in a message: as written, cut to 60 characters."""
    text = written[:240].decode(errors="ignore")  # 60 characters have at most 240 bytes
    return text if len(text) <= 60 and len(written) <= 240 else text[:59] + "…"
