"""Whether a side was right: the comparison of what it published with a plain count."""

import json

import pytest

from benchmark.truth import Published, Recount, Truth, compare

M = 1_468_244_400  # 2016-07-11T13:40:00Z, the start of a minute


#   ts of the frames        M-2  M-1   M          M+1   …   M+7
#   due when M+7 was seen   yes  yes  yes         yes       no: it ends less than 5 s before
#   the minute before M     due: it ended 7 s before
FRAMES = [(M - 2, "a"), (M - 1, "b"), (M - 1, "a"), (M, "c"), (M + 1, "c"), (M + 1, "d"), (M + 7, "e")]
SECONDS = [(M - 2, 1), (M - 1, 2), (M, 1), (M + 1, 2)]
MINUTES = [(M - 60, 2)]


@pytest.fixture
def truth() -> Truth:
    recount = Recount()
    for ts, uid in FRAMES:
        recount.add(json.dumps({"uid": uid, "ts": ts}).encode())
    return recount.truth()


def compared(truth: Truth, seconds: list[tuple[int, int]], minutes: list[tuple[int, int]]) -> tuple[int, list[str]]:
    return compare(truth, (Published(*row) for row in seconds), (Published(*row) for row in minutes))


def test_records_equal_to_the_plain_count_are_right(truth: Truth) -> None:
    assert compared(truth, SECONDS, MINUTES) == (5, [])


def test_a_wrong_second_is_found(truth: Truth) -> None:
    _, problems = compared(truth, [(M - 2, 1), (M - 1, 3), (M, 1), (M + 1, 2)], MINUTES)
    assert problems == ["1 second wrong, the first 2016-07-11T13:39:59Z: 3 instead of 2"]


def test_a_wrong_minute_is_found(truth: Truth) -> None:
    _, problems = compared(truth, SECONDS, [(M - 60, 3)])
    assert problems == ["1 minute wrong, the first 2016-07-11T13:39:00Z: 3 instead of 2"]


def test_missing_windows_are_found(truth: Truth) -> None:
    _, problems = compared(truth, SECONDS[:2], [])
    assert problems == [
        "2 seconds missing, the first 2016-07-11T13:40:00Z: 1 expected",
        "1 minute missing, the first 2016-07-11T13:39:00Z: 2 expected",
    ]


def test_a_doubled_window_is_found_even_if_it_is_right_twice(truth: Truth) -> None:
    _, problems = compared(truth, [*SECONDS, (M, 1)], MINUTES)
    assert problems == ["1 second published more than once, the first 2016-07-11T13:40:00Z: [1, 1]"]


def test_windows_open_at_the_end_may_be_missing_but_not_wrong(truth: Truth) -> None:
    assert compared(truth, [*SECONDS, (M + 7, 1)], [*MINUTES, (M, 3)]) == (7, [])
    _, problems = compared(truth, [*SECONDS, (M + 7, 2)], [*MINUTES, (M, 2)])
    assert problems == [
        "1 second wrong, the first 2016-07-11T13:40:07Z: 2 instead of 1",
        "1 minute wrong, the first 2016-07-11T13:40:00Z: 2 instead of 3",
    ]


def test_zero_rows_for_empty_seconds_are_right_and_others_are_not(truth: Truth) -> None:
    assert compared(truth, [*SECONDS, (M + 2, 0)], MINUTES) == (5, [])
    _, problems = compared(truth, [*SECONDS, (M + 2, 1)], MINUTES)
    assert problems == ["1 second wrong, the first 2016-07-11T13:40:02Z: 1 instead of 0"]


def test_a_recount_forgets_the_users_of_past_minutes_but_not_their_number() -> None:
    recount = Recount()
    for minute in range(5):
        for user in range(minute + 1):
            recount.add(json.dumps({"uid": f"{user}", "ts": M + 60 * minute}).encode())
        recount.add(json.dumps({"uid": "late", "ts": M + 60 * minute - 1}).encode())
    assert recount.truth().minutes == {M - 60: 1, M: 2, M + 60: 3, M + 120: 4, M + 180: 5, M + 240: 5}
    with pytest.raises(AssertionError, match="late"):
        recount.add(json.dumps({"uid": "a", "ts": M}).encode())
