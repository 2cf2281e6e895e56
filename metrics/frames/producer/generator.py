"""Frames like the challenge's: the same arguments give the same frames everywhere.

Shape and shares follow the real frames: about 2,080 bytes, one nested object or array among some 28 root members,
repeated keys, nested `ts` and `uid` of any type, and strings with every kind of escape that the real ones have. The
words are made up; the Cyrillic lines are Pushkin's "To the Sea" (1824). Real frames have `ts` and `uid` side by side
within the first five members; these have them anywhere in the root.

The bytes are equal on every Python and machine: the only source of randomness is `random()` of a generator seeded with
an int, the one sequence that its documentation guarantees ("Notes on Reproducibility"), and floats undergo only
operations that IEEE 754 rounds correctly.
"""
# ruff: noqa: RUF001  # the Cyrillic letters are intended

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from metrics.time.moments import LAST_SECOND
from metrics.wording.errors import SettingsError

START_TS = 1_468_244_384  # 2016-07-11T13:39:44Z, where the challenge's frames start
SLOWEST_RATE = 0.000_01  # frames/s: about one a day
MAX_USERS = 2**53  # the number of values of random()

# A real frame ends with the first member that takes it beyond 2,047 bytes.
_ENOUGH_BYTES = 2_048
_RUN_BYTES = 250
_LONGEST_MEMBER_BYTES = 100
_LONGEST_TAIL_BYTES = _RUN_BYTES + _LONGEST_MEMBER_BYTES
_LONGEST_NESTED_BYTES = 1_400
_DEEPEST = 7
# Number of prepared parts of each kind. More would exceed the processor's cache, and take longer than a small file.
_POOL = 1_024
_TAILS = 32
_TAIL_STEP_BYTES = 8
_UIDS = 16**19
_SCATTER = 0x9E3779B97F4A7C15F39  # odd, so every user has a distinct uid modulo 16**19

_KEYS = (  # noqa: SIM905  # one word a line would be a page
    "alpha and, at back bank, bend bloom both bridge by cloud course, current dawn deep delta, down drift early east, "
    "ebb eddy, fall. far ferry field flood flow, ford forest, from gate glass, gravel haven high, into island later "
    "leaf, level light, low meadow. mill mist, near north of. on open, over pool, rain reed, run salt shore. sky slow, "
    "spring still, stone tide under, west"
).split()

_SENTENCES = (
    "a stream has no last line, so nobody waits for it",
    "count what came, then say when you counted it",
    "the second ends when no frame can enter it any more",
    "a late frame knocks at a window that is long closed",
    "every river is read from its source to its mouth",
    "two clocks on one wall never agree for a whole day",
    "only the ts and uid of the root are meant, not these",
    "water under the bridge is never counted twice",
    "what is written to the log stays in the log",
    "slow readers meet the same frames as fast ones",
    "the ferry leaves on time, whoever is still running",
    "small waves carry news of a large ship far away",
    "sample",
)
_JOINTS = (*[" "] * 5, "/", r"\"", r"\"", r"\\", r"\\", r"\b", r"\f", r"\n", r"\r", r"\t")
_LINES = (
    "Прощай, свободная стихия!",
    "В последний раз передо мной",
    "Ты катишь волны голубые",
    "И блещешь гордою красой.",
    "Как друга ропот заунывный,",
    "Как зов его в прощальный час,",
    "Твой грустный шум, твой шум призывный",
    "Услышал я в последний раз.",
    "Моей души предел желанный!",
    "Как часто по брегам твоим",
    "Бродил я тихий и туманный,",
    "Заветным умыслом томим!",
)
_TEXTS = tuple(f'"{joint.join(sentence.split())}"' for sentence in _SENTENCES for joint in _JOINTS)
_CYRILLIC_TEXTS = tuple(f'"{line}"' for line in _LINES)

Draw = Callable[[], float]  # the next number of a sequence, 0 <= number < 1
_T = TypeVar("_T")


