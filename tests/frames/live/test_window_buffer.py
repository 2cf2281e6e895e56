"""The newest windows of one size, by event time."""

from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.live.window_buffer import WindowBuffer
from metrics.frames.sizes import SECOND
from metrics.time.moments import ALL_TIME
from tests.frames.live.results import T, minute, second, starts


def buffer_of(*offsets: int, keep: int = 3) -> WindowBuffer:
    buffer = WindowBuffer(SECOND.size_s, keep)
    for offset in offsets:
        buffer.add(second(T + offset))
    return buffer


def offsets(buffer: WindowBuffer) -> list[int]:
    return [start - T for start in starts(buffer.newest(100))]


def test_the_newest_windows_by_event_time_are_kept() -> None:
    assert offsets(buffer_of(0, 1, 2, 3)) == [1, 2, 3]


def test_a_gap_counts_as_event_time() -> None:
    """Three seconds are kept: 5, 6 and 7, of which 6 is missing."""
    assert offsets(buffer_of(0, 1, 5, 7)) == [5, 7]


def test_a_window_that_arrives_out_of_order_is_inserted_in_order() -> None:
    assert offsets(buffer_of(2, 0, 1)) == [0, 1, 2]


def test_a_window_that_is_too_old_is_not_kept() -> None:
    buffer = buffer_of(10)
    assert not buffer.add(second(T + 7))
    assert buffer.add(second(T + 8))
    assert offsets(buffer) == [8, 10]


def test_the_last_record_of_a_window_published_twice_is_kept() -> None:
    buffer = buffer_of(0, 1)
    assert buffer.lacks(second(T, 7))
    buffer.add(second(T, 7))
    assert not buffer.lacks(second(T, 7))
    assert [result.window.number for result in buffer.newest(10)] == [7, 1]


def test_between_returns_windows_entirely_within_the_range() -> None:
    buffer = WindowBuffer(60, 100)
    for number in range(4):
        buffer.add(minute(T + 60 * number))
    assert starts(buffer.between(T + 1, T + 180)) == [T + 60, T + 120]
    assert starts(buffer.between(T, T + 179)) == [T, T + 60]
    assert starts(buffer.between(T, T + 59)) == []
    assert starts(buffer.between(0, 10**11)) == [T, T + 60, T + 120, T + 180]


def test_windows_after_a_start_are_returned_oldest_first() -> None:
    buffer = buffer_of(0, 1, 2)
    assert starts(buffer.between(T + 1, ALL_TIME.end)) == [T + 1, T + 2]
    assert starts(buffer.between(0, ALL_TIME.end)) == [T, T + 1, T + 2]
    assert starts(buffer.between(T + 3, ALL_TIME.end)) == []


def test_newest_returns_at_most_the_requested_number() -> None:
    buffer = buffer_of(0, 1, 2)
    assert starts(buffer.newest(2)) == [T + 1, T + 2]
    assert starts(buffer.newest(0)) == []


def test_the_first_and_last_start_are_known() -> None:
    assert (buffer_of().first_start, buffer_of().last_start) == (None, None)
    assert (buffer_of(0, 1).first_start, buffer_of(0, 1).last_start) == (T, T + 1)


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(1, 20))
def test_it_keeps_the_same_windows_as_a_plain_reference_in_any_order(coming: list[int], keep: int) -> None:
    buffer = WindowBuffer(SECOND.size_s, keep)
    reference: dict[int, int] = {}
    for number, offset in enumerate(coming):
        buffer.add(second(T + offset, number))
        reference[T + offset] = number
        reference = {at: frames for at, frames in reference.items() if at > max(reference) - keep}
        assert len(buffer._starts) <= keep
    assert {result.window.start: result.window.number for result in buffer.newest(1000)} == reference
    assert starts(buffer.newest(1000)) == sorted(reference)


def test_windows_that_are_not_kept_take_no_memory() -> None:
    buffer = buffer_of(*range(10_000), keep=600)
    assert len(buffer._by_start) == len(buffer._starts) == 600
