"""A frame: its two fields, or the reason for rejecting it."""

from enum import StrEnum
from typing import ClassVar

import msgspec

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
