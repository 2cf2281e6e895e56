import inspect
import json
import string
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.core.frame import Frame, Reason, Rejection
from metrics.time.moments import LAST_SECOND
from tests.frames.core.message import read_frame

PLAIN = b'{"ts":1468244384,"uid":"ac787f05118de999b21"}'
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def test_a_frame_is_read_into_its_two_fields() -> None:
    assert read_frame(PLAIN) == Frame(1468244384, "ac787f05118de999b21")


def test_only_the_root_counts() -> None:
    nested = b'{"in":{"ts":true,"uid":[1]},"uid":"a","ts":7,"at":[{"ts":"x","uid":{}}]}'
    assert read_frame(nested) == Frame(7, "a")


def test_other_root_keys_may_repeat() -> None:
    assert read_frame(b'{"in":1,"uid":"a","in":{},"ts":7,"in":[]}') == Frame(7, "a")


@pytest.mark.parametrize("ts", [b"1", b'"1"', b'"0000000000001"'])
def test_of_a_repeated_ts_or_uid_the_first_one_counts(ts: bytes) -> None:
    assert read_frame(b'{"ts":%b,"uid":"a","uid":"b","ts":2}' % ts) == Frame(1, "a")


@pytest.mark.parametrize("text", ['"1468244384"', '"001468244384"', "1468244384"])
def test_ts_may_be_a_string_of_digits(text: str) -> None:
    assert read_frame(b'{"ts":%b,"uid":"a"}' % text.encode()) == Frame(1468244384, "a")


@pytest.mark.parametrize(
    ("written", "second"),
    [
        ("1468244384.0", 1468244384),
        ("1468244384.999999", 1468244384),
        ('"1468244384.5"', 1468244384),
        ("1.468244384123E9", 1468244384),
        ("1468244384123e-3", 1468244384),
        ("-0.0", 0),
        ("1e3", 1000),
        ("253402300799.9", LAST_SECOND),
    ],
)
def test_a_ts_with_a_fraction_or_an_exponent_is_in_its_whole_second(written: str, second: int) -> None:
    assert read_frame(b'{"ts":%b,"uid":"a"}' % written.encode()) == Frame(second, "a")


