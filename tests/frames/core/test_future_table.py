"""What wrong timestamps cost, kind by kind; docs/future-guard.md shows the table.

Ten users send a frame a second each, from T to T + 99, and LATENESS_S is 5. Something is wrong with frames of one user.
"""

from collections import Counter as Tallied
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from metrics.frames.core.counter import Counter
from metrics.frames.core.state import Rules, State
from metrics.frames.sizes import SECOND
from tests.frames.core.message import message
from tests.reference import Sent

T = 1468244340
RULES = Rules(lateness_s=5, future_limit_s=300)
DOCS = Path(__file__).resolve().parents[3] / "docs/future-guard.md"

Stamp = Callable[[int], float | None]
STAMPS: dict[str, Stamp] = {
    "live": lambda now: now + 0.3,
    "none": lambda _: None,
    "constant": lambda _: T + 400_000_000,
    "in seconds": lambda now: now / 1000,
    "a year off": lambda now: now - 31_536_000,
}


class Outcome(NamedTuple):
    """What became of a stream.

    Attributes:
        wrong: frames whose ts is wrong.
        right_lost: frames with a right ts that are not counted in their second.
        late: frames that came late for their second.
        future: frames rejected as too far ahead.
        most_held: the most frames that waited for proof at a time.
    """

    wrong: int
    right_lost: int
    late: int
    future: int
    most_held: int


def dense(errors: Mapping[tuple[int, int], Sequence[int]], stamp: Stamp) -> list[tuple[Sent, bool]]:
    """Return the frames of the stream and whether each is right; what some send, by second and user, is put in."""
    return [
        (Sent(ts, f"u{user}", stamp(T + second)), ts == T + second)
        for second in range(100)
        for user in range(10)
        for ts in errors.get((second, user), [T + second])
    ]


def outcome(frames: Iterable[tuple[Sent, bool]]) -> Outcome:
    """Count frames one by one, and compare with those that are right."""
    counter = Counter(State.fresh({0: 0}, RULES), RULES, gap_limit_s=0, now_s=0)
    counter.resume()
    partition = counter.partitions[0]
    right: Tallied[int] = Tallied()
    counted: Tallied[int] = Tallied()
    wrong = most_held = 0
    for offset, (sent, is_right) in enumerate(frames):
        partition.count([message(offset, *sent)])
        partition.read_to(offset + 1, 0)
        most_held = max(most_held, len(partition.guard.held))
        counted.update({at.start: at.frames for at in counter.close(0) if at.size is SECOND})
        if is_right:
            right[sent.ts] += 1
        wrong += not is_right
    counter.resolve()
    counted.update({at.start: at.frames for at in counter.close_all() if at.size is SECOND})
    lost = sum((right - counted).values())
    return Outcome(wrong, lost, counter.tally().late, counter.tally().future, most_held)


def at_50(ts: int, frames: int = 1) -> dict[tuple[int, int], Sequence[int]]:
    return {(50, 3): [ts] * frames}


def changed_digits(ts: int) -> list[int]:
    """Return what a ts becomes where one of its digits is another."""
    digits = str(ts)
    return [
        int(digits[:place] + other + digits[place + 1 :])
        for place in range(len(digits))
        for other in "0123456789"
        if other != digits[place]
    ]


HOURS = [hours * 3600 for hours in (*range(-14, 0), *range(1, 15))]
KINDS: dict[str, list[dict[tuple[int, int], Sequence[int]]]] = {
    "one frame, any single bit of 0 to 40 flipped": [at_50((T + 50) ^ 1 << bit) for bit in range(41)],
    "one frame, any single digit changed": [at_50(ts) for ts in changed_digits(T + 50)],
    "one frame, off by ±1 to ±14 hours": [at_50(T + 50 + offset_s) for offset_s in HOURS],
    "one frame in milliseconds": [at_50((T + 50) * 1000)],
    "one frame in thousands of seconds": [at_50((T + 50) // 1000)],
    "three frames of one user in a row, off by 1 minute to 1 year": [
        at_50(T + 50 + ahead_s, 3) for ahead_s in (60, 300, 301, 600, 3_600, 86_400, 31_536_000)
    ],
    "one user of ten, 10 min fast from the middle on": [{(second, 3): [T + second + 600] for second in range(50, 100)}],
    "one user of ten, 10 min fast from the start on": [{(second, 3): [T + second + 600] for second in range(100)}],
    "the first frame of all, any single bit of 0 to 40 flipped": [{(0, 0): [T ^ 1 << bit]} for bit in range(41)],
}


@cache
def costs(kind: str, stamps: str) -> Outcome:
    """Return the worst that the errors of a kind do."""
    outcomes = [outcome(dense(errors, STAMPS[stamps])) for errors in KINDS[kind]]
    return Outcome(*map(max, zip(*outcomes, strict=True)))


@pytest.mark.parametrize("stamps", STAMPS)
@pytest.mark.parametrize("kind", KINDS)
def test_wrong_timestamps_cost_no_right_frame(kind: str, stamps: str) -> None:
    worst = costs(kind, stamps)
    assert (worst.right_lost, worst.late <= worst.wrong) == (0, True)


def test_right_frames_are_all_counted_whatever_the_timestamps_of_their_records() -> None:
    for stamp in STAMPS.values():
        assert outcome(dense({}, stamp))[:4] == (0, 0, 0, 0)


@pytest.mark.parametrize("every_s", [10, 60])
@pytest.mark.parametrize(
    ("stamps", "users", "most_held"), [("live", "abc", 0), ("live", "a", 0), ("none", "abc", 2), ("none", "a", 20)]
)
def test_a_sparse_stream_loses_nothing_and_waits_no_longer_than_the_rule_says(
    every_s: int, stamps: str, users: str, most_held: int
) -> None:
    times = range(T, T + 100 * every_s, every_s)
    frames = [(Sent(now, users[at % len(users)], STAMPS[stamps](now)), True) for at, now in enumerate(times)]
    assert outcome(frames) == Outcome(0, 0, 0, 0, most_held)


@pytest.mark.parametrize("stamps", STAMPS)
def test_of_two_populations_a_minute_apart_no_frame_is_rejected_as_future(stamps: str) -> None:
    #  u0 … u4 send at once, u5 … u9 a minute later
    late = {(second, user): [T + second - 60] for second in range(100) for user in range(5, 10)}
    assert outcome(dense(late, STAMPS[stamps])).future == 0


def test_a_device_that_stamps_its_own_records_by_a_fast_clock_is_believed() -> None:
    """What the log cannot tell from a quiet time of ten minutes; LogAppendTime can, see docs/future-guard.md."""
    frames = [
        (Sent(*sent[:2], sent.ts + 0.3), is_right)
        for sent, is_right in dense({(second, 3): [T + second + 600] for second in range(50, 100)}, STAMPS["live"])
    ]
    assert outcome(frames).right_lost > 400


def test_the_table_in_the_docs_is_what_was_measured() -> None:
    rows = ["| wrong frames | wrong | right frames lost | most frames held at a time |", "|---|--:|--:|--:|"]
    for kind in KINDS:
        worst = Outcome(*map(max, zip(*(costs(kind, stamps) for stamps in STAMPS), strict=True)))
        rows.append(f"| {kind} | {worst.wrong} | {worst.right_lost} | {worst.most_held} |")
    table = "\n".join(rows)
    assert table in DOCS.read_text(), table
