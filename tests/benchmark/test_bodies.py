"""Frames of any size: exactly as large, and of what they are asked to be."""

import json
from itertools import islice

import pytest

from benchmark import bodies
from benchmark.bodies import LARGEST_DELAY_S, SMALLEST_BYTES, START_TS, Recipe


def some(recipe: Recipe, number: int) -> list[bytes]:
    return list(islice(bodies.frames(recipe), number))


@pytest.mark.parametrize("size_bytes", [SMALLEST_BYTES, 200, 500, 2_080, 20_000])
def test_every_frame_has_exactly_its_size_and_one_ts_and_uid_in_the_root(size_bytes: int) -> None:
    for frame in some(Recipe(size_bytes=size_bytes, users=10), 200):
        assert len(frame) == size_bytes
        keys = [key for key, _ in json.loads(frame, object_pairs_hook=list)]
        assert keys.count("ts") == keys.count("uid") == 1


def test_frames_cannot_be_smaller_than_what_they_must_hold() -> None:
    with pytest.raises(ValueError, match="at least"):
        bodies.bodies(SMALLEST_BYTES - 1)


def test_large_frames_have_nested_members_and_differ() -> None:
    frames = some(Recipe(), 100)
    assert len(set(frames)) == 100
    assert any(isinstance(value, dict) and value for frame in frames for value in json.loads(frame).values())


def test_event_time_goes_by_the_rate_and_delays_by_their_share() -> None:
    #  10 frames/s: frame 0-9 second 0, 10-19 second 1, …
    in_order = [json.loads(frame)["ts"] for frame in some(Recipe(size_bytes=200, rate=10, delayed_share=0), 30)]
    assert in_order == [START_TS + number // 10 for number in range(30)]
    disordered = [json.loads(frame)["ts"] for frame in some(Recipe(size_bytes=200, rate=10, delayed_share=0.2), 5_000)]
    delays = [START_TS + number // 10 - ts for number, ts in enumerate(disordered)]
    assert set(delays) == set(range(LARGEST_DELAY_S + 1))
    assert 0.18 < sum(delay > 0 for delay in delays) / len(delays) < 0.22


def test_users_are_as_many_as_asked_and_equal_recipes_give_equal_frames() -> None:
    recipe = Recipe(size_bytes=200, users=7)
    frames = some(recipe, 500)
    assert len({json.loads(frame)["uid"] for frame in frames}) == 7
    assert some(recipe, 300) == frames[:300]
