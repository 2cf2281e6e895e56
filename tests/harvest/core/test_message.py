"""The JSON of frames: members of any type, against the standard library."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metrics.harvest.core.message import (
    NotAnObjectError,
    NotJsonError,
    ReceivedMessage,
    ReceivedShow,
    ReceivedUser,
    read_message,
)
from tests.harvest.core.messages import MESSAGES, SHOW, USER, members_of, message


def show(data: bytes) -> ReceivedShow:
    read = read_message(data).show
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("null", None),
        ('""', ""),
        ('"x"', "x"),
        ("true", "true"),
        ("false", "false"),
        ("0", "0"),
        ("-0", "-0"),
        ("12", "12"),
        ("2021.0", "2021.0"),
        ("1e3", "1e3"),
        ("-1.50E+07", "-1.50E+07"),
        ("1e999", "1e999"),
        ("9" * 5_000, "9" * 5_000),
        ("[]", "[]"),
        ('["a",  "b"]', '["a",  "b"]'),
        ('{"a": "\\n", "ü": null}', '{"a": "\\n", "ü": null}'),
        ('{"a":\n[1]}', '{"a":\n[1]}'),
    ],
)
@pytest.mark.parametrize("member", ["title", "release_year"])
def test_a_member_is_its_text_or_its_json_as_received(member: str, written: str, read: str | None) -> None:
    value = getattr(show(f'{{"show": {{"{member}":  {written} }} }}'.encode()), member)
    assert (value if value is None else str(value)) == read


def test_line_ends_and_other_separators_in_texts_stay() -> None:
    text = "a\r\nb\rc\nd\u2028e\u2029f\x85g\x0bh\0i\ufeffj\u00a0\x7f\x80"
    assert show(message(show={"title": text})).title == text
    plain = json.dumps({"show": {"title": text}}, ensure_ascii=False).encode()
    assert show(plain).title == text


def test_of_members_with_the_same_name_the_last_counts() -> None:
    assert show(b'{"show":{"title":"a","title":"b"}}').title == "b"
    assert show(b'{"show":{"title":"a","title":5}}').title == "5"
    assert show(b'{"show":{"title":5,"title":"b"}}').title == "b"
    assert show(b'{"show":{"title":"a","title":null}}').title is None
    assert show(b'{"show":{"title":"a"},"show":{"cast":"b"}}') == ReceivedShow(cast="b")
    assert show(b'{"show":5,"show":{"cast":"b"}}') == ReceivedShow(cast="b")
    assert read_message(b'{"show":{"cast":"b"},"show":5}').show in (None, ReceivedShow())
    assert show(rb'{"show":{"title":"a","t\u0069tle":"b"}}').title == "b"


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"\uD83D\uDE00", "😀"),
        (r"\ud83d", "\ufffd"),
        (r"cut\ud83d", "cut\ufffd"),
        (r"\ude00", "\ufffd"),
        (r"\uD83D", "\ufffd"),
        (r"\uDE00", "\ufffd"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83dx\ude00", "\ufffdx\ufffd"),
        (r"\ud83d\n", "\ufffd\n"),
        (r"\ud83d\\ude00", "\ufffd\\ude00"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83d", "\\\ufffd"),
        (r"\ud7ff\ue000", "\ud7ff\ue000"),
        (r"\uDBFF\uDFFF", "\U0010ffff"),
    ],
)
def test_half_of_a_surrogate_pair_becomes_the_replacement_character(escaped: str, text: str) -> None:
    assert show(f'{{"show":{{"title":"{escaped}"}}}}'.encode()).title == text
    assert show(f'{{"show":{{"title":"{escaped}","cast":7}}}}'.encode()) == ReceivedShow(title=text, cast="7")
    assert show(f'{{"{escaped}":"{escaped}","show":{{"title":"a","{escaped}":0}}}}'.encode()).title == "a"


def reference(data: bytes) -> ReceivedMessage | None:
    """Return a message as the standard library reads it, slowly and plainly; None if it is not an object."""

    def no_constant(_: str) -> None:
        raise ValueError

    def characters(value: str) -> str:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def in_json(value: Any) -> str:
        return characters(json.dumps(value, ensure_ascii=False))

    def text(value: Any) -> Any:
        return None if value is None else characters(value) if isinstance(value, str) else in_json(value)

    def only_text(value: Any) -> Any:
        return characters(value) if isinstance(value, str) else None

    def integer_or_text(value: Any) -> Any:
        return value if type(value) is int else only_text(value)

    def record(value: Any, kind: Any) -> Any:
        members = value if isinstance(value, dict) else {}
        read = {"show_id": lambda v: text(v) if type(v) is int else only_text(v), "platform": only_text}
        read |= {"id": integer_or_text, "first_name": only_text}
        return kind(**{name: read.get(name, text)(members.get(name)) for name in kind.__struct_fields__})

    whole = json.loads(data.decode(), parse_constant=no_constant)
    if not isinstance(whole, dict):
        return None
    return ReceivedMessage(
        show=record(whole.get("show"), ReceivedShow),
        event_date=only_text(whole.get("event_date")),
        user=record(whole.get("user"), ReceivedUser),
    )


def as_texts(read: ReceivedMessage) -> ReceivedMessage:
    """Return a message in one form: without nulls, numbers as texts, other JSON as the standard library writes it."""
    show, user = read.show or ReceivedShow(), read.user or ReceivedUser()
    for part in (show, user):
        for name in part.__struct_fields__:
            value = getattr(part, name)
            setattr(part, name, None if value is None else _plain(str(value)))
    return ReceivedMessage(show, read.event_date, user)


def _plain(text: str) -> str:
    """Return a number that JSON may write in several ways in one of them."""
    return json.dumps(json.loads(text)) if re.match(r"[-\d\[{]", text) and _is_json(text) else text


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@settings(deadline=None)
@given(MESSAGES, st.sampled_from([None, 1]), st.booleans())
def test_a_message_is_that_of_the_standard_library(members: dict[str, Any], indent: int | None, is_ascii: bool) -> None:
    data = json.dumps(members, indent=indent, ensure_ascii=is_ascii).encode(errors="surrogatepass")
    expected = reference(data) if is_utf_8(data) else None
    if expected:
        assert as_texts(read_message(data)) == as_texts(expected)


def is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.text('{}[]":,0123456789.-+eE\\utrnulfasdDc \n\t\0\ufeffé', max_size=12),
        st.tuples(st.integers(0, 400), st.integers(0, 2), st.text(max_size=2)).map(
            lambda cut: (text := message().decode())[: cut[0]] + cut[2] + text[cut[0] + cut[1] :]
        ),
    )
)
@example('{"a":"\\ud800"}')
@example('{"a":"\\ud800')
@example('"\\ud800"')
@example('{"show":{"title":')
@example("{\ufeff}")
def test_whatever_it_reads_is_json_and_whatever_it_refuses_is_not(text: str) -> None:
    data = text.encode()
    try:
        expected: Any = "object" if reference(data) is None else "read"
    except ValueError:
        expected = "json"
    try:
        read_message(data)
        verdict = "read"
    except NotJsonError:
        verdict = "json"
    except NotAnObjectError:
        verdict = "object"
    assert verdict == expected


@settings(deadline=None)
@given(members_of(SHOW), members_of(USER))
@example(SHOW, USER | {"id": -(10**19)})
@example(SHOW, USER | {"id": 10**4_299})
def test_one_member_of_another_type_changes_no_other(show: dict[str, Any], user: dict[str, Any]) -> None:
    data = json.dumps({"show": show, "user": user}).encode()
    usual, unusual = (read_message(data[:-1] + end) for end in (b"}", b',"event_date":0}'))
    assert as_texts(usual) == as_texts(unusual)


def test_what_the_streams_send_is_read_by_the_quick_decoder() -> None:
    assert msgspec.json.decode(message(), type=ReceivedMessage) == read_message(message())