@pytest.mark.parametrize("ts", [0, LAST_SECOND])
def test_ts_may_be_in_the_years_1970_to_9999(ts: int) -> None:
    assert read_frame(b'{"ts":%d,"uid":"a"}' % ts) == Frame(ts, "a")


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (None, Reason.EMPTY, "the record has no value"),
        (b"", Reason.EMPTY, "the record has no value"),
        (b" ", Reason.EMPTY, "only white space"),
        (b"\t\r\n ", Reason.EMPTY, "only white space"),
        (BYTE_ORDER_MARK, Reason.EMPTY, "only white space"),
        (BYTE_ORDER_MARK * 2 + PLAIN, Reason.NOT_JSON, "malformed at byte 3"),
        (BYTE_ORDER_MARK + b'{"uid":"\xff"}', Reason.NOT_JSON, "invalid UTF-8 at byte 11"),
        (b"{", Reason.NOT_JSON, "truncated at byte 1"),
        (b"[1,]", Reason.NOT_JSON, "malformed at byte 3"),
        (b'{"a":1,}', Reason.NOT_JSON, "malformed at byte 7"),
        (b'{"a":[{"b":1],"c":2}', Reason.NOT_JSON, "malformed at byte 12"),
        (b"01", Reason.NOT_JSON, "trailing characters from byte 1 on"),
        (b"no JSON", Reason.NOT_JSON, "malformed"),
        (PLAIN + b"x", Reason.NOT_JSON, "trailing"),
        (PLAIN[:-1], Reason.NOT_JSON, "truncated"),
        (b'{"ts":1,"uid":"a","x":NaN}', Reason.NOT_JSON, "malformed"),
        (b'{"ts":"abc",,}', Reason.NOT_JSON, "malformed"),
        (b'{"ts":1,"uid":"a","skipped":"\xff"}', Reason.NOT_JSON, "invalid UTF-8 at byte 29"),
        (b'{"ts":1,"uid":"\xff"}', Reason.NOT_JSON, "invalid UTF-8 at byte 15"),
        (b"[" * 1_000_000, Reason.NOT_JSON, "nested more than 1,023 deep"),
        (b'{"ts":1,"uid":"a","x":' + b'{"":' * 1_000_000, Reason.NOT_JSON, "nested more than 1,023 deep"),
        (b"[]", Reason.NOT_AN_OBJECT, "the root is [], expected an object"),
        (b'"ts"', Reason.NOT_AN_OBJECT, "expected an object"),
        (b"null", Reason.NOT_AN_OBJECT, "expected an object"),
        (b"{}", Reason.NO_TS, "no ts"),
        (b'{"uid":"a","in":{"ts":1}}', Reason.NO_TS, "no ts"),
        (b'{"ts":1}', Reason.NO_UID, "no uid"),
        (b'{"ts":1,"uid":7}', Reason.WRONG_UID, "uid is 7, expected a string"),
        (b'{"ts":1,"uid":null}', Reason.WRONG_UID, "uid is null"),
        (b'{"ts":1,"uid":"a\\udc00"}', Reason.WRONG_UID, r'uid is "a\udc00", with half of a surrogate pair'),
        (b'{"ts":"\\ud800","uid":"a"}', Reason.WRONG_TS, r'ts is "\ud800"'),
        (b'{"ts":1,"uid":""}', Reason.EMPTY_UID, "empty"),
        (b'{"ts":"abc","uid":"a"}', Reason.WRONG_TS, 'ts is "abc", expected seconds since the epoch'),
        (b'{"ts":"","uid":"a"}', Reason.WRONG_TS, 'ts is ""'),
        (b'{"ts":" 1","uid":"a"}', Reason.WRONG_TS, 'ts is " 1"'),
        ('{"ts":"\u0661","uid":"a"}'.encode(), Reason.WRONG_TS, 'ts is "\u0661"'),
        (b'{"ts":null,"uid":"a"}', Reason.WRONG_TS, "ts is null"),
        (b'{"ts":true,"uid":"a"}', Reason.WRONG_TS, "ts is true"),
        (b'{"ts":"1_0","uid":"a"}', Reason.WRONG_TS, 'ts is "1_0"'),
        (b'{"ts":"1.","uid":"a"}', Reason.WRONG_TS, 'ts is "1."'),
        (b'{"ts":"nan","uid":"a"}', Reason.WRONG_TS, 'ts is "nan"'),
        (b'{"ts":-0.5,"uid":"a"}', Reason.TS_OUT_OF_RANGE, "ts is -0.5"),
        (b'{"ts":1e400,"uid":"a"}', Reason.TS_OUT_OF_RANGE, "ts is 1e400"),
        (b'{"ts":1.468244384123e12,"uid":"a"}', Reason.TS_OUT_OF_RANGE, "outside the years 1970 to 9999"),
        (b'{"ts":[1],"uid":"a"}', Reason.WRONG_TS, "ts is [1]"),
        (b'{"ts":-1,"uid":"a"}', Reason.TS_OUT_OF_RANGE, "ts is -1, outside the years 1970 to 9999"),
        (b'{"ts":"-1","uid":"a"}', Reason.TS_OUT_OF_RANGE, 'ts is "-1"'),
        (b'{"ts":253402300800,"uid":"a"}', Reason.TS_OUT_OF_RANGE, "outside the years 1970 to 9999"),
        (b'{"ts":1468244384123,"uid":"a"}', Reason.TS_OUT_OF_RANGE, "it looks like milliseconds"),
        (b'{"ts":"1468244384123","uid":"a"}', Reason.TS_OUT_OF_RANGE, "it looks like milliseconds"),
        (b'{"ts":1468244384123456789,"uid":"a"}', Reason.TS_OUT_OF_RANGE, "it looks like nanoseconds"),
        (b'{"ts":' + b"9" * 5000 + b',"uid":"a"}', Reason.TS_OUT_OF_RANGE, "…, outside the years"),
        (b'{"ts":"' + b"9" * 5000 + b'","uid":"a"}', Reason.TS_OUT_OF_RANGE, "…, outside the years"),
    ],
)
def test_what_is_not_a_frame_gets_its_reason(value: bytes | None, reason: Reason, detail: str) -> None:
    rejection = read_frame(value)
    assert isinstance(rejection, Rejection)
    assert rejection.reason == reason
    assert detail in rejection.detail
    assert len(rejection.detail) < 200


