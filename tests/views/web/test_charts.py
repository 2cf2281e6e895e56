"""The chart of a trend: its unit, its labels, and the changes that are sent to a browser."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.views.answers.trend import TrendRow
from metrics.views.web import charts
from metrics.views.web.charts import Picture, Row
from tests.examples import examples


def rows(*view_times: int, first_hour: int = 0) -> list[TrendRow]:
    return [
        TrendRow(f"2026-11-28T{hour:02}:00:00Z", view_time, 3, 2, 1)
        for hour, view_time in enumerate(view_times, first_hour)
    ]


def test_the_unit_of_view_time_fits_the_highest_bar() -> None:
    assert Picture.of("hour", rows(30, 90)).unit == (1, "s")
    assert Picture.of("hour", rows(30, 120)).unit == (60, "min")
    hours = Picture.of("hour", rows(30, 7_200))
    assert hours.unit == (3_600, "h")
    assert hours.rows[1] == ["2026-11-28T01:00:00Z", 2.0, 3, 2, 1, 7_200]
    assert hours.change_from(None).unit == "h"


def test_dates_are_labels_only_if_there_are_several_or_rows_are_days() -> None:
    midnight = TrendRow("2026-11-29T00:00:00Z", 0, 0, 0, 0)
    assert Picture.of("hour", rows(30, 30)).labels == "time"
    assert Picture.of("hour", [*rows(30), midnight]).labels == "both"
    assert Picture.of("day", [midnight]).labels == "date"


def test_ticks_are_at_round_times_and_few() -> None:
    assert Picture.of("minute", rows(*[0] * 4)).step == (1, "minute")
    assert Picture.of("hour", rows(*[0] * 24)).step == (240, "minute")
    assert [charts._step("minute", count) for count in (60, 360)] == [(10, "minute"), (60, "minute")]
    assert [charts._step("hour", count) for count in (5, 168, 744)] == [(60, "minute"), (2, "day"), (7, "day")]
    assert [charts._step("day", count) for count in (5, 31, 366, 3_653)] == [
        (1, "day"),
        (7, "day"),
        (3, "month"),
        (24, "month"),
    ]


def test_the_panels_have_the_same_left_edge() -> None:
    above, below = charts.options()["grid"]
    assert above["left"] == below["left"] > 0
    assert "containLabel" not in above | below  # it would move them


def test_the_two_hours_of_one_name_when_clocks_are_set_back_are_two_bars() -> None:
    twice = [TrendRow(f"2026-10-25T02:00:00+0{offset}:00", 30, 0, 0, 0) for offset in (2, 1)]
    assert {axis["type"] for axis in charts.options()["xAxis"]} == {"category"}
    assert len({row[0] for row in Picture.of("hour", twice).rows}) == 2


def test_a_new_value_is_sent_alone_and_old_rows_leave() -> None:
    before = Picture.of("hour", rows(60, 60, 60, 60))
    after = Picture.of("hour", rows(60, 60, 90, 30, first_hour=1))
    change = after.change_from(before)
    assert (change.keep_from, change.keep) == (1, 2)
    assert [row[5] for row in change.rows] == [90, 30]


def test_of_another_unit_or_range_no_row_is_kept_and_the_axes_change() -> None:
    before = Picture.of("hour", rows(60, 60))
    minutes = Picture.of("hour", rows(60, 600)).change_from(before)
    assert (minutes.keep, minutes.unit, len(minutes.rows)) == (0, "min", 2)
    days = Picture.of("day", rows(60, 60)).change_from(before)
    assert (days.labels, days.step) == ("date", [1, "day"])
    assert Picture.of("hour", rows(60, first_hour=7)).change_from(before).keep == 0
    assert before.change_from(None).keep == 0


def changed(shown: Sequence[Row], picture: Picture, before: Picture) -> Sequence[Row]:
    """Return the rows in a browser after a change, as `trends.js` makes it."""
    change = picture.change_from(before)
    return [*shown[change.keep_from :][: change.keep], *change.rows]


VIEW_TIMES = st.lists(st.integers(0, 3).map(lambda waypoints: waypoints * 30), max_size=6)


@settings(max_examples=examples(500))
@given(st.lists(st.tuples(st.integers(0, 4), VIEW_TIMES), max_size=6))
def test_after_any_changes_a_browser_shows_the_newest_picture(trends: list[tuple[int, list[int]]]) -> None:
    before = Picture.of("hour", [])
    shown: Sequence[Row] = before.rows
    for first_hour, view_times in trends:
        picture = Picture.of("hour", rows(*view_times, first_hour=first_hour))
        shown = changed(shown, picture, before)
        assert shown == picture.rows
        before = picture
