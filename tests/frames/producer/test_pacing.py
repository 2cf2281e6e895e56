"""When frames are due, by a clock that is an argument."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

import pytest

from metrics.frames.core.shape import Shape
from metrics.frames.producer.pacing import EvenPace, OwnPace, Pace
from metrics.frames.producer.timestamps import WrittenTimes

TIMES = WrittenTimes(Shape())


def sent_at(pace: Pace, frames: Iterable[bytes], stalls_s: Mapping[int, float] | None = None) -> list[float]:
    """Return when each frame is sent by who waits until it is due; before some, something else takes long."""
    now_s, times_s = 1000.0, []
    for number, frame in enumerate(frames):
        now_s += (stalls_s or {}).get(number, 0.0)
        now_s = max(now_s, pace.due_s(frame, now_s))
        times_s.append(now_s - 1000.0)
    return times_s


def at(*times: object) -> list[bytes]:
    return [f'{{"ts":{ts},"uid":"a"}}'.encode() for ts in times]


def test_slow_frames_are_sent_one_by_one() -> None:
    assert sent_at(EvenPace(0.5), [b""] * 4) == [0.0, 2.0, 4.0, 6.0]


def test_fast_frames_are_sent_in_slices_of_what_is_due_in_a_hundredth_of_a_second() -> None:
    times_s = sent_at(EvenPace(200), [b""] * 5)
    assert times_s == pytest.approx([0.0, 0.0, 0.01, 0.01, 0.02])


def test_a_feed_that_falls_behind_catches_up_at_twice_the_pace_until_the_rate_is_right() -> None:
    """0 to 1 s: as scheduled; 1 s of nothing; then slices of 10 every 5 ms, until at 3 s all is made up for."""
    times_s = sent_at(EvenPace(1000), [b""] * 5000, {1000: 1.0})
    slices_s = times_s[::10]
    assert all(times_s[number] == times_s[number - number % 10] for number in range(5000))
    gaps_s = [later - earlier for earlier, later in pairwise(slices_s)]
    assert min(gaps_s) == pytest.approx(0.005)
    assert max(gaps_s) == pytest.approx(1.0, abs=0.02)
    assert times_s[2000] == pytest.approx(2.0 + 0.5, abs=0.02)
    assert times_s[3100:] == pytest.approx([number // 10 / 100 for number in range(3100, 5000)])


def test_frames_are_sent_at_the_pace_of_their_ts_at_any_speed() -> None:
    assert sent_at(OwnPace(TIMES, 1.0), at(50, 50, 51, 60)) == [0.0, 0.0, 1.0, 10.0]
    assert sent_at(OwnPace(TIMES, 60.0), at(0, 30, 3600)) == [0.0, 0.5, 60.0]
    assert sent_at(OwnPace(TIMES, 1.0), at(50.25, '"51"', 51.5)) == pytest.approx([0.0, 0.75, 1.25])


def test_a_ts_that_goes_back_is_sent_at_once_and_one_that_cannot_be_read_with_the_one_before() -> None:
    frames = [b"no JSON", *at(50, 55), b"", *at(-1, "null", 52, 56)]
    assert sent_at(OwnPace(TIMES, 1.0), frames) == [0.0, 0.0, 5.0, 5.0, 5.0, 5.0, 5.0, 6.0]


def test_overdue_frames_are_sent_at_once() -> None:
    assert sent_at(OwnPace(TIMES, 1.0), at(50, 51, 52, 60), {1: 5.0}) == [0.0, 5.0, 5.0, 10.0]
