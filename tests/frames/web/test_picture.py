"""What a chart shows of some windows: its range, steps, gaps, and what changes when a window is added."""

from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.records import Record
from metrics.frames.results.read import Result
from metrics.frames.sizes import MINUTE, SECOND, Counts, Size
from metrics.frames.web.picture import MAX_STEPS, Gap, Picture, Step

T = 1468244400  # 2016-07-11T13:40:00Z, a multiple of 300
QUARTER = Size("quarter", 900, Counts.USERS, "quarter_output_topic", "users-per-quarter", 8, 8)


def window(start: int, number: int, size: Size = SECOND, gap_s: int = 0) -> Result:
    return Result(Record(size, start, number, 2 * number, 2.5, gap_s), b"")


def seconds(begin: int, end: int) -> list[Result]:
    return [window(T + at, at) for at in range(begin, end)]


def test_an_axis_fits_the_data_up_to_event_time() -> None:
    picture = Picture.of(SECOND, seconds(0, 40), T + 43, 900)
    assert (picture.begin, picture.closed_through, picture.end, picture.step_s) == (T, T + 40, T + 43, 1)


def test_of_more_data_the_newest_of_the_range_are_shown_in_whole_steps() -> None:
    """Of 1,000 s, the newest 300 s are shown, in steps of 2 s; their first one begins at 698, not in its middle."""
    picture = Picture.of(SECOND, seconds(0, 999), None, 300)
    assert (picture.begin, picture.end, picture.step_s) == (T + 698, T + 999, 2)
    assert picture.steps[0] == Step(T + 698, T + 700, 2, 698.5, 698, 699, 2.5, 2 * (698 + 699))
    assert picture.steps[-1] == Step(T + 998, T + 999, 1, 998, 998, 998, 2.5, 2 * 998)


def test_event_time_far_ahead_does_not_squeeze_the_closed_windows() -> None:
    assert Picture.of(SECOND, seconds(0, 100), T + 1_000_000, 900).end == T + 100 + 15
    assert Picture.of(SECOND, [window(T, 1)], T + 1_000_000, 900).end == T + 1


def test_a_gap_is_shown_at_its_length_if_it_is_not_longer_than_the_range() -> None:
    """Seconds `0 … 9`, nothing for 200 s, and `210 … 219`, in a range of 300 s."""
    picture = Picture.of(SECOND, [*seconds(0, 10), window(T + 210, 1, gap_s=200), *seconds(211, 220)], None, 300)
    assert (picture.begin, picture.end) == (T, T + 220)
    assert (picture.gaps, picture.breaks) == ([Gap(T + 10, T + 210, 200)], [])


def test_a_gap_that_is_longer_than_the_range_takes_none_of_it() -> None:
    """100 s, a year without frames, 250 s: in a range of 300 s, the newest 50 s before the year are shown, too."""
    year = 31_536_000
    results = [*seconds(0, 100), window(T + 100 + year, 1, gap_s=year), *seconds(101 + year, 350 + year)]
    picture = Picture.of(SECOND, results, None, 300)
    assert (picture.begin, picture.end, picture.step_s) == (T + 50, T + 350 + year, 2)
    assert picture.breaks == [Gap(T + 100, T + 100 + year, year)]
    assert sum(step.windows for step in picture.steps) == 300


def test_of_all_that_is_kept_a_gap_longer_than_the_data_takes_no_room() -> None:
    results = [window(T, 1, MINUTE), window(T + 60, 2, MINUTE), window(T + 6_000, 3, MINUTE)]
    picture = Picture.of(MINUTE, results)
    assert (picture.begin, picture.end, picture.step_s) == (T, T + 6_060, 60)
    assert picture.breaks == [Gap(T + 120, T + 6_000, 0)]


def test_a_range_that_begins_in_a_gap_begins_there() -> None:
    """Seconds `0 … 9`, nothing for 200 s, `210 … 219`: a range of 205 s has 195 s of the gap."""
    picture = Picture.of(SECOND, [*seconds(0, 10), window(T + 210, 1, gap_s=200), *seconds(211, 220)], None, 205)
    assert picture.begin == T + 14  # 15 is in the middle of a step of 2 s
    assert [step.start for step in picture.steps][:1] == [T + 210]
    assert picture.gaps == [Gap(T + 10, T + 210, 200)]


def test_without_results_it_is_empty() -> None:
    assert Picture.of(SECOND, [], None, 300).steps == []
    assert Picture.of(SECOND, [], T, 300).end == T


def test_a_new_window_is_sent_with_the_step_before_it_and_no_other() -> None:
    before = Picture.of(SECOND, seconds(0, 600), None, 300)
    after = Picture.of(SECOND, seconds(0, 601), None, 300)
    assert [step.start - T for step in after.new_since(before)] == [598, 600]


def test_after_a_change_of_steps_all_are_sent() -> None:
    before, after = Picture.of(SECOND, seconds(0, 150), None, 300), Picture.of(SECOND, seconds(0, 151), None, 300)
    assert (before.step_s, after.step_s) == (1, 2)
    assert after.new_since(before) == after.steps == after.new_since(None)


histories = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 400), st.integers(0, 9)), min_size=1, max_size=6)


@given(histories, st.sampled_from([None, 300, 900, 3_600]))
def test_each_window_of_the_range_is_in_one_step_and_few_steps_are_shown(
    runs: list[tuple[int, int, int]], length_s: int | None
) -> None:
    """Against the plain sums: runs of windows, each after a gap of up to three hours."""
    results: list[Result] = []
    start = T
    for gap_h, length, number in runs:
        start += gap_h * 3_600
        results += [window(start + at, number + at % 3, gap_s=3_600 * gap_h * (at == 0)) for at in range(length)]
        start += length
    picture = Picture.of(SECOND, results, None, length_s)
    shown = [at.window for at in results if at.window.start >= picture.begin]
    assert sum(step.windows for step in picture.steps) == len(shown)
    assert sum(step.frames for step in picture.steps) == sum(at.frames for at in shown)
    assert round(sum(step.mean * step.windows for step in picture.steps), 6) == sum(at.number for at in shown)
    assert len(picture.steps) <= MAX_STEPS + 1 + len(runs)
    assert all(step.end - step.start <= picture.step_s for step in picture.steps)
    assert shown[-1] == results[-1].window
    if length_s is not None:
        drawn = picture.closed_through - picture.begin - sum(gap.length_s for gap in picture.breaks)
        assert drawn < length_s + picture.step_s


def test_a_further_size_of_windows_has_steps_of_its_own() -> None:
    start = T - T % 900
    picture = Picture.of(QUARTER, [window(start, 12, QUARTER), window(start + 900, 15, QUARTER)], start + 2000)
    assert [(step.start - start, step.mean) for step in picture.steps] == [(0, 12), (900, 15)]
    assert picture.step_s == 900