@pytest.mark.parametrize(
    "value",
    [
        BYTE_ORDER_MARK + PLAIN,
        BYTE_ORDER_MARK + b" " + PLAIN + b"\r\n",
        PLAIN[:-1] + b',"x":"\\ud800"}',
        PLAIN[:-1] + b',"\\udc00":{"\\ud800":["\\udfff"]}}',
        PLAIN[:-1] + b',"x":' + b"9" * 5000 + b"}",
        PLAIN[:-1] + b',"x":-1.5E+9999}',
    ],
)
def test_what_the_fast_way_refuses_may_be_a_frame_nevertheless(value: bytes) -> None:
    assert read_frame(value) == Frame(1468244384, "ac787f05118de999b21")


def nested(levels: int, kind: str) -> bytes:
    """Return a frame whose deepest array or object that holds something lies so many levels deep, the root included."""
    opening, closing = {"array": (b"[", b"]"), "object": (b'{"a":', b"}")}[kind]
    return PLAIN[:-1] + b',"x":' + opening * (levels - 1) + b"{}" + closing * (levels - 1) + b"}"


def in_a_stack(frames: int, value: bytes) -> Frame | Rejection:
    """Read a frame as somebody does who was called by so many others."""
    return in_a_stack(frames - 1, value) if frames else read_frame(value)


# What leads to the careful reading: nothing; a space before the root, a number of any size, half of a surrogate pair.
@pytest.mark.parametrize("written", [b"%b", b" %b", b"%b ", BYTE_ORDER_MARK + b"%b"])
@pytest.mark.parametrize("also", [b"", b',"y":' + b"9" * 30, b',"y":"\\ud800"'])
@pytest.mark.parametrize("kind", ["array", "object"])
def test_a_frame_gets_one_verdict_for_every_reader(written: bytes, also: bytes, kind: str) -> None:
    stacks = (0, 300, sys.getrecursionlimit() - len(inspect.stack()) - 50)
    for levels, is_frame in ((1, True), (100, True), (974, True), (1_023, True), (1_024, False), (100_000, False)):
        value = written % (nested(levels, kind)[:-1] + also + b"}")
        verdicts = [in_a_stack(frames, value) for frames in stacks]
        assert verdicts[1:] == verdicts[:-1]
        if is_frame:
            assert verdicts[0] == Frame(1468244384, "ac787f05118de999b21")
        else:
            assert isinstance(verdicts[0], Rejection)
            assert "nested more than 1,023 deep" in verdicts[0].detail


def oracle(value: bytes) -> Frame | None:
    """Read a frame as the standard library would; None where it is not one."""

    def first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return dict(reversed(pairs))

    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        root = json.loads(value.decode("utf-8-sig"), object_pairs_hook=first_of_each, parse_constant=refuse)
    except ValueError:
        return None
    if not isinstance(root, dict):
        return None
    ts, uid = root.get("ts"), root.get("uid")
    if isinstance(ts, str) and ts and all(character in string.digits for character in ts):
        ts = int(ts)
    if type(ts) is int and 0 <= ts <= LAST_SECOND and isinstance(uid, str) and uid:
        return Frame(ts, uid)
    return None


text = st.text(st.characters(codec="utf-8"), max_size=5)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3))
timestamps = st.integers(0, LAST_SECOND) | st.integers(0, LAST_SECOND).map(str) | values
roots = st.lists(
    st.tuples(st.just("ts"), timestamps) | st.tuples(st.just("uid"), text | values) | st.tuples(text, values),
    max_size=6,
)


