"""The contents of a frame as text: JSON with one member a line, other text as it is, and other bytes as a hex dump."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import orjson

from metrics.wording.text import numbered

SHOWN_CHARACTERS = 262_144
ROW_BYTES = 16
# Strings, with their quotes; single structural characters; numbers and names.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_BEGINS, _ENDS, _BREAK_AFTER = frozenset("{["), frozenset("}]"), frozenset("{[,")
# Characters that text does not contain; a tab and the ends of lines are text.
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class FrameText(NamedTuple):
    """A frame as text, and a line about it: what it is, and whether it is cut."""

    about: str
    text: str


def frame_text(value: bytes | None) -> FrameText:
    """Return the contents of a frame as text, cut after SHOWN_CHARACTERS."""
    if not value:
        return FrameText("The record has no value." if value is None else "The frame has no bytes.", "")
    size = numbered(len(value), "byte")
    text = as_text(value)
    if text is None:
        shown, is_cut = _cut(_hex_rows(value))
        kind = "Bytes that are not text, as a hex dump"
    elif _is_json(value):
        shown, is_cut = _cut(_indented(text))
        kind = "JSON, one member a line"
    else:
        shown, is_cut = text[:SHOWN_CHARACTERS], len(text) > SHOWN_CHARACTERS
        kind = "Text that is not JSON"
    cut = f" Cut: only the first {len(shown):,} characters are shown; copying takes the whole frame." if is_cut else ""
    return FrameText(f"{kind}: {size}.{cut}", shown)


def copied(value: bytes | None) -> str:
    """Return what a copy of a frame is: its text as it came, or the hexadecimal digits of its bytes."""
    text = as_text(value or b"")
    return (value or b"").hex() if text is None else text


def as_text(value: bytes) -> str | None:
    """Return bytes as text; None if they are not UTF-8, or contain control characters."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return None if _NOT_TEXT.search(text) else text


def _is_json(value: bytes) -> bool:
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return True


def _cut(parts: Iterable[str]) -> tuple[str, bool]:
    """Return parts as one text of at most SHOWN_CHARACTERS, and whether there would be more.

    Parts are made one at a time: indentation alone may be a thousand times as long as the frame.
    """
    taken, length = [], 0
    for part in parts:
        taken.append(part)
        length += len(part)
        if length > SHOWN_CHARACTERS:
            return "".join(taken)[:SHOWN_CHARACTERS], True
    return "".join(taken), False


def _indented(text: str) -> Iterator[str]:
    """Yield JSON in pieces, with one member a line.

    Only white space changes: numbers keep their digits, strings their escapes, and objects their repeated names.
    """
    depth, before = 0, ""
    for part in (match[0] for match in _TOKEN.finditer(text)):
        is_empty = (before, part) in (("{", "}"), ("[", "]"))
        depth -= part in _ENDS
        if before and not is_empty and (before in _BREAK_AFTER or part in _ENDS):
            yield "\n" + "  " * depth
        yield ": " if part == ":" else part
        depth += part in _BEGINS
        before = part


def _hex_rows(value: bytes) -> Iterator[str]:
    """Yield rows of 16 bytes: offset, hexadecimal digits, and the characters of ASCII."""
    for at in range(0, len(value), ROW_BYTES):
        row = value[at : at + ROW_BYTES]
        characters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{at:08x}  {row.hex(' '):<47}  {characters}\n"
