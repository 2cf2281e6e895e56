"""The members of a JSON text's root object, as written. RFC 8259 is checked by a loop, so no stack limits the depth.

The parsers of Python, msgspec and others recurse: the depth they can read depends on the caller's stack and on the
version of Python. This one counts, and stops at the depth where simdjson does.
"""

import json
import re
from collections.abc import Collection, Sequence

# As in simdjson: nested arrays and objects that are not empty, including the root.
DEEPEST = 1_023

_WHITE = rb"[ \t\n\r]*+"
_STRING = rb'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
# An empty array or object nests nothing, so it is read like a scalar.
_FLAT = rb"(?:%b|%b|true|false|null|\[%b\]|\{%b\})" % (_STRING, _NUMBER, _WHITE, _WHITE)
_KEY = rb"%b%b:%b" % (_STRING, _WHITE, _WHITE)

_white = re.compile(_WHITE)
_flat = re.compile(_FLAT)
_key = re.compile(rb"(%b)%b:%b" % (_STRING, _WHITE, _WHITE))
_index = re.compile(rb'"(?:0|[1-9][0-9]{0,8})"')
_comma = re.compile(rb"%b,%b" % (_WHITE, _WHITE))
# All flat values that a comma follows, in one step, at the speed of the regular expression.
_most_of = {
    b"]": re.compile(rb"(?:%b%b,%b)*+" % (_FLAT, _WHITE, _WHITE)),
    b"}": re.compile(rb"(?:%b%b%b,%b)*+" % (_KEY, _FLAT, _WHITE, _WHITE)),
}
_CLOSING = {b"[": b"]", b"{": b"}"}


class NotJsonError(ValueError):
    """Text that is not JSON, or nested deeper than DEEPEST; the message contains the position."""


class NotAnObjectError(ValueError):
    """JSON text whose root is not an object.

    Attributes:
        root: the root, as written.
    """

    def __init__(self, root: bytes) -> None:
        super().__init__(root)
        self.root = root


def place_of(text: bytes, path: Sequence[str], at: int = 0) -> slice | None:
    """Return the place of one value, as `places_of`."""
    [place] = places_of(text, [path], at)
    return place


def places_of(text: bytes, paths: Sequence[Sequence[str]], at: int = 0) -> list[slice | None]:
    """Return the places of values that paths lead to from the root object; None where there is none.

    Of members with the same name the first one counts, also on the way.

    Args:
        text, at: as of `root_members`.
        paths: names of members; of the elements of an array, indices without leading zeros.

    Raises:
        NotJsonError, NotAnObjectError: as `root_members`, of the whole text.
    """
    found = root_members(text, {quoted(first) for first, *_ in paths}, at)
    return [_followed(text, found.get(quoted(first)), rest) for first, *rest in paths]


def _followed(text: bytes, place: slice | None, path: Sequence[str]) -> slice | None:
    """Return the place of a value that a path leads to from the value at a place."""
    for name in map(quoted, path):
        if place is None:
            return None
        inner = _inner_place(text[place], name)
        place = inner and slice(place.start + inner.start, place.start + inner.stop)
    return place


def quoted(name: str) -> bytes:
    """Return a name as `root_members` takes it."""
    return b'"%b"' % name.encode(errors="surrogatepass")


def _inner_place(value: bytes, name: bytes) -> slice | None:
    """Return the place of a member of an object, or of an element of an array."""
    if value.startswith(b"{"):
        return root_members(value, (name,)).get(name)
    if value.startswith(b"[") and _index.fullmatch(name):
        return _element_place(value, int(name[1:-1]))
    return None


def _element_place(array: bytes, index: int) -> slice | None:
    at = _after_white(array, 1)
    while not array.startswith(b"]", at):
        end = _end_of_value(array, at)
        if not index:
            return slice(at, end)
        index -= 1
        comma = _comma.match(array, end)
        at = comma.end() if comma else _after_white(array, end)
    return None


