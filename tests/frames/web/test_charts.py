"""Results as charts: steps, gaps, what is open, and what is sent when something is new."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.records import Record
from metrics.frames.results.read import Result
from metrics.frames.sizes import MINUTE, SECOND, Counts, Size
from metrics.frames.web import charts
from metrics.frames.web.charts import Change, Picture, Row

T = 1468244340  # 2016-07-11T13:39:00Z
QUARTER = Size("quarter", 900, Counts.USERS, "quarter_output_topic", "users-per-quarter", 8, 8, 8)


def window(start: int, number: int, size: Size = SECOND, gap_s: int = 0) -> Result:
    return Result(Record(size, start, number, 2 * number, 2.5, gap_s), b"")


def shown(picture: Picture, areas: str) -> list[tuple[int, int, str]]:
    """Return the marked areas of one kind: begin and end by the beginning of the chart, and the words in them."""
    return [
        (begin["xAxis"] // 1000 - picture.begin, end["xAxis"] // 1000 - picture.begin, begin["name"])
        for begin, end in picture.areas()
        if begin["itemStyle"]["color"] == f"var(--{areas})"
    ]


def taken_in(rows: Sequence[Row], change: Change) -> list[Row]:
    """Return a chart's rows after a change, as `charts.js` does it."""
    return [row for row in rows if change.begin_ms <= (row[0] or 0) < change.from_ms] + change.rows


def test_a_window_is_a_step_from_its_start_to_its_end() -> None:
    ms = T * 1000
    assert [*charts.rows([window(T, 3), window(T + 1, 5)])] == [
        [ms, 3, 2.5, 6, ms],
        [ms + 1000, 5, 2.5, 10, ms + 1000],
        [ms + 2000, 5, 2.5, 10, ms + 1000],
        [ms + 2000, None, None, None, None],
    ]


def test_a_line_is_interrupted_by_a_gap() -> None:
    """Windows at 0 and 3 s: `▔▔    ▔▔`, each with its own end."""
    rows = [*charts.rows([window(T, 3), window(T + 3, 5)])]
    assert [(row[0] or 0) // 1000 - T for row in rows] == [0, 1, 1, 3, 4, 4]
    assert [row[1] for row in rows] == [3, 3, None, 5, 5, None]


def test_a_chart_covers_the_windows_that_it_shows_up_to_event_time() -> None:
    results = [window(T + at, at) for at in range(700)]
    picture = Picture.of(SECOND, results, T + 706)
    assert picture.results == results[100:]
    assert (picture.begin, picture.end) == (T + 100, T + 706)
    assert shown(picture, "open") == [(600, 606, "")]


def test_event_time_far_ahead_does_not_squeeze_the_closed_windows() -> None:
    picture = Picture.of(SECOND, [window(T, 1)], T + 1_000_000)
    assert picture.end == T + 1 + 90
    assert charts.words(picture, T).endswith("Open: 11 days 13 h, to 2016-07-23 03:25:40.")


def test_nothing_is_open_if_event_time_is_unknown_or_not_past_the_closed_windows() -> None:
    for event_time in (None, T - 50, T + 1):
        picture = Picture.of(SECOND, [window(T, 1)], event_time)
        assert picture.end == T + 1
        assert shown(picture, "open") == []


def test_a_gap_is_labelled_with_its_length_and_unread_windows_differently() -> None:
    """Minutes `0 1 _ 3 …gap of 2 h… 124 (open)`: one was not read, two hours had no frames."""
    starts = {0: 0, 1: 0, 3: 0, 124: 7200}
    results = [window(T + 60 * at, at, MINUTE, gap_s) for at, gap_s in starts.items()]
    picture = Picture.of(MINUTE, results, T + 125 * 60 + 30)
    first = T - picture.begin
    assert shown(picture, "gap") == [(first + 120, first + 180, ""), (first + 240, first + 7440, "no frames\n2 h")]
    assert charts.words(picture, T) == (
        "Newest: 124 users from 15:43:00 to 15:44:00; running average 2.5. Open: 30 s, to 15:44:30. "
        "Last gap: no frames for 2 h, to 15:43:00."
    )


def test_a_gap_that_begins_before_the_chart_is_labelled_with_its_whole_length() -> None:
    picture = Picture.of(SECOND, [window(T, 1), window(T + 7201, 2, SECOND, 7200)], None)
    assert len(picture.results) == 1
    assert shown(picture, "gap") == [(0, 599, "no frames\n2 h")]


def test_windows_that_are_not_kept_leave_the_beginning_of_the_chart_empty() -> None:
    assert shown(Picture.of(SECOND, [window(T, 1)], None), "gap") == []


def test_a_new_window_is_sent_with_the_one_before_it_and_no_other() -> None:
    before = [window(T + at, at) for at in range(600)]
    change = Picture.of(SECOND, [*before, window(T + 600, 7)], T + 602).change_from(Picture.of(SECOND, before, None))
    assert change.from_ms == (T + 599) * 1000
    assert [row[1] for row in change.rows] == [599, 7, 7, None]
    assert (change.begin_ms, change.end_ms) == ((T + 1) * 1000, (T + 602) * 1000)


def test_recreated_topics_are_sent_entirely_and_empty_ones_clear_the_chart() -> None:
    before = Picture.of(SECOND, [window(T + at, at) for at in range(600)], None)
    rows = taken_in([], before.change_from(None))
    recreated = Picture.of(SECOND, [window(T + 600, 1)], None)
    assert taken_in(rows, recreated.change_from(before)) == [*charts.rows(recreated.results)]
    nothing = Picture.of(SECOND, [], None)
    assert taken_in(rows, nothing.change_from(before)) == []
    assert charts.words(nothing, T) == "No closed windows yet."


boards = st.lists(st.dictionaries(st.integers(0, 40), st.integers(0, 2), max_size=30), min_size=1, max_size=5)


@given(boards)
def test_changes_always_lead_to_the_rows_of_the_newest_picture(boards: list[dict[int, int]]) -> None:
    rows: list[Row] = []
    before = None
    for live in boards:
        results = [window(T + 900 * at, number, QUARTER) for at, number in sorted(live.items())]
        picture = Picture.of(QUARTER, results, None)
        rows = taken_in(rows, picture.change_from(before))
        assert rows == [*charts.rows(picture.results)]
        before = picture


def test_a_further_size_of_windows_needs_no_chart_of_its_own() -> None:
    picture = Picture.of(QUARTER, [window(T, 12, QUARTER), window(T + 900, 15, QUARTER)], T + 2000)
    options = charts.options(picture)
    assert [series["name"] for series in options["series"]] == ["users", charts.AVERAGE, charts.OPEN]
    assert options["xAxis"]["max"] - options["xAxis"]["min"] == (8 * 900 + 200) * 1000
    assert "'user', 900" in options["tooltip"][":formatter"]
    assert charts.words(picture, T).startswith("Newest: 15 users from 13:54:00 to 14:09:00;")


def test_colours_are_variables_and_never_the_only_distinction() -> None:
    options = charts.options(Picture.of(MINUTE, [window(T, 1, MINUTE)], T + 90))
    count, average, open_ = options["series"]
    assert count["lineStyle"]["type"] != average["lineStyle"]["type"]
    assert [series["color"] for series in (count, average, open_)] == [
        "var(--count)",
        "var(--average)",
        "var(--open)",
    ]
    assert [at["name"] for at in options["legend"]["data"]] == [at["name"] for at in options["series"]]
    assert options["animation"] is False
    assert options["useUTC"] is True
