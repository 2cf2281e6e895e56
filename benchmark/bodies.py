"""Frames of any size, fast to make: bodies of the generator's own members, prepared once, with `ts` and `uid` put in.

The generator's frames have one size. Here, a frame has exactly the bytes that are asked for, and takes a microsecond or
two, so that millions can be made while they are loaded, and none need be kept on disk.
"""

import json
import random
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import msgspec

from metrics.frames.producer import generator

START_TS = generator.START_TS + 12  # four seconds before a minute, so that a small run closes one
LARGEST_DELAY_S = 4  # less than the allowed lateness of 5 s, so that no frame is late

_POOL = 1_024
_MEMBERS_FROM = 64  # generated frames; each has some 28 members
_TRIES = 16
_FILL = ',"fill":"{}"'
_ROOM_BYTES = len('{"ts":1468244384,"uid":"0123456789abcdef012"}')
SMALLEST_BYTES = _ROOM_BYTES + len(_FILL.format(""))
_SCATTER, _UIDS = 0x9E3779B97F4A7C15F39, 16**19


class Body(NamedTuple):
    """A frame without `ts` and `uid`: what comes before them, and what comes behind."""

    before: bytes
    behind: bytes

    def frame(self, ts: int, uid: int) -> bytes:
        """Return the frame."""
        return b'%b"ts":%d,"uid":"%019x"%b' % (self.before, ts, uid, self.behind)


class Recipe(msgspec.Struct, frozen=True):
    """What frames are like.

    Attributes:
        size_bytes: of each, SMALLEST_BYTES or more.
        rate: frames per second of event time.
        users: how many there are; each frame's is drawn with equal chances.
        delayed_share: of the frames, 0 to 1; they are 1 to LARGEST_DELAY_S seconds behind.
    """

    size_bytes: int = 2_080
    rate: int = 1_000
    users: int = 100_000
    delayed_share: float = 0.02


def frames(recipe: Recipe) -> Iterator[bytes]:
    """Yield frames without end; equal recipes give equal frames."""
    draw = random.Random(1).random
    prepared = bodies(recipe.size_bytes)
    rate, users, delayed_share = recipe.rate, recipe.users, recipe.delayed_share
    for number in count():
        ts = START_TS + number // rate
        if draw() < delayed_share:
            ts -= 1 + int(draw() * LARGEST_DELAY_S)
        yield prepared[int(draw() * _POOL)].frame(ts, int(draw() * users) * _SCATTER % _UIDS)


def bodies(size_bytes: int) -> list[Body]:
    """Return different bodies whose frames have so many bytes.

    Raises:
        ValueError: frames cannot be so small.
    """
    if size_bytes < SMALLEST_BYTES:
        raise ValueError(f"{size_bytes} bytes: a frame has at least {SMALLEST_BYTES}")
    draw = random.Random(0)
    members = [
        member for frame in generator.frames(count=_MEMBERS_FROM) for member in _members(frame.decode()) if member
    ]
    return [_body(draw, members, size_bytes) for _ in range(_POOL)]


def _body(draw: random.Random, members: list[str], size_bytes: int) -> Body:
    """Take members for as long as one of some that are drawn fits, fill the rest, and cut at a random member."""
    chosen: list[str] = []
    left_bytes = size_bytes - SMALLEST_BYTES
    while True:
        fitting = (member for member in draw.choices(members, k=_TRIES) if len(member.encode()) + 1 <= left_bytes)
        member = next(fitting, None)
        if member is None:
            break
        chosen.append(member)
        left_bytes -= len(member.encode()) + 1
    cut = draw.randrange(len(chosen) + 1)
    before = "".join(member + "," for member in chosen[:cut])
    behind = "".join("," + member for member in chosen[cut:])
    return Body(f"{{{before}".encode(), f"{behind}{_FILL.format('.' * left_bytes)}}}".encode())


def _members(frame: str) -> Iterator[str]:
    """Yield the members of an object as they are written, but for `ts` and `uid`."""
    decode = json.JSONDecoder().raw_decode
    at = 1
    while at < len(frame):
        key, end = decode(frame, at)
        _, end = decode(frame, end + 1)
        if key not in ("ts", "uid"):
            yield frame[at:end]
        at = end + 1
