"""Any bytes become a frame or a rejection, never an exception, and what is valid is what `json.loads` says."""

import json
import re
from typing import Any, NoReturn

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metrics.frames.core.frame import Frame, Reason, Rejection, read_frame
from metrics.times import LAST_SECOND
from tests.examples import examples

# Few characters, so that drawn text is often JSON, and often nearly.
SYNTAX = st.text(st.sampled_from('{}[]":,\\ut s0123456789-.eEaud8"\ud83d\ue000 \n\x00é'), max_size=40)
KEYS = st.sampled_from(["ts", "uid", "t\\u0073", "u", "ts ", "TS", "é"]) | st.text(max_size=5)
NUMBERS = st.sampled_from(
    ["0", "-0", "-1", "01", "1e3", "1.0", "1468244384", "1468244384000", "253402300799", "9" * 400]
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


def plain(value: bytes) -> tuple[int, str]:
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
    return timestamp(root), user(root)


class Integer(str):
    """An integer as it was written: Python refuses to convert very long ones."""


class Number(str):
    """Any other number as it was written."""


def refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def timestamp(root: dict[str, Any]) -> int:
    if "ts" not in root:
        raise NotAFrameError(Reason.NO_TS)
    ts = root["ts"]
    if not isinstance(ts, str) or isinstance(ts, Number) or not re.fullmatch(r"-?[0-9]+", ts):
        raise NotAFrameError(Reason.WRONG_TS)
    digits = ts.lstrip("-0") or "0"
    if (ts.startswith("-") and digits != "0") or len(digits) > 12 or int(digits) > LAST_SECOND:
        raise NotAFrameError(Reason.TS_OUT_OF_RANGE)
    return int(digits)


def user(root: dict[str, Any]) -> str:
    if "uid" not in root:
        raise NotAFrameError(Reason.NO_UID)
    uid = root["uid"]
    if not isinstance(uid, str) or isinstance(uid, Integer | Number):
        raise NotAFrameError(Reason.WRONG_UID)
    if any("\ud800" <= character <= "\udfff" for character in uid):
        raise NotAFrameError(Reason.WRONG_UID)
    if not uid:
        raise NotAFrameError(Reason.EMPTY_UID)
    return uid


def agrees(value: bytes) -> None:
    found = read_frame(value)
    if isinstance(found, Rejection):
        with pytest.raises(NotAFrameError, match=f"^{found.reason}$"):
            plain(value)
        assert found.detail
    else:
        assert found == Frame(*plain(value))


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