def frames(
    *,
    count: int = 60_000,
    rate: float = 100.0,
    users: int = 5_000,
    delay_s: int = 0,
    delay_probability: float = 0.02,
    start_ts: int = START_TS,
    seed: int = 0,
) -> Iterator[bytes]:
    """Return an iterator of frames: one JSON object each, UTF-8, without a newline.

    Equal arguments give equal frames. Bodies, users, seconds and delays are four independent sequences: changing
    `users` changes only uids, and changing `delay_s` only the `ts` of delayed frames.

    Args:
        count: number of frames.
        rate: frames per second of event time, on average. As in real frames, the number in one second varies like a
            geometric distribution. Below 1, there are seconds without frames in between.
        users: number of users; each frame's user is drawn uniformly. Different seeds almost never share a user.
        delay_s: largest delay in whole seconds of event time; 0: no frame is delayed and ts never goes backwards.
        delay_probability: share of delayed frames, 0 to 1. A frame delayed by d has the newest ts before it less d;
            d is uniform in 1..delay_s. The first frame is never delayed.
        start_ts: the first frame's ts, in seconds since the epoch.
        seed: 0 or more; another seed gives other frames.

    Raises:
        SettingsError: names every wrong option, its value and the allowed values. Raised here, not on the first frame.
    """
    wrong = list(_wrong_arguments(count, rate, users, delay_s, delay_probability, start_ts, seed))
    if wrong:
        raise SettingsError("the frames cannot be generated", why="\n".join(wrong), hint="correct the options")
    timestamps = _timestamps(
        _seconds(_sequence(seed, 0), rate, start_ts),
        _delays(_sequence(seed, 1), delay_s, delay_probability),
        count,
    )
    return _frames(_sequence(seed, 3), timestamps, _uids(_sequence(seed, 2), users))


def _wrong_arguments(
    count: int, rate: float, users: int, delay_s: int, delay_probability: float, start_ts: int, seed: int
) -> Iterator[str]:
    is_slow = not SLOWEST_RATE <= rate < math.inf
    earliest = max(delay_s, 0)
    ends = 0 if is_slow else start_ts + count * (int(1 / rate) + 1)
    for is_right, line in (
        (count >= 1, f"--count {count}: must be a whole number, 1 or more"),
        (not is_slow, f"--rate {_given(rate)}: must be a number, {SLOWEST_RATE:.5f} or more"),
        (1 <= users <= MAX_USERS, f"--users {users}: must be a whole number, 1 to {MAX_USERS}"),
        (delay_s >= 0, f"--delay-s {delay_s}: must be a whole number, 0 or more"),
        (0 <= delay_probability <= 1, f"--delay-probability {_given(delay_probability)}: must be a number, 0 to 1"),
        (
            earliest <= start_ts <= LAST_SECOND,
            f"start_ts={start_ts}: must be a whole number, {earliest} (--delay-s) to {LAST_SECOND}",
        ),
        (ends <= LAST_SECOND, f"--count {count} with --rate {_given(rate)}: must end before the year 10000"),
        (seed >= 0, f"--seed {seed}: must be a whole number, 0 or more"),
    ):
        if not is_right:
            yield line


def _given(number: float) -> str:
    """Return a number as typed: 0 has become 0.0."""
    return repr(number).removesuffix(".0")


def _sequence(seed: int, number: int) -> Draw:
    """Return one of the four sequences of a seed."""
    return random.Random(4 * seed + number).random


def _one_of(choices: Sequence[_T], draw: Draw) -> _T:
    return choices[int(draw() * len(choices))]


def _seconds(draw: Draw, rate: float, start_ts: int) -> Iterator[int]:
    """Yield the event time of each frame, endlessly."""
    second = start_ts
    step = int(1 / rate)
    chance = 1 / rate - step
    while True:
        yield second
        second += step + (draw() < chance)


def _delays(draw: Draw, delay_s: int, delay_probability: float) -> Iterator[int]:
    """Yield the delay of each frame in seconds, endlessly; 0 for most."""
    if delay_s == 0:
        delay_probability = 0.0
    while True:
        yield 1 + int(draw() * delay_s) if draw() < delay_probability else 0


def _timestamps(seconds: Iterator[int], delays: Iterator[int], count: int) -> Iterator[int]:
    """Yield each frame's ts. A delay is relative to the newest ts written, so it can be read off the frames alone."""
    newest = next(seconds)
    yield newest
    for _, second, delay in zip(range(count - 1), seconds, delays, strict=False):
        if delay:
            yield newest - delay
        else:
            newest = second
            yield second


def _uids(draw: Draw, users: int) -> Iterator[int]:
    """Yield each frame's uid as a number, endlessly. No table of users is kept, so their number is unlimited."""
    first = int(draw() * MAX_USERS)
    while True:
        yield (first + int(draw() * users)) * _SCATTER % _UIDS


