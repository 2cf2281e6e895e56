"""Accuracy for each allowed lateness: answers worked out by hand, then against the plain reference."""

import random

import pytest

from metrics.frames.accuracy.lateness import Delay, Error, Lags, Tradeoff
from metrics.frames.core.state import Rules
from metrics.frames.sizes import MINUTE, SECOND
from tests.frames.further_sizes import HOUR, QUARTER, added
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


def test_without_lateness_every_older_frame_is_missed_and_windows_close_with_the_next_frame() -> None:
    assert lags_of(FRAMES).tradeoff(0) == Tradeoff(
        lateness_s=0,
        late=5 / 11,
        lost=3 / 11,  # h, and the last a and j
        worst={
            SECOND: Error(missed=3, truth=4),  # f, a and j of second 600
            MINUTE: Error(missed=2, truth=8),  # h and j; a had come before
        },
        delays={
            SECOND: Delay(2, 54),  # 600: 0, 601: 0, 602: 2, 605: 54, 660: 9
            MINUTE: Delay(0, 0),
        },
    )


def test_lateness_finds_frames_and_lets_windows_wait_for_the_next_frame_after_it() -> None:
    assert lags_of(FRAMES).tradeoff(5) == Tradeoff(
        lateness_s=5,
        late=2 / 11,
        lost=2 / 11,
        worst={
            SECOND: Error(missed=2, truth=4),
            MINUTE: Error(missed=1, truth=8),  # j
        },
        delays={
            SECOND: Delay(54, 59),  # 600: 59, 601: 58, 602: 57, 605: 54, 659: 10, 660: 9
            MINUTE: Delay(10, 10),
        },
    )


def test_lateness_beyond_all_frames_is_exact_and_closes_nothing_before_the_end() -> None:
    found = lags_of(FRAMES).tradeoff(3600)
    assert (found.late, found.lost, found.worst[SECOND].missed, found.worst[MINUTE].missed) == (0, 0, 0, 0)
    assert found.delays == {SECOND: None, MINUTE: None}


def test_at_a_steady_rate_the_delay_is_the_lateness() -> None:
    lags = lags_of([(600 + number // 100, f"u{number}") for number in range(20_000)])
    assert lags.tradeoff(5).delays == {SECOND: Delay(5, 5), MINUTE: Delay(5, 5)}


def test_lines_that_are_not_frames_or_too_far_in_the_future_are_counted_separately() -> None:
    lags = Lags()
    lags.read([b'{"ts":600,"uid":"a"}', b"no", b'{"ts":99999,"uid":"a"}', b'{"ts":600,"uid":"a"}'] * 2, RULES)
    assert (lags.frames, lags.refused) == (4, 4)


def test_a_file_without_frames_misses_nothing() -> None:
    nothing = Error(0, 0)
    found = lags_of([]).tradeoff(0)
    assert found == Tradeoff(0, 0.0, 0.0, {SECOND: nothing, MINUTE: nothing}, {SECOND: None, MINUTE: None})


def test_further_sizes_are_measured_too() -> None:
    #  quarters begin at 0 and 900, the hour at 0:   a@895  c@904 | d@890  a@20: 4 s after their quarter, in the hour
    with added(QUARTER, HOUR):
        found = lags_of([(895, "a"), (904, "c"), (890, "d"), (20, "a")]).tradeoff(0)
    assert found.lost == 0
    assert found.worst[QUARTER] == Error(missed=2, truth=3)
    assert found.worst[HOUR] == Error(missed=0, truth=3)
    assert (found.delays[QUARTER], found.delays[HOUR]) == (Delay(4, 4), None)


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
        assert found.worst[SECOND].missed == max(count - seconds.get(start, 0) for start, count, *_ in truth.seconds)
        minutes = {start: users for start, users, *_ in answer.minutes}
        assert found.worst[MINUTE].missed == max(users - minutes.get(start, 0) for start, users, *_ in truth.minutes)
