"""The bytes of one frame become its two fields, or the reason why they are not a frame."""

import re
from enum import StrEnum
from typing import Annotated, Protocol

import msgspec

LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the last one that RFC 3339 can write

Timestamp = Annotated[int, msgspec.Meta(ge=0, le=LAST_SECOND)]
Uid = Annotated[str, msgspec.Meta(min_length=1)]


class Frame(msgspec.Struct, gc=False):
    """The two fields that count.

    Attributes:
        ts: event time in whole seconds since the epoch, 0 to LAST_SECOND.
        uid: the user; any text that is not empty.
    """

    ts: Timestamp
    uid: Uid


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

    reason: Reason
    detail: str


class _Root(msgspec.Struct):
    """The root object as it is written, its fields unread; a field that is not there has no bytes."""

    ts: msgspec.Raw = msgspec.Raw()
    uid: msgspec.Raw = msgspec.Raw()


_decode_frame = msgspec.json.Decoder(Frame).decode
_decode_root = msgspec.json.Decoder(_Root).decode
_check_syntax = msgspec.json.Decoder(msgspec.Raw).decode

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_DIGITS = re.compile(r"-?[0-9]+")
_SUBSECOND_DIGITS = {13: "milliseconds", 16: "microseconds", 19: "nanoseconds"}


def read_frame(value: bytes | None) -> Frame | Rejection:
    """Read one frame.

    Only the `ts` and `uid` of the root object count; where the root has one of them twice, the last one does, as
    with any JSON reader. Every input gets an answer; nothing is raised.

    Args:
        value: the Kafka record's value, UTF-8 JSON (RFC 8259); None for a record that has none.
    """
    try:
        bytes.decode(value)  # type: ignore[arg-type]  # msgspec passes over strings it need not keep, their UTF-8 unseen
        return _decode_frame(value)  # type: ignore[arg-type]
    except (TypeError, UnicodeDecodeError, RecursionError, msgspec.DecodeError):
        return _read_again(value)


def _read_again(value: bytes | None) -> Frame | Rejection:
    """Read what the fast way refused: a timestamp may be a string of digits; all else gets its reason."""
    if not value:
        return Rejection(Reason.EMPTY, "the record has no value")
    try:
        value.decode()
        _check_syntax(value)
        root = _decode_root(value)
    except UnicodeDecodeError as error:
        return Rejection(Reason.NOT_JSON, f"invalid UTF-8 at byte {error.start}: {error.reason}")
    except RecursionError:
        return Rejection(Reason.NOT_JSON, "arrays or objects are nested too deeply")
    except msgspec.ValidationError:
        return Rejection(Reason.NOT_AN_OBJECT, f"the root is {_shown(value)}, expected an object")
    except msgspec.DecodeError as error:
        # Half of a surrogate pair is no character; msgspec calls it truncated data.
        hint = "; or \\ud800 to \\udfff without its other half" if _SURROGATE.search(value) else ""
        return Rejection(Reason.NOT_JSON, f"{error}{hint}")
    ts = _read_ts(root.ts)
    if isinstance(ts, Rejection):
        return ts
    uid = _read_uid(root.uid)
    if isinstance(uid, Rejection):
        return uid
    return Frame(ts, uid)


def _read_ts(raw: msgspec.Raw) -> int | Rejection:
    text = bytes(raw).decode()
    if not text:
        return Rejection(Reason.NO_TS, "the root object has no ts")
    digits = msgspec.json.decode(raw, type=str) if text.startswith('"') else text
    if not _DIGITS.fullmatch(digits):
        return Rejection(Reason.WRONG_TS, f"ts is {_shown(raw)}, expected whole seconds since the epoch")
    significant = digits.lstrip("0") if digits.strip("-0") else "0"  # -0 is 0, for JSON and for int()
    if significant.isdecimal() and len(significant) <= len(str(LAST_SECOND)) and int(significant) <= LAST_SECOND:
        return int(significant)
    unit = _SUBSECOND_DIGITS.get(len(significant)) if significant.isdecimal() else None
    hint = f": it looks like {unit}, expected seconds" if unit else ""
    return Rejection(Reason.TS_OUT_OF_RANGE, f"ts is {_shown(raw)}, outside the years 1970 to 9999{hint}")


def _read_uid(raw: msgspec.Raw) -> str | Rejection:
    if not bytes(raw):
        return Rejection(Reason.NO_UID, "the root object has no uid")
    if not bytes(raw).startswith(b'"'):
        return Rejection(Reason.WRONG_UID, f"uid is {_shown(raw)}, expected a string")
    uid = msgspec.json.decode(raw, type=str)
    return uid or Rejection(Reason.EMPTY_UID, "uid is an empty string")


def _shown(raw: msgspec.Raw | bytes) -> str:
    """Return JSON as a message quotes it: at most 60 characters."""
    text = bytes(raw).decode()
    return text if len(text) <= 60 else text[:59] + "…"
