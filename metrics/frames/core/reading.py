"""Reading of frames: the bytes of a record become the two fields, or the reason for rejecting it.

Nearly every frame takes the fast path, simdjson and a few comparisons. What that refuses is read again, carefully: it
may still be a frame; otherwise, the reason is found.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import simdjson

from metrics.frames.core import written_times, written_users
from metrics.frames.core.frame import Frame, Reason, Rejection
from metrics.frames.core.json_root import NotAnObjectError, NotJsonError, places_of
from metrics.frames.core.shape import Shape, TsFormat, is_pointer, path_of
from metrics.frames.core.written import shown
from metrics.messages.interface import Recorded
from metrics.time.moments import LAST_SECOND

ReadFrame = Callable[[Recorded], Frame | Rejection]

_parse: Callable[[Any], Any] = simdjson.Parser().parse

_BYTE_ORDER_MARK = "\ufeff".encode()
_WHITE = b" \t\n\r"


def reader(shape: Shape) -> ReadFrame:
    """Return a function that reads the frame of a message.

    Of a repeated key the first counts, which RFC 8259 leaves open. A byte order mark before the root is skipped. Every
    input has one result for every caller; nothing is raised.
    """
    return _plain_reader() if shape == Shape() else shaped_reader(shape)


def _plain_reader() -> ReadFrame:
    """Return the reader of the default shape: the hot path, so it calls nothing that it need not."""
    again = partial(_read_again, Shape())
    read_ts = written_times.fast(TsFormat.SECONDS)

    def read(message: Recorded) -> Frame | Rejection:
        try:
            root = _parse(message.value())  # None is rejected, like any input that is not JSON
            ts, uid = root["ts"], root["uid"]
            if type(ts) is not int:  # isinstance would accept a bool
                ts = read_ts(ts)
        except Exception:
            return again(message)
        if type(uid) is str and 0 <= ts <= LAST_SECOND and uid:
            return Frame(ts, uid)
        return again(message)

    return read


def shaped_reader(shape: Shape) -> ReadFrame:
    """Return the reader of any shape."""
    again = partial(_read_again, shape)
    ts_of, uid_of = _getter(shape.ts_field), _getter(shape.uid_field)
    read_ts, read_uid = written_times.fast(shape.ts_format), written_users.fast(shape.uid_format)

    def read(message: Recorded) -> Frame | Rejection:
        try:
            root = _parse(message.value())
            ts, uid = read_ts(ts_of(root)), read_uid(uid_of(root))
        except Exception:
            return again(message)
        return Frame(ts, uid) if 0 <= ts <= LAST_SECOND and uid else again(message)

    def read_recorded(message: Recorded) -> Frame | Rejection:
        try:
            ts, uid = written_times.recorded(message), read_uid(uid_of(_parse(message.value())))
        except Exception:
            return again(message)
        return Frame(ts, uid) if 0 <= ts <= LAST_SECOND and uid else again(message)

    return read_recorded if shape.ts_format is TsFormat.KAFKA else read


def _getter(field: str) -> Callable[[Any], Any]:
    """Return a function that takes the value of a field out of a parsed root; it raises if there is none."""
    if is_pointer(field):
        return lambda root: root.at_pointer(field)
    return lambda root: root[field]


def start_of_json(value: bytes) -> int:
    """Return the index of the JSON of a frame: after a byte order mark, if it has one."""
    return len(_BYTE_ORDER_MARK) if value.startswith(_BYTE_ORDER_MARK) else 0


def _read_again(shape: Shape, message: Recorded) -> Frame | Rejection:
    paths = path_of(shape.ts_field), path_of(shape.uid_field)
    value = message.value()
    if not value:
        return Rejection(Reason.EMPTY, "the record has no value")
    start = start_of_json(value)
    if not value[start:].strip(_WHITE):
        return Rejection(Reason.EMPTY, "the value is only white space")
    try:
        value.decode()
        places = places_of(value, paths, start)
    except UnicodeDecodeError as error:
        return Rejection(Reason.NOT_JSON, f"invalid UTF-8 at byte {error.start}: {error.reason}")
    except NotJsonError as error:
        return Rejection(Reason.NOT_JSON, str(error))
    except NotAnObjectError as error:
        return Rejection(Reason.NOT_AN_OBJECT, f"the root is {shown(error.root)}, expected an object")
    return _frame_of(shape, message, *(None if place is None else value[place] for place in places))


def _frame_of(
    shape: Shape, message: Recorded, written_ts: bytes | None, written_uid: bytes | None
) -> Frame | Rejection:
    """Return the frame of the two values as they are written; None if they are missing."""
    if shape.ts_format is TsFormat.KAFKA:
        ts = written_times.careful_recorded(message)
    elif written_ts is None:
        ts = Rejection(Reason.NO_TS, _missing(shape.ts_field))
    else:
        ts = written_times.careful(shape.ts_format, shape.ts_field, written_ts)
    if isinstance(ts, Rejection):
        return ts
    if written_uid is None:
        return Rejection(Reason.NO_UID, _missing(shape.uid_field))
    uid = written_users.careful(shape.uid_format, shape.uid_field, written_uid)
    return uid if isinstance(uid, Rejection) else Frame(ts, uid)


def _missing(field: str) -> str:
    return f"there is no {field}" if is_pointer(field) else f"the root object has no {field}"
