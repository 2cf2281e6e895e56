"""Thousands of histories by seed: disorder, wild timestamps, idle times, ends of the input, crashes and restarts.

A history that fails names its seed:
`SIMULATION_SEEDS=1234 pipenv run test tests/frames/core/test_simulation.py` replays it.
"""

import os
import random
from collections.abc import Callable, Iterable

import pytest

from tests.frames.core.simulation import Run
from tests.reference import Sent, Timeline

HISTORIES = pytest.mark.parametrize("histories", [2_000, pytest.param(8_000, marks=pytest.mark.long)])
DAY_S = 86_400
NOW_S = 1_800_000_000  # when history is fed


def timeline(draw: random.Random) -> Timeline:
    """Draw the frames of one partition: dense or sparse, of few users or many, its records' timestamps true or not."""
    stamped = draw.choice([lambda at: at + 0.4, lambda _: NOW_S, lambda _: None, lambda at: at / 1000, own_clock(draw)])
    steps = draw.choice([[0], [0, 0, 1], [0, 1, 2, 5, 6, 70], [10], [0, 0, 60], [0, 1, 250, 4000], [4000, 2 * DAY_S]])
    delays = draw.choice([[0], [0, 0, 0, 1, 5], [0, 60], [0, 0, 4, 6, 30, 66, 100]])
    wildness, users = draw.choice([0, 0, 0.05, 0.3]), draw.choice(["a", "ab", "abcdef"])
    newest = 1468244340 + draw.randint(0, 90)
    frames: list[Sent] = []
    number = draw.choice([0, 1, 2, 3, 8, 30])
    while len(frames) < number:
        newest += draw.choice(steps)
        uid, ahead_s = draw.choice(users), 0
        if draw.random() < wildness:
            ahead_s = draw.choice([4, 6, 8, 60, 300, 301, 600, 3_600, DAY_S, 2**25, 10**10])
        for _ in range(draw.choice([1, 1, 3, 22]) if ahead_s else 1):
            ts = newest - draw.choice(delays) + ahead_s
            frames.append(Sent(ts, uid, stamped(newest)))
    return frames


def own_clock(draw: random.Random) -> Callable[[float], float | None]:
    """Return timestamps that now and then are missing, seconds, or of a clock that is wrong."""
    return lambda at: draw.choice([at, at, at, None, at / 1000, at + 600, at + DAY_S, at - DAY_S])


def live_through(seed: int) -> Run:
    """Read one history to its end, however it is interrupted, and compare with the plain reference."""
    draw = random.Random(seed)
    crash_probability = draw.choice([0, 0.02, 0.1, 0.5])
    idleness = draw.choice([0, 0, 0.2])

    def crashes() -> bool:
        return draw.random() < crash_probability

    partitions = draw.randint(1, 3)
    run = Run({partition: timeline(draw) for partition in range(partitions)}, crashes, draw.randint(1, partitions))
    most = draw.choice([1, 3, 10])
    while (unread := list(run.unread())) or run.existing < partitions:
        if not unread or (run.existing < partitions and draw.random() < 0.05):
            run.add_partition()
        elif draw.random() < idleness:
            run.idle(draw.choice(list(run.counter.partitions)), for_s=draw.choice([0, 3, 60, 1000]))
        elif draw.random() < idleness / 5:
            run.end()
        else:
            run.batch(draw.choice(unread), draw.randint(1, most))
        if crashes():
            run.start()
        elif draw.random() < 0.7:
            run.commit()
    run.end_for_good()
    run.check()
    return run


def seeds(histories: int) -> Iterable[int]:
    chosen = os.environ.get("SIMULATION_SEEDS")
    return map(int, chosen.split(",")) if chosen else range(histories)


@HISTORIES
def test_every_history_gives_the_reference_answer(histories: int) -> None:
    failures: dict[int, Exception] = {}
    for seed in seeds(histories):
        try:
            live_through(seed)
        except Exception as error:
            failures[seed] = error
    if failures:
        shown = ",".join(map(str, list(failures)[:10]))
        first = next(iter(failures.values()))
        pytest.fail(f"{len(failures)} histories fail; replay by SIMULATION_SEEDS={shown}\n{first!r}")
