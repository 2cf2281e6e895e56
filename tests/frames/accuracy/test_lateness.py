"""Accuracy for each allowed lateness: answers worked out by hand, then against the plain reference."""

import random

import pytest

from metrics.frames.accuracy.lateness import Delay, Error, Lags, Tradeoff
from metrics.frames.core.state import Rules
from tests.reference import Sent, count_all

RULES = Rules(lateness_s=10, future_limit_s=300)

# Event time and the user of each frame, in the order in which they come:
#
#   600 a   601 b   602 c   601 d   605 e   600 f   660 g   659 h      670 i   600 a    600 j
#                           1 late          5 late          1 late,            70 late, 10 after its minute
#                                                           just after its minute
FRAMES = [
    (600, "a"),
    (601, "b"),
    (602, "c"),
    (601, "d"),
    (605, "e"),
    (600, "f"),
    (660, "g"),
    (659, "h"),
    (670, "i"),
    (600, "a"),
    (600, "j"),
]


def lags_of(frames: list[tuple[int, str]]) -> Lags:
    lags = Lags()
    lags.read((b'{"ts":%d,"uid":"%b"}' % (ts, uid.encode()) for ts, uid in frames), RULES)
    return lags


def test_without_lateness_every_frame_behind_is_missed_and_windows_close_with_the_next_frame() -> None:
    assert lags_of(FRAMES).tradeoff(0) == Tradeoff(
        lateness_s=0,
        late=5 / 11,
        lost=3 / 11,  # h, and the last a and j
        second=Error(missed=3, truth=4),  # f, a and j of second 600
        minute=Error(missed=2, truth=8),  # h and j; a had come before
        seconds_delay=Delay(2, 54),  # 600: 0, 601: 0, 602: 2, 605: 54, 660: 9
        minutes_delay=Delay(0, 0),
    )


def test_lateness_finds_frames_and_lets_windows_wait_for_the_next_frame_after_it() -> None:
    assert lags_of(FRAMES).tradeoff(5) == Tradeoff(
        lateness_s=5,
        late=2 / 11,
        lost=2 / 11,
        second=Error(missed=2, truth=4),
        minute=Error(missed=1, truth=8),  # j
        seconds_delay=Delay(54, 59),  # 600: 59, 601: 58, 602: 57, 605: 54, 659: 10, 660: 9
        minutes_delay=Delay(10, 10),
    )


def test_lateness_beyond_all_frames_is_exact_and_closes_nothing_before_the_end() -> None:
    found = lags_of(FRAMES).tradeoff(3600)
    assert (found.late, found.lost, found.second.missed, found.minute.missed) == (0, 0, 0, 0)
    assert (found.seconds_delay, found.minutes_delay) == (None, None)


def test_at_a_steady_rate_the_delay_is_the_lateness() -> None:
    lags = lags_of([(600 + number // 100, f"u{number}") for number in range(20_000)])
    assert lags.tradeoff(5).seconds_delay == Delay(5, 5)
    assert lags.tradeoff(5).minutes_delay == Delay(5, 5)


def test_what_is_no_frame_or_too_far_in_the_future_is_told_apart() -> None:
    lags = Lags()
    lags.read([b'{"ts":600,"uid":"a"}', b"no", b'{"ts":99999,"uid":"a"}', b'{"ts":600,"uid":"a"}'] * 2, RULES)
    assert (lags.frames, lags.refused) == (4, 4)


def test_a_file_without_frames_misses_nothing() -> None:
    assert lags_of([]).tradeoff(0) == Tradeoff(0, 0.0, 0.0, Error(0, 0), Error(0, 0), None, None)


@pytest.mark.parametrize("seed", range(30))
def test_every_lateness_misses_what_the_plain_reference_misses(seed: int) -> None:
    draw = random.Random(seed)
    newest, frames = 1_468_244_340, []
    for _ in range(300):
        newest += draw.choice([0, 0, 0, 1, 5, 40])
        frames.append((newest - draw.choice([0, 0, 0, 1, 4, 30, 70, 200]), draw.choice("abcdefgh")))
    lags, timeline = lags_of(frames), [Sent(ts, uid) for ts, uid in frames]
    truth = count_all({0: timeline}, lateness_s=10**6, gap_limit_s=0, guard_lateness_s=RULES.lateness_s)
    for lateness_s in (0, 1, 5, 60, 1000):
        answer = count_all({0: timeline}, lateness_s=lateness_s, gap_limit_s=0, guard_lateness_s=RULES.lateness_s)
        found = lags.tradeoff(lateness_s)
        assert found.late == answer.late / 300
        assert found.lost == (answer.late - answer.late_in_minute) / 300
        seconds = {start: count for start, count, *_ in answer.seconds}
        assert found.second.missed == max(count - seconds.get(start, 0) for start, count, *_ in truth.seconds)
        minutes = {start: users for start, users, *_ in answer.minutes}
        assert found.minute.missed == max(users - minutes.get(start, 0) for start, users, *_ in truth.minutes)
