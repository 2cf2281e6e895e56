"""The whole core against the plain reference: any disorder, any batches, any interleaving, crashes between batches."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.frames.core.simulation import Run
from tests.reference import Sent, Timeline


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Draw the frames of one partition: event time stays, steps on or jumps; frames are delayed, or stamped wrong."""
    newest = 1468244340 + draw(st.integers(0, 90))
    frames = []
    for _ in range(draw(st.integers(0, 25))):
        newest += draw(st.sampled_from([0, 0, 0, 1, 1, 2, 5, 6, 7, 50, 70, 200, 4000]))
        delay_s = draw(st.sampled_from([0, 0, 0, 1, 4, 5, 6, 7, 30, 66, 100]))
        recorded_at_s = draw(st.sampled_from([newest, newest, newest, None, newest + 600]))
        frames.append(Sent(newest - delay_s, draw(st.sampled_from("abcdef")), recorded_at_s))
    return frames


def read_in_any_way(drawn: list[Timeline], seed: int, crash_probability: float) -> None:
    """Read partitions by batches, commits and crashes that the seed draws, and compare with the plain reference."""
    draw = random.Random(seed)

    def crashes() -> bool:
        return draw.random() < crash_probability

    run = Run(dict(enumerate(drawn)), crashes)
    while unread := list(run.unread()):
        run.batch(draw.choice(unread), draw.randint(1, 5))
        if crashes():
            run.start()
        elif draw.random() < 0.7:
            run.commit()
    run.commit()
    run.start()
    run.end_for_good()
    run.check()


@settings(max_examples=examples(1_000), deadline=None)
@given(st.lists(timelines(), min_size=1, max_size=3), st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.5]))
def test_every_reading_gives_the_reference_answer(drawn: list[Timeline], seed: int, crash_probability: float) -> None:
    read_in_any_way(drawn, seed, crash_probability)
