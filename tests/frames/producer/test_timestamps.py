"""A frame moved in time: its ts is another, and every other byte is the same."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metrics.frames.core.frame import Frame, Rejection
from metrics.frames.core.shape import Shape, TsFormat
from metrics.frames.producer.timestamps import Shift, WrittenTimes
from metrics.time.moments import LAST_SECOND
from tests.examples import examples
from tests.frames.core.message import read_frame
from tests.frames.core.test_frame_fuzz import OBJECTS, SYNTAX

TIMES = WrittenTimes(Shape())

WHITE = st.text(" \t\r\n", max_size=2)
KEYS = st.sampled_from(["a", "ts ", "é", "t\\\\s", '\\"ts\\"', "uid2"])
INNER = st.recursive(
    st.sampled_from(["1", "-1.5e3", "null", '"ts"', '"\\"ts\\":1"', '"\\\\"', '"ж}]{[,:"', "[]", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(inner, max_size=3).map(lambda items: "{" + ",".join(f'"ts":{item}' for item in items) + "}")
    ),
    max_leaves=5,
)
MEMBERS = st.lists(
    st.tuples(KEYS, WHITE, INNER).map(lambda member: f'"{member[0]}"{member[1]}:{member[2]}'), max_size=3
)


@st.composite
def parts(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Draw the text before and after the digits of a valid frame's ts."""
    quote = draw(st.sampled_from(["", '"']))
    key = draw(st.sampled_from(['"ts"', '"t\\u0073"', '"\\u0074s"']))
    before, after = draw(MEMBERS), draw(MEMBERS)
    draw(st.sampled_from([before, after])).append('"uid":"a"')
    after += draw(st.lists(st.sampled_from(['"ts":7', '"ts":"x"', '"ts":{"ts":8}']), max_size=1))
    head = draw(WHITE) + "{" + draw(WHITE) + "".join(f"{member}{draw(WHITE)}," for member in before)
    tail = "".join(f"{draw(WHITE)},{member}" for member in after) + draw(WHITE) + "}" + draw(WHITE)
    ts = draw(WHITE) + key + draw(WHITE) + ":" + draw(WHITE) + quote
    return (head + ts).encode(), (quote + draw(WHITE) + tail).encode()


@settings(max_examples=examples(1_000), deadline=None)
@given(parts(), st.integers(0, LAST_SECOND), st.integers(0, LAST_SECOND))
def test_only_the_digits_of_the_ts_differ(around: tuple[bytes, bytes], ts: int, then: int) -> None:
    before, after = around
    frame = b"%b%d%b" % (before, ts, after)
    assert read_frame(frame) == Frame(ts, "a")
    assert TIMES.moved(frame, then - ts) == b"%b%d%b" % (before, then, after)


@settings(max_examples=examples(2_000), deadline=None)
@given(OBJECTS | SYNTAX, st.integers(-LAST_SECOND, LAST_SECOND))
@example('{"ts":-0,"uid":"a"}', 5)
@example('{"ts":"1","ts":"x","uid":"a"}', 5)
@example('{"ts":1,"uid":"a","x":1e400}', 5)
def test_valid_frames_are_moved_and_others_stay_unchanged(text: str, by_s: int) -> None:
    frame = text.encode(errors="surrogatepass")
    read = read_frame(frame)
    if isinstance(read, Frame):
        in_range = 0 <= read.ts + by_s <= LAST_SECOND
        assert read_frame(TIMES.moved(frame, by_s)) == (Frame(read.ts + by_s, read.uid) if in_range else read)
        time_s = TIMES.event_time_s(frame)
        assert time_s is not None
        assert int(time_s) == read.ts
    else:
        assert TIMES.moved(frame, by_s) == frame


@pytest.mark.parametrize(
    ("ts", "later", "time_s"),
    [
        (b"1468244384.250", b"1468244394.250", 1468244384.25),
        (b'"1468244384.5"', b'"1468244394.5"', 1468244384.5),
        (b"-1.5", b"-1.5", None),
        (b"1e3", b"1010", 1000.0),
        (b"0e99999999999999999999", b"10", 0.0),
        (b'"\\u0031"', b'"11"', 1.0),
        (b"true", b"true", None),
        (b"null", b"null", None),
        (b'"soon"', b'"soon"', None),
        (b"1468244384000", b"1468244384000", None),
        (b"[1]", b"[1]", None),
    ],
)
def test_fractions_are_kept_and_a_ts_that_is_not_a_time_is_left_unchanged(
    ts: bytes, later: bytes, time_s: float | None
) -> None:
    assert TIMES.moved(b'{"uid":"a","ts":%b}' % ts, 10) == b'{"uid":"a","ts":%b}' % later
    assert TIMES.event_time_s(b'{"uid":"a","ts":%b}' % ts) == time_s


def test_a_local_time_of_the_year_10000_is_not_written() -> None:
    frame = b'{"ts":"9999-12-31T23:30:00+02:00","uid":"a"}'
    assert WrittenTimes(Shape(ts_format=TsFormat.ISO8601)).moved(frame, 3_600) == frame


def test_a_frame_without_a_user_has_a_time_but_is_not_moved() -> None:
    frame = b'{"ts":1468244384}'
    assert isinstance(read_frame(frame), Rejection)
    assert TIMES.event_time_s(frame) == 1468244384
    assert TIMES.moved(frame, 10) == frame


def test_a_frame_that_is_nested_as_deeply_as_the_job_takes_is_moved() -> None:
    frame = b'{"deep":' + b"[" * 1_000 + b"]" * 1_000 + b',"ts":1,"uid":"a"}'
    assert isinstance(read_frame(frame), Frame)
    assert TIMES.moved(frame, 1) == frame.replace(b'"ts":1', b'"ts":2')


def test_the_first_frame_that_has_a_time_happens_now() -> None:
    shift = Shift(TIMES, lambda: 5_000.9)
    frames = [b"no JSON", b'{"ts":1000.75,"uid":"a"}', b'{"ts":1001,"uid":"a"}', b'{"ts":990,"uid":"a"}']
    found = list(shift.moved(frames))
    assert found[0] == b"no JSON"
    assert [json.loads(frame)["ts"] for frame in found[1:]] == [5_000.75, 5_001, 4_990]
    assert shift.by_s == 4_000