@given(roots, st.booleans())
def test_any_object_is_judged_as_the_standard_library_would(root: list[tuple[str, Any]], escaped: bool) -> None:
    members = (
        json.dumps(key, ensure_ascii=escaped) + ":" + json.dumps(value, ensure_ascii=escaped) for key, value in root
    )
    value = ("{" + ",".join(members) + "}").encode()
    frame = read_frame(value)
    assert (frame if isinstance(frame, Frame) else None) == oracle(value)


@given(st.binary(max_size=40) | st.binary(max_size=12).map(lambda junk: PLAIN[:-1] + b',"x":' + junk + b"}"))
def test_any_bytes_are_judged_as_the_standard_library_would(value: bytes) -> None:
    frame = read_frame(value)
    assert (frame if isinstance(frame, Frame) else None) == oracle(value)


PLAIN = b'{"ts":1468244384,"uid":"ac787f05118de999b21"}'


def _with(*members: bytes) -> list[bytes]:
    return [b"%b,%b}" % (PLAIN[:-1], member) for member in members]


# Not JSON by RFC 8259. Half of a surrogate pair is, by its grammar, and readers differ about it: it is in neither list.
INVALID = {
    "invalid UTF-8": _with(
        b'"x":"\xff"',  # no byte of it
        b'"x":"\xe2\x82"',  # cut off
        b'"x":"\xc0\xaf"',  # longer than it has to be
        b'"x":"\xf4\x90\x80\x80"',  # beyond the last character
        b'"\xff":1',
    ),
    "NaN": _with(b'"x":NaN', b'"x":nan', b'"x":Infinity', b'"x":-Infinity', b'"x":inf', b'"x":iNf'),
    "surrogates in UTF-8": _with(b'"x":"\xed\xa0\x80"', b'"\xed\xb0\x80":1'),
    "trailing commas": [*_with(b'"x":[1,]', b'"x":{"y":1,}'), PLAIN[:-1] + b",}"],
    "missing commas": _with(b'"x":[1 2]', b'"x" 1', b'"x":1 "y":2'),
    "cut off": [PLAIN[:-1], PLAIN[:-2], *(frame[:-1] for frame in _with(b'"x":[1', b'"x":"y', b'"x":'))],
    "more after the end": [PLAIN + b"x", PLAIN + b"}", PLAIN + b",", PLAIN + PLAIN, PLAIN + b"\0"],
    "control characters": _with(b'"x":"\x01"', b'"x":"\t"', b'"x":"\0"', b'"\x1f":1'),
    "unknown escapes": _with(rb'"x":"\x41"', rb'"x":"\u12g4"', rb'"x":"\'"'),
    "unknown numbers": _with(b'"x":01', b'"x":+1', b'"x":1.', b'"x":.5', b'"x":-', b'"x":1e', b'"x":0x1'),
    "unknown words": _with(b'"x":True', b'"x":nul', b'"x":None'),
    "other quotes": _with(b"'x':1", b"x:1", b"\"x\":'y'"),
    "comments": _with(b'"x":/**/1', b'/**/"x":1'),
}

VALID = {
    "integers beyond 64 bits": _with(b'"x":18446744073709551616', b'"x":-9223372036854775809'),
    "numbers beyond a double": _with(b'"x":1e400', b'"x":-1e400'),
    "escaped names": [PLAIN.replace(b"ts", rb"\u0074s"), PLAIN.replace(b"uid", rb"\u0075id")],
    "equal names": _with(b'"x":1,"x":{}'),
    "escapes": _with(rb'"x":"\"\\\/\b\f\n\r\t\u0000\ud83d\ude00"'),
    "white space": [b'\t{ "ts" :\r\n1468244384 , "uid" : "ac787f05118de999b21" } '],
}


@pytest.mark.parametrize("kind", INVALID)
def test_a_value_that_is_not_json_is_rejected(kind: str) -> None:
    for value in INVALID[kind]:
        assert isinstance(read_frame(value), Rejection), value


@pytest.mark.parametrize("kind", VALID)
def test_a_value_that_is_json_is_read(kind: str) -> None:
    for value in VALID[kind]:
        assert read_frame(value) == Frame(1468244384, "ac787f05118de999b21"), value
