"""What is read from a line: by hand, and against Python's own JSON with the rules spelled out."""

import json
import re
import sys
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.views.core.event import MAX_DEPTH, MAX_TIMESTAMP, Event, InvalidEventError, read_event
from tests.examples import examples

VALID = {
    "EventId": '"3f2504e0"',
    "MediaId": "17",
    "UserId": "4711",
    "Timestamp": "1795860900",
    "DateTime": '"2026-11-28T10:15:00Z"',
    "EventType": '"waypoint"',
}
EVENT = Event("3f2504e0", 17, 4711, 1795860900, "2026-11-28T10:15:00Z", "waypoint")


def line(**written: str) -> bytes:
    """Return the line of a valid event with these members, as written, instead or in addition."""
    return ("{" + ",".join(f'"{name}":{value}' for name, value in {**VALID, **written}.items()) + "}").encode()


def reasons(line: bytes) -> list[str]:
    """Return what is wrong with a line, in words."""
    with pytest.raises(InvalidEventError) as raised:
        read_event(line)
    return [reason.text for reason in raised.value.reasons]


def kinds(line: bytes) -> list[str]:
    """Return the kinds of what is wrong with a line."""
    with pytest.raises(InvalidEventError) as raised:
        read_event(line)
    return [reason.kind for reason in raised.value.reasons]


def test_an_event_is_read() -> None:
    assert read_event(line()) == EVENT


def test_members_with_other_names_are_ignored() -> None:
    assert read_event(line(eventid="1", Player='{"Version":[1,2.5e3,null,"\\u00e9"]}', Title='"Ü 😀"')) == EVENT


def test_all_that_is_wrong_is_named_in_the_words_of_the_issue() -> None:
    assert reasons(line(MediaId='"17a"', EventType='"WayPoint"')) == [
        'MediaId must be a whole number, 0 or more, not the text "17a"',
        'EventType must be one of waypoint, streamstart, streamstop, streamend, not "WayPoint"',
    ]
    assert reasons(line().replace(b'"EventId"', b'"Id"')) == ["Missing EventId"]


def test_each_field_is_missing_from_an_empty_object() -> None:
    assert reasons(b"{}") == [f"Missing {name}" for name in VALID]
    assert kinds(b" {} ") == [f"missing {name}" for name in VALID]


@pytest.mark.parametrize("name", ["MediaId", "UserId"])
@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('"12"', '0 or more, not the text "12"'),
        ('""', '0 or more, not the text ""'),
        ("12.0", "0 or more, not 12.0"),
        ("1e3", "0 or more, not 1e3"),
        ("-1", "0 or more, not -1"),
        ("true", "0 or more, not true"),
        ("null", "0 or more, not null"),
        ("[1]", "0 or more, not an array"),
        ('{"a":1}', "0 or more, not an object"),
        ("9223372036854775808", "0 to 9223372036854775807, not 9223372036854775808"),
        ("9" * 5_000, f"0 to 9223372036854775807, not {'9' * 60}…"),
        ("-" + "9" * 5_000, f"0 or more, not -{'9' * 59}…"),
        ("1e999", "0 or more, not 1e999"),
    ],
)
def test_an_id_is_a_whole_number(name: str, written: str, words: str) -> None:
    assert reasons(line(**{name: written})) == [f"{name} must be a whole number, {words}"]
    assert kinds(line(**{name: written})) == [f"wrong {name}"]


@pytest.mark.parametrize("written", ["0", "-0", "9007199254740993", "9223372036854775807"])
def test_an_id_of_63_bits_is_exact(written: str) -> None:
    event = read_event(line(MediaId=written, UserId=written))
    assert (event.media_id, event.user_id) == (int(written), int(written))


def test_a_time_in_milliseconds_is_refused() -> None:
    assert reasons(line(Timestamp="1795860900000")) == [
        f"Timestamp must be a whole number of seconds since 1970, 0 to {MAX_TIMESTAMP}, not 1795860900000"
    ]
    assert read_event(line(Timestamp=str(MAX_TIMESTAMP))).timestamp == MAX_TIMESTAMP
    assert kinds(line(Timestamp=str(MAX_TIMESTAMP + 1))) == ["wrong Timestamp"]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('""', 'not ""'),
        ("7", "not 7"),
        ("null", "not null"),
        (f'"{"x" * 257}"', "not of 257"),
        (r'"a\ud83d"', r'not "a\ud83d" with half of a surrogate pair'),
    ],
)
def test_an_event_id_is_a_text(written: str, words: str) -> None:
    assert reasons(line(EventId=written)) == [f"EventId must be a text of 1 to 256 characters, {words}"]