def root_members(text: bytes, names: Collection[bytes], at: int = 0) -> dict[bytes, slice]:
    """Return the slices of the values of some members of the root object: the first member of each name.

    Args:
        text: UTF-8.
        names: the names of the members, quoted, as JSON writes them without escapes.
        at: the index of the JSON: after a byte order mark.

    Raises:
        NotJsonError: the text breaks the grammar of RFC 8259 anywhere, or is nested too deeply.
        NotAnObjectError: the root is something else.
    """
    start = _after_white(text, at)
    is_object = text.startswith(b"{", start)
    if not is_object or _flat.match(text, start):
        end = _end_of_value(text, start)
        _require_end(text, end)
        if is_object:
            return {}
        raise NotAnObjectError(text[start:end])
    members: dict[bytes, slice] = {}
    comma_end: int | None = _after_white(text, start + 1)
    while comma_end is not None:
        name, at = _name(text, comma_end)
        end = _end_of_value(text, at, outer=1)
        if name in names:
            members.setdefault(name, slice(at, end))
        comma = _comma.match(text, end)
        comma_end = comma.end() if comma else None
    _require_end(text, _closed(text, end, b"}"))
    return members


def _name(text: bytes, at: int) -> tuple[bytes, int]:
    """Return a member's name, quoted, and the index of its value."""
    key = _key.match(text, at)
    if key is None:
        raise _broken(text, at)
    return _without_escapes(key[1]), key.end()


def _without_escapes(name: bytes) -> bytes:
    """Return a quoted name without escapes, surrogates as they are."""
    if b"\\" not in name:
        return name
    plain = json.loads(name)
    return b'"%b"' % plain.encode(errors="surrogatepass")


def _end_of_value(text: bytes, at: int, outer: int = 0) -> int:
    """Return the end of the value at an index.

    Args:
        outer: how many arrays and objects contain it.
    """
    closing: list[bytes] = []
    while True:
        while (flat := _flat.match(text, at)) is None:
            at = _opened(text, at, closing, outer)
        at = flat.end()
        while closing and (comma := _comma.match(text, at)) is None:
            at = _closed(text, at, closing.pop())
        if not closing:
            return at
        assert comma is not None
        at = _next_value(text, comma.end(), closing[-1])


def _opened(text: bytes, at: int, closing: list[bytes], outer: int) -> int:
    """Enter an array or object: note its closing bracket, return the index of its first value that is not flat."""
    closes = _CLOSING.get(text[at : at + 1])
    if closes is None:
        raise _broken(text, at)
    closing.append(closes)
    if len(closing) + outer > DEEPEST:
        raise NotJsonError(f"arrays or objects are nested more than {DEEPEST:,} deep at byte {at}")
    return _next_value(text, _after_white(text, at + 1), closes)


def _closed(text: bytes, at: int, closes: bytes) -> int:
    """Return the index after the end of an array or object, which must be here."""
    at = _after_white(text, at)
    if not text.startswith(closes, at):
        raise _broken(text, at)
    return at + 1


def _next_value(text: bytes, at: int, closes: bytes) -> int:
    """Return the index of the next value of an array or object that may not be flat; flat ones are skipped."""
    at = _most_of[closes].match(text, at).end()  # type: ignore[union-attr]  # it also matches no bytes
    return _name(text, at)[1] if closes == b"}" else at


def _after_white(text: bytes, at: int) -> int:
    return _white.match(text, at).end()  # type: ignore[union-attr]  # it also matches no bytes


def _require_end(text: bytes, at: int) -> None:
    """Check that only white space follows the root."""
    at = _after_white(text, at)
    if at < len(text):
        raise NotJsonError(f"trailing characters from byte {at} on")


def _broken(text: bytes, at: int) -> NotJsonError:
    return NotJsonError(f"malformed at byte {at}" if at < len(text) else f"truncated at byte {at}")
