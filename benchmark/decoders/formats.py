"""The same frame in other formats than JSON; none loses a member, not even one of two with equal names."""

import json
import struct
from typing import Any

import msgspec

from benchmark.decoders.decoder import Format


class Members(list[tuple[str, Any]]):
    """The members of a JSON object, in their order."""


as_members = json.JSONDecoder(object_pairs_hook=Members).decode

PREFIX = struct.Struct(">qH")  # ts, and how many bytes of uid follow


def packed(value: Any) -> bytes:
    """Return a value in MessagePack; its specification allows a map to have equal keys.

    Raises:
        OverflowError: it holds an integer beyond 64 bits, for which MessagePack has no type.
    """
    if isinstance(value, Members):
        return _head(len(value), 0x80, 0xDE) + b"".join(packed(name) + packed(member) for name, member in value)
    if isinstance(value, list):
        return _head(len(value), 0x90, 0xDC) + b"".join(map(packed, value))
    return msgspec.msgpack.encode(value)


def _head(size: int, short: int, long: int) -> bytes:
    """Return the bytes that a map or an array of so many begins with."""
    if size < 16:
        return bytes([short | size])
    if size < 1 << 16:
        return bytes([long]) + size.to_bytes(2)
    return bytes([long + 1]) + size.to_bytes(4)


def root_of(frame: bytes) -> tuple[int, str, Members]:
    """Return a frame's ts and uid, the first of each, and its other members."""
    members = as_members(frame.decode())
    found: dict[str, Any] = {}
    others = Members()
    for name, value in members:
        if name in ("ts", "uid") and name not in found:
            found[name] = value
        else:
            others.append((name, value))
    return found["ts"], found["uid"], others


def _prefixed(frame: bytes) -> bytes:
    ts, uid, _ = root_of(frame)
    encoded = uid.encode()
    return PREFIX.pack(ts, len(encoded)) + encoded + frame


JSON = Format("JSON", "the frame as it is", lambda frame: frame)
MESSAGEPACK = Format(
    "MessagePack",
    "the same members in the same order, those with equal names too",
    lambda frame: packed(as_members(frame.decode())),
)
PREFIXED = Format(
    "a prefix",
    "8 bytes of ts, 2 bytes for the length of uid, uid, then the frame's JSON as it is, which nothing looks into: what "
    "a header of the record could hold as well, and the least that any format costs",
    _prefixed,
)
