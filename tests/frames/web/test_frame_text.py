"""The contents of frames as text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.web.frame_text import SHOWN_CHARACTERS, copied, frame_text

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_json_has_one_member_a_line() -> None:
    assert frame_text(b'{"ts":1468244384, "sent":[1,{"by":null}],"empty":[{},[ ]]}') == (
        "JSON, one member a line: 58 bytes.",
        """\
{
  "ts": 1468244384,
  "sent": [
    1,
    {
      "by": null
    }
  ],
  "empty": [
    {},
    []
  ]
}""",
    )


def test_json_keeps_its_digits_its_escapes_and_its_repeated_names() -> None:
    _, text = frame_text(rb'{"ts":1468244384123.50,"uid":"\u0061\"}{","ts":1E2}')
    assert (
        text
        == r"""{
  "ts": 1468244384123.50,
  "uid": "\u0061\"}{",
  "ts": 1E2
}"""
    )


@given(values)
def test_json_is_the_same_after_it_was_made_text(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    try:
        sent = text.encode()
    except UnicodeEncodeError:  # half of a pair of surrogates
        return
    about, shown = frame_text(sent)
    if about.startswith("JSON"):
        assert json.loads(shown) == value


@pytest.mark.parametrize("frame", ['{"ts": 146824', "<b>bold</b>", "two\r\n\tlines", "é\u2028"])
def test_text_that_is_not_json_stays_as_it_is(frame: str) -> None:
    size = len(frame.encode())
    assert frame_text(frame.encode()) == (f"Text that is not JSON: {size} bytes.", frame)
    assert copied(frame.encode()) == frame


def test_other_bytes_are_a_hex_dump_with_offsets() -> None:
    frame = b"\xff\x00<b>0123456789ab\n"
    about, text = frame_text(frame)
    assert about == "Bytes that are not text, as a hex dump: 18 bytes."
    assert text == (
        "00000000  ff 00 3c 62 3e 30 31 32 33 34 35 36 37 38 39 61  ..<b>0123456789a\n"
        "00000010  62 0a                                            b.\n"
    )
    assert copied(frame) == "ff003c623e303132333435363738396162" + "0a"


def test_a_frame_without_bytes_says_so() -> None:
    assert frame_text(b"") == ("The frame has no bytes.", "")
    assert frame_text(None) == ("The record has no value.", "")
    assert copied(None) == ""


@pytest.mark.parametrize(
    "frame",
    [
        b"x" * 1_000_000,
        b"\xff" * 1_000_000,
        b"[" * 1_000 + b"1," * 300_000 + b"1" + b"]" * 1_000,  # indented, it has 600 million characters
        b'"' + b"x" * 1_000_000 + b'"',
    ],
    ids=["text", "bytes", "deep", "one string"],
)
def test_what_is_cut_says_so_and_a_copy_is_whole(frame: bytes) -> None:
    about, text = frame_text(frame)
    assert len(text) == SHOWN_CHARACTERS
    assert about.endswith(" Cut: only the first 262,144 characters are shown; copying takes the whole frame.")
    assert copied(frame) in (frame.decode(errors="replace"), frame.hex())