@pytest.mark.parametrize("event_id", ["x" * 256, "😀" * 256, "\0", " ", "é"])
def test_an_event_id_has_any_characters(event_id: str) -> None:
    assert read_event(line(EventId=json.dumps(event_id))).event_id == event_id
    assert read_event(line(EventId=json.dumps(event_id, ensure_ascii=False))).event_id == event_id


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-28T10:15:00Z",
        "2026-11-28T10:15:00.123456789+05:45",
        "2026-11-28 10:15",
        "2026-11-28",
        "20261128T101500",
    ],
)
def test_a_date_and_time_is_iso_8601(time: str) -> None:
    assert read_event(line(DateTime=f'"{time}"')).date_time == time


@pytest.mark.parametrize(
    "written", ['"yesterday"', '"2026-11-31"', '"2026-11-28x10:15"', '""', '"28.11.2026"', "5", "[]"]
)
def test_a_date_and_time_in_another_form_is_refused(written: str) -> None:
    shown = "an array" if written == "[]" else written
    assert reasons(line(DateTime=written)) == [
        f"DateTime must be a time in ISO 8601, such as 2026-11-28T10:15:00Z, not {shown}"
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "it is empty"),
        (b" \r\t", "it is empty"),
        (b"\xef\xbb\xbf", "it is empty"),
        (b"{", "expecting property name enclosed in double quotes at character 2"),
        (line()[:-1], "expecting ',' delimiter at character 129"),
        (line() + b"}", "extra data at character 130"),
        (b'{"EventId":"x', "unterminated string starting at character 12"),
        (b'{"EventId":"\t"}', "invalid control character at character 13"),
        (line(Rate="NaN"), "NaN is not a number"),
        (line(Rate="-Infinity"), "-Infinity is not a number"),
        (line(Title='"a\xe9"').decode().encode("latin-1"), "byte 140, 0xe9, is not UTF-8"),
    ],
)
def test_a_line_that_is_not_json_has_that_reason_alone(text: bytes, why: str) -> None:
    with pytest.raises(InvalidEventError) as raised:
        read_event(text)
    assert raised.value.reasons == (("not JSON", f"Not JSON: {why}"),)
    assert not raised.value.is_json


@pytest.mark.parametrize("text", [line(Deep="[" * 200 + "]" * 200), b"[" * 100_000])
def test_a_line_that_is_nested_too_deep_is_not_called_wrong_json(text: bytes) -> None:
    with pytest.raises(InvalidEventError) as raised:
        read_event(text)
    assert raised.value.reasons == (("too deep", "The event is nested deeper than 200 levels"),)
    assert raised.value.is_json


@pytest.mark.parametrize(
    ("text", "shown"), [(b"[]", "an array"), (b"12", "12"), (b'"a"', '"a"'), (b"null", "null"), (b"1.50", "1.50")]
)
def test_json_that_is_not_an_object_is_refused(text: bytes, shown: str) -> None:
    assert reasons(text) == [f"The event must be an object, not {shown}"]
    assert kinds(text) == ["not an object"]


def test_a_byte_order_mark_is_skipped() -> None:
    assert read_event(b"\xef\xbb\xbf" + line()) == EVENT


def test_of_members_with_the_same_name_the_last_one_counts() -> None:
    assert read_event(b'{"MediaId":"x",' + line()[1:]) == EVENT
    assert reasons(line()[:-1] + b',"MediaId":null}') == ["MediaId must be a whole number, 0 or more, not null"]
    assert read_event(line()[:-1] + b',"\\u004dediaId":18}').media_id == 18


def test_half_of_a_surrogate_pair_in_another_member_is_ignored() -> None:
    assert read_event(line(Title=r'"cut \ud83d"')) == EVENT
    assert read_event(line()[:-1] + rb',"\udc00":1}') == EVENT