def _frames(draw: Draw, timestamps: Iterator[int], uids: Iterator[int]) -> Iterator[bytes]:
    """Join prepared parts until a frame is large enough, then put `ts`, `uid` and the nested part in between."""
    nested, runs, tails = _prepared(draw)
    for ts, uid in zip(timestamps, uids, strict=False):
        between = (nested[int(draw() * _POOL)], b'"ts":%d' % ts, b'"uid":"%019x"' % uid)
        lacking_bytes = _ENOUGH_BYTES - len(b"{,,,}") - len(between[0]) - len(between[1]) - len(between[2])
        parts: list[bytes] = []
        while lacking_bytes > _LONGEST_TAIL_BYTES:
            parts.append(run := runs[int(draw() * _POOL)])
            lacking_bytes -= len(run) + 1
        parts.append(tails[(lacking_bytes - 1) // _TAIL_STEP_BYTES][int(draw() * _TAILS)])
        for part in between:
            parts.insert(int(draw() * (len(parts) + 1)), part)
        yield b"{%b}" % b",".join(parts)


def _prepared(draw: Draw) -> tuple[list[bytes], list[bytes], list[list[bytes]]]:
    """Return prepared root members: any of them, joined by commas, form the inside of an object.

    Returns:
        _POOL single members, each a non-empty object or array; _POOL runs of flat members, each at least _RUN_BYTES
        long, by less than one member; and fillers for the end of a frame: at index i, _TAILS runs of flat members,
        each at least i + 1 steps of _TAIL_STEP_BYTES long, by less than one member.
    """
    nested = [_nested_member(draw).encode() for _ in range(_POOL)]
    runs = [_run(draw, _RUN_BYTES) for _ in range(_POOL)]
    steps_bytes = range(_TAIL_STEP_BYTES, _LONGEST_TAIL_BYTES + _TAIL_STEP_BYTES, _TAIL_STEP_BYTES)
    return nested, runs, [[_run(draw, enough_bytes) for _ in range(_TAILS)] for enough_bytes in steps_bytes]


def _run(draw: Draw, enough_bytes: int) -> bytes:
    """Return root members joined until they are long enough."""
    run = _member(draw).encode()
    while len(run) < enough_bytes:
        run += b"," + _member(draw).encode()
    return run


def _member(draw: Draw) -> str:
    return f'"{_one_of(_KEYS, draw)}":{_plain_value(draw)}'


def _nested_member(draw: Draw) -> str:
    """Return a root member that contains others; one that is too long for a frame is drawn again."""
    while True:
        written = f'"{_one_of(_KEYS, draw)}":{_nested_value(draw, 2)}'
        if len(written.encode()) <= _LONGEST_NESTED_BYTES:
            return written


def _nested_value(draw: Draw, depth: int) -> str:
    """Return a non-empty object or array; the deeper, the smaller."""
    size = 6 + int(draw() * 16) if depth == 2 else 1 + int(draw() * 12)
    if draw() < 0.5:
        return "[" + ",".join(_inner_value(draw, depth) for _ in range(size)) + "]"
    return "{" + ",".join(f'"{_inner_key(draw)}":{_inner_value(draw, depth)}' for _ in range(size)) + "}"


def _inner_key(draw: Draw) -> str:
    """Draw a nested key, often one that the root also has."""
    share = draw()
    if share < 0.09:
        return "ts"
    return "uid" if share < 0.18 else _one_of(_KEYS, draw)


def _inner_value(draw: Draw, depth: int) -> str:
    return _nested_value(draw, depth + 1) if depth < _DEEPEST and draw() < 0.07 else _plain_value(draw)


def _plain_value(draw: Draw) -> str:
    """Return a value that contains no other, in the shares of the real frames."""
    share = draw()
    if share < 0.63:
        return _one_of(_TEXTS, draw)
    if share < 0.69:
        return _one_of(_CYRILLIC_TEXTS, draw)
    if share < 0.79:
        return "{}"
    if share < 0.87:
        return "[]"
    if share < 0.91:
        return "true" if draw() < 0.5 else "false"
    return str(int(draw() * 256)) if share < 0.955 else _float(draw)


def _float(draw: Draw) -> str:
    """Return a float below 1 with six digits; one in twenty is small enough to need an exponent."""
    digits = 100_000 + int(draw() * 900_000)
    if draw() < 0.05:
        return f"{digits // 100_000}.{digits % 100_000:05d}e-05"
    return f"0.{digits}"
