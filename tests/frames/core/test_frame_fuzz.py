"""Any bytes become a frame or a rejection, never an exception, and what is valid is what `json.loads` says."""

import json
import re
from calendar import timegm
from datetime import UTC, datetime
from fractions import Fraction
from math import floor, inf
from typing import Any, NoReturn

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from metrics.frames.core.frame import Frame, Reason, Rejection
from metrics.frames.core.reading import shaped_reader
from metrics.frames.core.shape import Shape, TsFormat, UidFormat
from metrics.time.moments import LAST_SECOND
from tests.examples import examples
from tests.frames.core.message import PLAIN, Message, read_frame

# Few characters, so that drawn text is often JSON, and often nearly.
SYNTAX = st.text(st.sampled_from('{}[]":,\\ut s0123456789-.eEaud8"\ud83d\ue000 \n\x00é'), max_size=40)
UNIT = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000}
KEYS = st.sampled_from(["ts", "uid", "t\\u0073", "u", "ts ", "TS", "é"]) | st.text(max_size=5)
NUMBERS = st.sampled_from(
    [
        "0",
        "-0",
        "-1",
        "01",
        "1e3",
        "1.0",
        "-0.5",
        "1468244384.999",
        "1.4E9",
        "1e400",
        "1468244384",
        "1468244384000",
        "1468244384000000",
        "253402300799",
        "9" * 400,
    ]
)
TEXTS = st.sampled_from(
    ['""', '"a"', '"1468244384"', '"-1"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\x"', '"\t"', '"\u0661"']
)
VALUES = st.recursive(
    NUMBERS | TEXTS | st.sampled_from(["null", "true", "NaN", "Infinity", "[]", "{}", "{]", ""]) | SYNTAX,
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
    max_leaves=4,
)
OBJECTS = st.lists(st.tuples(KEYS, VALUES), max_size=4).map(
    lambda items: "{" + ",".join(f'"{key}":{value}' for key, value in items) + "}"
)


class NotAFrameError(Exception):
    """The reason, as the plain reading sees it."""


def plain(value: bytes, shape: Shape = PLAIN) -> tuple[int, str]:
    """Read a frame with the standard library, slowly and obviously.

    NaN and its like, which `json.loads` takes, are not JSON (RFC 8259). Half of a surrogate pair is, but no UTF-8 can
    hold it, so it is no user. Of members with the same name, the first one counts.
    """
    if not value.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n"):
        raise NotAFrameError(Reason.EMPTY)
    try:
        root = json.loads(
            value.decode("utf-8-sig"),
            object_pairs_hook=lambda pairs: dict(reversed(pairs)),
            parse_constant=refuse,
            parse_int=Integer,
            parse_float=Number,
        )
    except ValueError:
        raise NotAFrameError(Reason.NOT_JSON) from None
    if not isinstance(root, dict):
        raise NotAFrameError(Reason.NOT_AN_OBJECT)
    return timestamp(root, shape), user(root, shape)


class Integer(str):
    """An integer as it was written: Python refuses to convert very long ones."""


class Number(str):
    """Any other number as it was written."""


def refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def timestamp(root: dict[str, Any], shape: Shape) -> int:
    """Return the whole second of the time by the plainest means: fractions of integers, doubles, and the calendar."""
    ts = at(root, shape.ts_field, Reason.NO_TS)
    if shape.ts_format == "iso8601":
        second = calendar_second(ts)
    elif isinstance(ts, str) and re.fullmatch(r"-?[0-9]+", ts):
        second = Fraction(int(ts[:400])) / UNIT[shape.ts_format]
    elif isinstance(ts, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", ts):
        if abs(number := float(ts)) == inf:
            raise NotAFrameError(Reason.TS_OUT_OF_RANGE)
        second = Fraction(number) / UNIT[shape.ts_format]
    else:
        raise NotAFrameError(Reason.WRONG_TS)
    if not 0 <= floor(second) <= LAST_SECOND:
        raise NotAFrameError(Reason.TS_OUT_OF_RANGE)
    return floor(second)


def calendar_second(ts: Any) -> Fraction:
    parts = re.fullmatch(
        r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?"
        r"(?:[Zz]|([+-])([0-9]{2}):?([0-9]{2})?)?",
        ts if isinstance(ts, str) and not isinstance(ts, Integer | Number) else "",
    )
    if parts is None:
        raise NotAFrameError(Reason.WRONG_TS)
    numbers = [int(part or 0) for part in parts.group(1, 2, 3, 4, 5, 6)]
    sign, hours, minutes = parts.group(7), int(parts[8] or 0), int(parts[9] or 0)
    try:
        local = timegm(datetime(*numbers, tzinfo=UTC).timetuple())  # type: ignore[arg-type, misc]
    except ValueError:
        raise NotAFrameError(Reason.WRONG_TS) from None
    if hours > 23 or minutes > 59:
        raise NotAFrameError(Reason.WRONG_TS)
    return Fraction(local - (60 * (60 * hours + minutes)) * (-1 if sign == "-" else 1))


def at(root: Any, field: str, missing: Reason) -> Any:
    """Return the value of a field: of a member of the root, or where a JSON pointer leads."""
    path = field[1:].split("/") if field.startswith("/") else [field]
    for token in path:
        name = token.replace("~1", "/").replace("~0", "~") if field.startswith("/") else token
        if isinstance(root, dict) and name in root:
            root = root[name]
        elif isinstance(root, list) and re.fullmatch("0|[1-9][0-9]*", name) and int(name) < len(root):
            root = root[int(name)]
        else:
            raise NotAFrameError(missing)
    return root


def user(root: dict[str, Any], shape: Shape) -> str:
    uid = at(root, shape.uid_field, Reason.NO_UID)
    if isinstance(uid, Integer) and shape.uid_format == "any":
        return "0" if uid == "-0" else str(uid)
    if not isinstance(uid, str) or isinstance(uid, Integer | Number):
        raise NotAFrameError(Reason.WRONG_UID)
    if any("\ud800" <= character <= "\udfff" for character in uid):
        raise NotAFrameError(Reason.WRONG_UID)
    if not uid:
        raise NotAFrameError(Reason.EMPTY_UID)
    return uid


def agrees(value: bytes, shape: Shape = PLAIN) -> None:
    found = read_frame(value, shape)
    assert shaped_reader(shape)(Message(0, value)) == found
    if isinstance(found, Rejection):
        with pytest.raises(NotAFrameError, match=f"^{found.reason}$"):
            plain(value, shape)
        assert found.detail
    else:
        assert found == Frame(*plain(value, shape))


@settings(max_examples=examples(1_000), deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes(value: bytes) -> None:
    agrees(value)


@settings(max_examples=examples(3_000), deadline=None)
@given(OBJECTS | VALUES | SYNTAX)
@example('{"ts":-0,"uid":"a"}')
@example('{"ts":1,"uid":"a","x":"\\ud800"}')
@example('{"ts":1,"uid":"\\ud800"}')
@example('{"ts":1,"ts":"x","uid":"a"}')
@example('\ufeff{"ts":1,"uid":"a"}')
@example('\ufeff\ufeff{"ts":1,"uid":"a"}')
@example('{"ts":1,"uid":"a","\\udc00":["\\ud800"]}')
@example('{"ts":1,"uid":"a","x":1e400}')
@example('{"ts":1,"uid":"a","x":18446744073709551616}')
@example('{"ts":1,"ts":"x","uid":"a","x":1e400}')
@example('{"ts":"1","ts":"x","uid":"a"}')
@example('{"ts":1,"uid":"a","x":nan}')
@example(' {"ts":1,"uid":"a"} ')
def test_text_that_is_nearly_a_frame(text: str) -> None:
    agrees(text.encode(errors="surrogatepass"))


@settings(max_examples=examples(1_000), deadline=None)
@given(st.data())
def test_a_frame_with_some_bytes_changed(data: st.DataObject) -> None:
    frame = bytearray('{"a":{"ts":"x","uid":[]},"ts":1468244384,"ю":"\\u0431\\n","uid":"0c2a","z":[1.5,null]}'.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    agrees(bytes(frame))


TIMES = st.sampled_from(
    [
        *(
            "2016-07-11T13:39:44Z",
            "2016-07-11 13:39:44.123456789+02:00",
            "2016-07-11t13:39z",
            "2016-07-11T13:39:44,5-0130",
        ),
        *("2016-02-30T00:00:00Z", "2016-07-11T24:00:00Z", "2016-07-11T13:39.5Z", "2016-07-11", "2016-W28-1T13:39:44Z"),
        *("1969-12-31T23:59:59.9Z", "1970-01-01T00:30:00+01:00", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00Z"),
        *("2016-12-31T23:59:60Z", "2016-07-11T13:39:44+24:00", "2016-07-11T13:39:44+02", "20160711T133944Z"),
    ]
)
SHAPES = st.builds(
    Shape,
    st.sampled_from(["ts", "/ts", "/a/ts", "/a/1/ts", "/a/0", "/", "/a~1b", "time", "/a/01", "a b"]),
    st.sampled_from(["uid", "/a/uid", "/a/0", "ts", "id.orig_h"]),
    st.sampled_from([each for each in TsFormat if each is not TsFormat.KAFKA]),
    st.sampled_from(list(UidFormat)),
)
NAMES = st.sampled_from(["ts", "uid", "a", "a/b", "time", "", "a b", "id.orig_h", "t\\u0073"])
SCALARS = NUMBERS.filter(lambda text: text != "01") | TEXTS | TIMES.map(lambda text: f'"{text}"')
NESTED = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[ {' , '.join(items)} ]")
        | st.lists(st.tuples(NAMES, inner), max_size=4).map(
            lambda items: "{" + ", ".join(f'"{key}" : {value}' for key, value in items) + "}"
        )
    ),
    max_leaves=8,
)


@settings(max_examples=examples(2_000), deadline=None)
@given(st.lists(st.tuples(NAMES, NESTED), max_size=4), SHAPES)
def test_frames_of_any_shape(members: list[tuple[str, str]], shape: Shape) -> None:
    text = "{" + ",".join(f'"{key}":{value}' for key, value in members) + "}"
    agrees(text.encode(errors="surrogatepass"), shape)


@settings(max_examples=examples(1_000), deadline=None)
@given(SCALARS, SCALARS, SHAPES)
def test_times_and_users_of_any_format(ts: str, uid: str, shape: Shape) -> None:
    formats = replace(shape, ts_field="ts", uid_field="uid")
    agrees(f'{{"ts":{ts},"uid":{uid}}}'.encode(errors="surrogatepass"), formats)


@given(st.sampled_from([(0, -1), (1, -5), (1, 0), (1, 1468244384999), (2, 7), (1, 253402300800000)]))
def test_the_kafka_timestamp_is_the_time_of_that_format(timestamp: tuple[int, int]) -> None:
    kind, ms = timestamp
    found = read_frame(b'{"ts":"x","uid":"a"}', Shape(ts_format=TsFormat.KAFKA), ms / 1000 if kind else None)
    if not kind:
        assert isinstance(found, Rejection)
        assert found == Rejection(Reason.NO_TS, "the record has no Kafka timestamp")
    elif 0 <= ms < 253402300800000:
        assert found == Frame(ms // 1000, "a")
    else:
        assert isinstance(found, Rejection)
        assert found.reason is Reason.TS_OUT_OF_RANGE