def at_depth(frames: int, text: bytes) -> Event:
    """Read a line with less of the stack."""
    return at_depth(frames - 1, text) if frames else read_event(text)


def test_the_caller_s_stack_does_not_change_the_verdict() -> None:
    deepest = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    frames = sys.getrecursionlimit() - MAX_DEPTH - 200
    assert read_event(line(Deep=deepest)) == EVENT
    assert at_depth(frames, line(Deep=deepest)) == EVENT
    assert reasons(line(Deep=f"[{deepest}]")) == ["The event is nested deeper than 200 levels"]


def test_brackets_in_texts_and_beside_each_other_are_not_deep() -> None:
    assert read_event(line(Title=json.dumps('[{"' * 1_000), Parts=f"[{','.join(['[]'] * 1_000)}]")) == EVENT


def accepted_by_rules(text: bytes) -> Event | None:
    """Return the event of a line by the rules of the issue, if Python's JSON reads it."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        root: Any = json.loads(text.decode("utf-8-sig"), parse_constant=refuse)
    except (ValueError, RecursionError):
        return None
    if not isinstance(root, dict) or not root.keys() >= VALID.keys():
        return None
    event_id, media_id, user_id, timestamp, time, kind = (root[name] for name in VALID)
    numbers = ((media_id, 2**63 - 1), (user_id, 2**63 - 1), (timestamp, MAX_TIMESTAMP))
    if not all(type(number) is int and 0 <= number <= most for number, most in numbers):
        return None
    if type(event_id) is not str or not 1 <= len(event_id) <= 256 or type(time) is not str:
        return None
    try:
        event_id.encode()
        datetime.fromisoformat(time)
    except ValueError:
        return None
    if not re.fullmatch(r"[-\dW]{7,10}([Tt ].*)?", time):  # Python takes any character for the T
        return None
    if kind not in ("waypoint", "streamstart", "streamstop", "streamend"):
        return None
    return Event(event_id, media_id, user_id, timestamp, time, kind)


def verdict(text: bytes) -> Event | None:
    """Return the event of a line; its reasons can be sent if it has none."""
    try:
        return read_event(text)
    except InvalidEventError as error:
        json.dumps([reason.text for reason in error.reasons], ensure_ascii=False).encode()
        return None


NAMES = [f'"{name}"' for name in [*VALID, "Title", "mediaid", ""]] + [r'"\u0055serId"', r'"\ud800"']
WRITTEN = [
    *VALID.values(),
    *('"streamend"', '"2026-11-28"', "0", "-0", "9223372036854775807", "9223372036854775808", "9" * 30, "-1", "1.0"),
    *("1e400", "01", "+1", "1.", "true", "false", "null", "NaN", "[]", "{}", '[{"EventId":"x"}]', "[" * 50 + "]" * 50),
    *('""', '"\\ud83d"', r'"\ud83d\ude00"', '"\\x"', '"\t"', '"é😀"', '"' + "é" * 257 + '"', "tru", ""),
]
members = st.tuples(st.sampled_from(NAMES), st.sampled_from(WRITTEN))
a_few = st.lists(members, max_size=3)
edits = st.lists(
    st.tuples(
        st.integers(0, 400), st.sampled_from([b"", b" ", b"\n", b'"', b"\\", b"{", b"]", b",", b":", b"\xff", b"0"])
    ),
    max_size=2,
)


@given(a_few, st.permutations(list(VALID.items())), a_few, st.sampled_from(["", " ", "\n", "\ufeff", "\0"]), edits)
@settings(max_examples=examples(5_000))
def test_what_is_accepted_is_what_pythons_json_and_the_rules_accept(
    before: list[tuple[str, str]],
    valid: list[tuple[str, str]],
    after: list[tuple[str, str]],
    start: str,
    edits: list[tuple[int, bytes]],
) -> None:
    pairs = [*before, *((f'"{name}"', value) for name, value in valid), *after]
    text = (start + "{" + ",".join(f"{name}:{value}" for name, value in pairs) + "}").encode()
    for place, written in edits:
        text = text[:place] + written + text[place + 1 :]
    assert verdict(text) == accepted_by_rules(text)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode(errors="surrogatepass")))
@settings(max_examples=examples(1_000))
def test_any_bytes_have_a_verdict(text: bytes) -> None:
    assert reasons(text)
