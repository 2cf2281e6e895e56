"""Inputs of four partitions, from frames in order to everything that an input may have at once."""

import random
from collections.abc import Iterable, Iterator
from itertools import chain, count, islice

from metrics.frames.producer import generator
from tests.kafka.application import LIVE, Application, frame

PARTITIONS = 4
START = generator.START_TS
GAP_LIMIT_S = 300
GAPS_S = (12, GAP_LIMIT_S + 120, 150, GAP_LIMIT_S)
LATE_S = (30, 200)  # a user of an open minute, and of one that is closed
AFTER_S = 3_600

INVALID = (
    b"",
    b"{",
    b"[]",
    b'"ts"',
    b'{"ts":1468244384',
    b'{"ts":1468244384}',
    b'{"uid":"a"}',
    b'{"ts":-1,"uid":"a"}',
    b'{"ts":"1.5.","uid":"a"}',
    b'{"ts":[1468244384.0],"uid":"a"}',
    b'{"ts":true,"uid":"a"}',
    b'{"ts":null,"uid":"a"}',
    b'{"ts":"1468244384 ","uid":"a"}',
    b'{"ts":1468244384000,"uid":"a"}',
    b'{"ts":1468244384,"uid":""}',
    b'{"ts":1468244384,"uid":null}',
    b'{"data":{"ts":1468244384,"uid":"a"}}',
)

Frames = list[list[bytes]]  # of each partition, in order


def ordered() -> Frames:
    """Return frames of a minute and a half, in order."""
    return _dealt(generator.frames(count=5_000, rate=50, users=700))


def delayed() -> Frames:
    """Return frames a tenth of which is delayed by up to four seconds."""
    return _dealt(generator.frames(count=5_000, rate=50, users=700, delay_s=4, delay_probability=0.1))


def mixed() -> Frames:
    """Return delayed, late and invalid frames, with gaps that get zero rows and gaps that do not."""
    return joined(islice(endless(seed=0), 450))


def endless(seed: int) -> Iterator[Frames]:
    """Yield such frames for ever, those of a second of event time each."""
    draw, second = random.Random(seed), START
    for number in count(1):
        yield [[_drawn(draw, second) for _ in range(draw.randrange(12))] for _ in range(PARTITIONS)]
        second += 1
        if number % 100 == 60:
            second += GAPS_S[number // 100 % len(GAPS_S)]


def joined(parts: Iterable[Frames]) -> Frames:
    """Return frames in one part."""
    return [list(chain.from_iterable(frames)) for frames in zip(*parts, strict=True)]


def last(newest: int) -> Frames:
    """Return for each partition a frame that comes long after the newest one: it closes every window before it."""
    return [[frame(newest + AFTER_S, "end")] for _ in range(PARTITIONS)]


def send(application: Application, partitions: Frames) -> None:
    """Send frames to their partitions, each recorded when it happened."""
    for number, frames in enumerate(partitions):
        application.send(frames, number, timestamp=LIVE)


def _dealt(frames: Iterator[bytes]) -> Frames:
    every = list(frames)
    return [every[partition::PARTITIONS] for partition in range(PARTITIONS)]


def _drawn(draw: random.Random, second: int) -> bytes:
    share, uid = draw.random(), f"user {draw.randrange(400)}"
    if share < 0.02:
        return draw.choice(INVALID)
    if share < 0.04:
        return frame(second - draw.choice(LATE_S), uid)
    if share < 0.14:
        return frame(second - draw.randrange(1, 5), uid)
    if share < 0.16:
        return b'{"ts":%d.25,"uid":"%b"}' % (second, uid.encode())
    return frame(second, uid)
