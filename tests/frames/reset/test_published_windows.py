"""The windows that a topic holds, against a dict of them, and what a state that is set back goes on from."""

from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.core.windows import Series
from metrics.frames.records import Deleted, OfWindow, Published
from metrics.frames.reset.published_windows import First, Sum, WindowsThere, going_on

T = 1468281540  # 2016-07-11T23:59:00Z, so that windows lie in two days


def second(start: int, number: int, gap_s: int = 0) -> Published:
    return Published(T + start, number, 0.0, gap_s, number)


def there(*records: OfWindow) -> WindowsThere:
    windows = WindowsThere(1)
    for record in records:
        windows.add(record)
    return windows


@given(
    st.lists(st.tuples(st.integers(0, 120), st.one_of(st.none(), st.integers(0, 9)), st.integers(0, 3))),
    st.integers(0, 125),
)
def test_of_windows_published_more_than_once_the_last_record_counts(
    records: list[tuple[int, int | None, int]], start: int
) -> None:
    plain: dict[int, tuple[int, int]] = {}
    for at, number, gap_s in records:
        plain.pop(at, None)
        if number is not None:
            plain[at] = (number, gap_s)
    windows = there(
        *(Deleted(T + at) if number is None else second(at, number, gap_s) for at, number, gap_s in records)
    )
    before = sorted(at for at in plain if at < start)
    behind = sorted(at for at in plain if at >= start)
    last = T + before[-1] if before else -1
    assert windows.before(T + start) == Sum(len(before), sum(plain[at][0] for at in before), last)
    assert windows.first_from(T + start) == (First(T + behind[0], plain[behind[0]][1]) if behind else None)
    assert windows.all().windows == len(plain)
    assert windows.holds(T + start) == (start in plain)


def test_where_records_lack_that_were_published_nothing_is_known() -> None:
    before = Series(T + 3, 4, 4, T + 60)
    assert going_on(there(second(0, 1), second(2, 1)), before, before, T + 2, is_whole=True) is None


def test_windows_that_were_skipped_stay_so_and_what_the_frames_say_of_them_tells_where_gaps_begin() -> None:
    #  published 0 and 1; skipped 2 to 9, of which 7 has frames; then 10 | 8
    windows = there(second(0, 1), second(1, 3), second(10, 1))
    by_frames, before = Series(T + 7, 8, 9, T + 8), Series(T + 10, 3, 5, T + 11)
    assert going_on(windows, by_frames, before, T + 8, is_whole=True) == Series(T + 7, 2, 4, T + 8)
    assert going_on(windows, Series(), before, T + 8, is_whole=False) == Series(T + 7, 2, 4, T + 8)
    assert going_on(windows, Series(), before, T + 6, is_whole=False) == Series(T + 5, 2, 4, T + 6)


def test_a_gap_that_the_record_behind_it_tells_of_was_not_skipped() -> None:
    windows = there(second(0, 1), second(1, 3), second(10, 1, gap_s=8))
    by_frames, before = Series(T + 7, 8, 9, T + 8), Series(T + 10, 3, 5, T + 11)
    assert going_on(windows, by_frames, before, T + 8, is_whole=True) == Series(T + 1, 2, 4, T + 8)


def test_records_of_a_run_that_was_set_back_count_as_long_as_they_are_there() -> None:
    windows = there(*(second(at, 1) for at in range(20)))
    before = Series(T + 9, 10, 10, T + 10)  # set back to 10, and then forward
    after = Series(-1, 0, 0, T + 60)  # as of minutes, where none was published before 10
    assert going_on(windows, after, before, T + 60, is_whole=True, is_ahead=True) == Series(T + 59, 20, 20, T + 60)
