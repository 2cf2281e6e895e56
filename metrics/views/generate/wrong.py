"""Wrong lines: a valid one that lost a member, got a wrong value, or is not an object of JSON any more."""

import json
from collections.abc import Callable
from functools import partial

from metrics.views.core.event import MAX_DEPTH
from metrics.views.generate.viewing import Draw
from metrics.views.settings import MAX_LINE_BYTES

# One of this many wrong lines is longer than any line may be: each is as long as 5,000 others.
_LONG = 5_000
_WRONG_VALUES = {
    "EventId": ('""', "4711", "null", f'"{"x" * 257}"', r'"\ud83d"'),
    "MediaId": ('"17a"', '"17"', "12.0", "-1", "true", "null", "9223372036854775808", "[17]"),
    "UserId": ('"anna"', '""', "4711.5", "-4711", "false", "null", '{"Id":4711}', "1e3"),
    "Timestamp": ('"1795860900"', "1795860900000", "-1", "1795860900.5", "null"),
    "DateTime": ('"yesterday"', '"28.11.2026 10:15"', '"2026-02-30T10:15:00Z"', "1795860900", "null"),
    "EventType": ('"WayPoint"', '"pause"', '""', "1", "null"),
}
_WRONG_NUMBERS = ("NaN", "Infinity", "017", "+17", "0x11")


def damaged(line: bytes, draw: Draw) -> bytes:
    """Return a wrong line, made from one with a valid event."""
    members = _members(line)
    if draw() * _LONG < 1:
        return _joined({**members, "EventId": f'"{"x" * MAX_LINE_BYTES}"'})
    damage = _DAMAGES[int(draw() * len(_DAMAGES))]
    return damage(members, draw)


def _members(line: bytes) -> dict[str, str]:
    """Return the members of a line, with their values as JSON."""
    return {name: json.dumps(value) for name, value in json.loads(line).items()}


def _joined(members: dict[str, str]) -> bytes:
    return ("{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}").encode()


def _without(name: str, members: dict[str, str], _draw: Draw) -> bytes:
    return _joined({other: value for other, value in members.items() if other != name})


def _with(name: str, values: tuple[str, ...], members: dict[str, str], draw: Draw) -> bytes:
    return _joined({**members, name: values[int(draw() * len(values))]})


def _with_all_wrong(members: dict[str, str], draw: Draw) -> bytes:
    wrong = {name: values[int(draw() * len(values))] for name, values in _WRONG_VALUES.items()}
    return _joined({**members, **wrong})


def _cut(members: dict[str, str], draw: Draw) -> bytes:
    whole = _joined(members)
    return whole[: 1 + int(draw() * (len(whole) - 1))]


def _in_array(members: dict[str, str], _draw: Draw) -> bytes:
    return b"[" + _joined(members) + b"]"


def _twice(members: dict[str, str], _draw: Draw) -> bytes:
    return _joined(members) * 2


def _of_python(members: dict[str, str], _draw: Draw) -> bytes:
    return _joined(members).replace(b'"', b"'")


def _in_latin_1(members: dict[str, str], _draw: Draw) -> bytes:
    return _joined({**members, "Title": '"Die Sendung für Käuze"'}).decode().encode("latin-1")


def _too_deep(members: dict[str, str], _draw: Draw) -> bytes:
    return _joined({**members, "Path": "[" * MAX_DEPTH + "]" * MAX_DEPTH})


_DAMAGES: tuple[Callable[[dict[str, str], Draw], bytes], ...] = (
    *(partial(_without, name) for name in _WRONG_VALUES),
    *(partial(_with, name, values) for name, values in _WRONG_VALUES.items()),
    partial(_with, "Position", _WRONG_NUMBERS),
    _with_all_wrong,
    _cut,
    _in_array,
    _twice,
    _of_python,
    _in_latin_1,
    _too_deep,
)
