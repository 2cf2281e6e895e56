"""Pictures as charts: rows, marked areas, words, and what is sent when something is new."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.records import Record
from metrics.frames.results.read import Result
from metrics.frames.sizes import MINUTE, SECOND, Counts, Size
from metrics.frames.web import charts
from metrics.frames.web.charts import Change, Row
from metrics.frames.web.picture import Picture

T = 1468244340  # 2016-07-11T13:39:00Z
QUARTER = Size("quarter", 900, Counts.USERS, "quarter_output_topic", "users-per-quarter", 8, 8)


def window(start: int, number: int, size: Size = SECOND, gap_s: int = 0) -> Result:
    return Result(Record(size, start, number, 2 * number, 2.5, gap_s), b"")


def marked(picture: Picture, kind: str) -> list[tuple[int, int, str]]:
    """Return the marked areas of one kind: begin and end by the beginning of the chart, and the words in them."""
    return [
        (begin["xAxis"] // 1000 - picture.begin, end["xAxis"] // 1000 - picture.begin, begin["name"])
        for begin, end in charts.areas(picture)
        if begin["itemStyle"]["color"] == f"var(--{kind})"
    ]


def taken_in(rows: Sequence[Row], change: Change) -> list[Row]:
    """Return a chart's rows after a change, as `charts.js` does it."""
    return [row for row in rows if change.begin_ms <= (row[0] or 0) < change.from_ms] + change.rows


def test_a_window_is_a_step_from_its_start_to_its_end() -> None:
    ms = T * 1000
    assert [*charts.rows(Picture.of(SECOND, [window(T, 3), window(T + 1, 5)]).steps)] == [
        [ms, 3, 2.5, 3, 3, 6, ms, ms + 1000],
        [ms + 1000, 5, 2.5, 5, 5, 10, ms + 1000, ms + 2000],
        [ms + 2000, 5, 2.5, 5, 5, 10, ms + 1000, ms + 2000],
        [ms + 2000, *7 * [None]],
    ]


def test_a_line_is_interrupted_by_a_gap() -> None:
    """Windows at 0 and 3 s: `▔▔    ▔▔`, each with its own end."""
    rows = [*charts.rows(Picture.of(SECOND, [window(T, 3), window(T + 3, 5)]).steps)]
    assert [(row[0] or 0) // 1000 - T for row in rows] == [0, 1, 1, 3, 4, 4]
    assert [row[1] for row in rows] == [3, 3, None, 5, 5, None]


def test_what_is_open_is_marked_up_to_event_time() -> None:
    results = [window(T + at, at) for at in range(100)]
    assert marked(Picture.of(SECOND, results, T + 106), "open") == [(100, 106, "")]
    for event_time in (None, T - 50, T + 100):
        assert marked(Picture.of(SECOND, results, event_time), "open") == []


def test_gaps_have_their_length_in_words_if_there_is_room_and_unread_windows_are_named_differently() -> None:
    """Minutes `0 1 _ 3 …gap of 2 h… 124`: one was not read, two hours had no frames."""
    starts = {0: 0, 1: 0, 3: 0, 124: 7200}
    results = [window(T + 60 * at, at, MINUTE, gap_s) for at, gap_s in starts.items()]
    picture = Picture.of(MINUTE, results, T + 125 * 60 + 30, 21_600)
    assert marked(picture, "gap") == [(120, 180, ""), (240, 7440, "no frames\n2 h")]
    assert charts.words(picture, T) == (
        "13:39:00 to 15:44:00 UTC: last 124 · mean 32.0 · 0 to 124 per minute. "
        "Newest: 124 users from 15:43:00 to 15:44:00; average so far 2.5. Open: 30 s, to 15:44:30. "
        "Last gap: no frames for 2 h, to 15:43:00."
    )


def test_a_gap_that_is_not_drawn_to_scale_is_a_break_of_the_axis_and_said_in_words() -> None:
    results = [window(T, 1), window(T + 7201, 2, SECOND, 7200)]
    picture = Picture.of(SECOND, results, None, 300)
    assert marked(picture, "gap") == []
    change = Change.between(None, picture)
    assert change.breaks == [{"start": (T + 1) * 1000, "end": (T + 7201) * 1000, "gap": charts.BREAK}]
    assert charts.caption(picture) == "last 2 · mean 1.5 · 1 to 2 per second · no frames for 2 h, not to scale"


def test_a_caption_says_what_a_step_is() -> None:
    results = [window(T + at, 5 * (at == 7)) for at in range(600)]
    assert (
        charts.caption(Picture.of(SECOND, results, None, 600))
        == "last 0 · mean 0.0 · 0 to 5 per second · drawn as means of 5 s"
    )


def test_an_axis_names_days_if_it_has_several() -> None:
    midnight = T - T % 86_400
    day = [window(midnight - 30 + at, 1) for at in range(30)]
    assert not Change.between(None, Picture.of(SECOND, day)).has_days
    assert Change.between(None, Picture.of(SECOND, [*day, window(midnight, 1)])).has_days


def test_recreated_topics_are_sent_entirely_and_empty_ones_clear_the_chart() -> None:
    before = Picture.of(SECOND, [window(T + at, at) for at in range(60)])
    rows = taken_in([], Change.between(None, before))
    recreated = Picture.of(SECOND, [window(T + 600, 1)])
    assert taken_in(rows, Change.between(before, recreated)) == [*charts.rows(recreated.steps)]
    nothing = Picture.of(SECOND, [], T + 600)
    assert taken_in(rows, Change.between(before, nothing)) == []
    assert charts.words(nothing, T) == "no closed windows in this range"


boards = st.lists(st.dictionaries(st.integers(0, 40), st.integers(0, 2), max_size=30), min_size=1, max_size=5)


@given(boards, st.sampled_from([None, 5_400, 21_600]))
def test_changes_always_lead_to_the_rows_of_the_newest_picture(
    boards: list[dict[int, int]], length_s: int | None
) -> None:
    rows: list[Row] = []
    before = None
    for live in boards:
        results = [window(T - T % 900 + 900 * at, number, QUARTER) for at, number in sorted(live.items())]
        picture = Picture.of(QUARTER, results, T, length_s)
        rows = taken_in(rows, Change.between(before, picture))
        assert rows == [*charts.rows(picture.steps)]
        before = picture


def test_a_further_size_of_windows_needs_no_chart_of_its_own() -> None:
    options = charts.options(QUARTER)
    assert [series["name"] for series in options["series"]] == ["users", charts.AVERAGE, charts.OPEN]
    assert "'user', 900" in options["tooltip"][":formatter"]


def test_colours_are_variables_and_never_the_only_distinction() -> None:
    options = charts.options(MINUTE)
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
