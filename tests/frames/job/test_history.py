"""How tallies differ, and how long seconds have been open; monotonic time begins at 0."""

from metrics.frames.core.state import Tally
from metrics.frames.job.history import OpenSince


def test_what_is_late_or_rejected_since_another_tally_is_the_difference_of_each_reason() -> None:
    before = Tally(100, 80, 10, 5, 3, 0, {"late": 5, "not_json": 7})
    after = Tally(160, 120, 20, 9, 1, 0, {"late": 11, "not_json": 7, "no_ts": 12, "future": 0})
    assert after.since(before) == Tally(60, 40, 10, 4, -2, 0, {"late": 6, "no_ts": 12})
    assert after.since(before).wrong == 10 + 12


def test_a_stream_is_wrong_by_a_share_above_five_percent_but_not_by_one_or_two_frames() -> None:
    assert [Tally(100, 100 - wrong, rejected={"not_json": wrong}).is_wrong() for wrong in (0, 5, 6)] == [
        False,
        False,
        True,
    ]
    assert [Tally(wrong, 0, rejected={"not_json": wrong}).is_wrong() for wrong in (0, 1, 2, 3)] == [
        False,
        False,
        False,
        True,
    ]


def test_a_second_is_open_since_event_time_reached_it() -> None:
    #  wall time     0   1   2   3
    #  newest      100 105 105 110
    #  oldest      100 100 103 108
    since = OpenSince()
    assert since.add(0, newest=100, oldest=100) == 0
    assert since.add(1, newest=105, oldest=100) == 0
    assert since.add(2, newest=105, oldest=103) == 1
    assert since.add(3, newest=110, oldest=108) == 3
    since.forget()
    assert since.add(4, newest=110, oldest=108) == 4


def test_a_second_that_event_time_has_not_reached_is_open_since_now() -> None:
    #  wall time     0   1   2   3       a frame of 300 counts ahead of event time
    #  newest      100 100 299 300
    since = OpenSince()
    assert [since.add(now_s, newest, 300) for now_s, newest in enumerate((100, 100, 299, 300))] == [0, 1, 2, 3]
    assert since.add(4, newest=301, oldest=300) == 3


def test_a_clock_that_is_no_longer_considered_has_reached_nothing() -> None:
    #  wall time       0      1    2    3       a partition a day ahead is asked once, then it is paused
    #  newest        100  90000  102  103
    since = OpenSince()
    assert since.add(0, newest=100, oldest=100) == 0
    assert since.add(1, newest=90_000, oldest=101) == 1
    assert since.add(2, newest=102, oldest=102) == 2
    assert since.add(3, newest=103, oldest=102) == 2
