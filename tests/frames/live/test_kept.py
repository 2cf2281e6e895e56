"""The newest windows of one size, by event time."""

from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.core.windows import SECOND_S
from metrics.frames.live.kept import Kept
from tests.frames.live.results import T, minute, second, starts


def kept_of(*offsets: int, keep: int = 3) -> Kept:
    kept = Kept(SECOND_S, keep)
    for offset in offsets:
        kept.add(second(T + offset))
    return kept


def offsets(kept: Kept) -> list[int]:
    return [start - T for start in starts(kept.newest(100))]


def test_the_newest_windows_of_event_time_are_kept() -> None:
    assert offsets(kept_of(0, 1, 2, 3)) == [1, 2, 3]


def test_a_gap_counts_as_event_time() -> None:
    """Three seconds are kept: 5, 6 and 7, of which 6 is missing."""
    assert offsets(kept_of(0, 1, 5, 7)) == [5, 7]


def test_a_window_that_comes_late_is_put_where_it_belongs() -> None:
    assert offsets(kept_of(2, 0, 1)) == [0, 1, 2]


def test_a_window_that_is_too_old_is_not_kept() -> None:
    kept = kept_of(10)
    assert not kept.add(second(T + 7))
    assert kept.add(second(T + 8))
    assert offsets(kept) == [8, 10]


def test_of_a_window_that_was_published_again_the_last_record_is_kept() -> None:
    kept = kept_of(0, 1)
    assert kept.holds_not(second(T, 7))
    kept.add(second(T, 7))
    assert not kept.holds_not(second(T, 7))
    assert [result.window.number for result in kept.newest(10)] == [7, 1]


def test_between_are_the_windows_that_lie_in_the_range_as_a_whole() -> None:
    kept = Kept(60, 100)
    for number in range(4):
        kept.add(minute(T + 60 * number))
    assert starts(kept.between(T + 1, T + 180)) == [T + 60, T + 120]
    assert starts(kept.between(T, T + 179)) == [T, T + 60]
    assert starts(kept.between(T, T + 59)) == []
    assert starts(kept.between(0, 10**11)) == [T, T + 60, T + 120, T + 180]


def test_after_a_start_come_the_oldest_windows_first() -> None:
    kept = kept_of(0, 1, 2)
    assert starts(kept.after(T, 1)) == [T + 1]
    assert starts(kept.after(-1, 2)) == [T, T + 1]
    assert starts(kept.after(T + 2, 2)) == []


def test_the_newest_are_at_most_as_many_as_asked_for() -> None:
    kept = kept_of(0, 1, 2)
    assert starts(kept.newest(2)) == [T + 1, T + 2]
    assert starts(kept.newest(0)) == []


def test_its_ends_are_known() -> None:
    assert (kept_of().first_start, kept_of().last_start) == (None, None)
    assert (kept_of(0, 1).first_start, kept_of(0, 1).last_start) == (T, T + 1)


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(1, 20))
def test_whatever_comes_in_whatever_order_it_keeps_what_a_plain_reference_keeps(coming: list[int], keep: int) -> None:
    kept = Kept(SECOND_S, keep)
    reference: dict[int, int] = {}
    for number, offset in enumerate(coming):
        kept.add(second(T + offset, number))
        reference[T + offset] = number
        reference = {at: frames for at, frames in reference.items() if at > max(reference) - keep}
        assert len(kept) <= keep
    assert {result.window.start: result.window.number for result in kept.newest(1000)} == reference
    assert starts(kept.newest(1000)) == sorted(reference)


def test_ten_thousand_windows_hold_no_more_memory_than_those_that_are_kept() -> None:
    kept = kept_of(*range(10_000), keep=600)
    assert len(kept) == len(kept._by_start) == len(kept._starts) == 600
