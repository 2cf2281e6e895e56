"""The chart of a trend: options for ECharts, from rows alone. Colours are variables of `page.css`.

Above are bars of the view time, below are lines of the starts, stops and ends. The axis has categories, not times:
ECharts knows no time zones, and a day of 23 or 25 hours is one row like any other.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Literal, NamedTuple

from metrics.views.answers.trend import TrendRow
from metrics.views.core.trend import Per
from metrics.web import charts as shared
from metrics.wording.text import HOUR_S, MINUTE_S

KINDS = ("starts", "stops", "ends")
VIEW_TIME = "view time"
UNITS = ((2 * HOUR_S, HOUR_S, "h"), (2 * MINUTE_S, MINUTE_S, "min"), (0, 1, "s"))

MOST_TICKS = 6  # dates of all of them fit a phone
LEFT_PX = 52  # of both panels; the longest number of an axis is `12.5K`

Row = list[str | float]
Labels = Literal["date", "time", "both"]

_DASHES = {"starts": "solid", "stops": "dashed", "ends": "dotted"}
_ICONS = {  # as the lines are drawn
    "starts": "path://M0 4h32v4H0z",
    "stops": "path://M0 4h8v4H0zM12 4h8v4h-8zM24 4h8v4h-8z",
    "ends": "path://M0 4h4v4H0zM8 4h4v4H8zM16 4h4v4h-4zM24 4h4v4h-4z",
}


class Unit(NamedTuple):
    """The unit of an axis of view time."""

    seconds: int
    name: str


class TickStep(NamedTuple):
    """The distance of two ticks."""

    number: int
    unit: Literal["minute", "day", "month"]

    @property
    def minutes(self) -> int:
        """Its length, if a month has 30 days."""
        return self.number * {"minute": 1, "day": 24 * 60, "month": 30 * 24 * 60}[self.unit]


TICK_STEPS = (
    *(TickStep(minutes, "minute") for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720)),
    *(TickStep(days, "day") for days in (1, 2, 7, 14)),
    *(TickStep(months, "month") for months in (1, 3, 6, 12, 24, 60)),
)


class Change(NamedTuple):
    """A change that shows a chart's newest rows.

    Attributes:
        labels, unit, step: of the new picture.
        keep_from, keep: the rows that stay: this many, from this one on.
        rows: all rows after those.
    """

    labels: Labels
    unit: str
    step: list[str | float]
    keep_from: int
    keep: int
    rows: list[Row]


class Picture(NamedTuple):
    """The rows of a trend, as the chart shows them.

    Attributes:
        labels: what the axis shows of the start of a row.
        step: rows whose start is a multiple of it in the chosen time zone have ticks.
        rows: `[start, view time in units, starts, stops, ends, view time in seconds]`.
    """

    labels: Labels
    unit: Unit
    step: TickStep
    rows: Sequence[Row]

    @classmethod
    def of(cls, per: Per, trend: Sequence[TrendRow]) -> "Picture":
        """Return the picture of a trend."""
        unit = _unit(max((row.view_time for row in trend), default=0))
        several_days: Labels = "both" if len({row.start[:10] for row in trend}) > 1 else "time"
        labels: Labels = "date" if per == "day" else several_days
        return cls(labels, unit, _step(per, len(trend)), [_row(row, unit) for row in trend])

    def change_from(self, before: "Picture | None") -> Change:
        """Return the change from the picture that was shown before."""
        shown, first = [] if before is None else before.rows, self.rows[:1]
        keep_from = next((number for number, row in enumerate(shown) if [row] == first), len(shown))
        pairs = zip(shown[keep_from:], self.rows, strict=False)
        keep = len([*takewhile(lambda pair: pair[0] == pair[1], pairs)])
        return Change(self.labels, self.unit.name, [*self.step], keep_from, keep, [*self.rows[keep:]])


def _unit(most_s: int) -> Unit:
    return next(Unit(seconds, name) for from_s, seconds, name in UNITS if most_s >= from_s)


def _step(per: Per, rows: int) -> TickStep:
    """Return the smallest step from row to row that has at most MOST_TICKS ticks."""
    row = {"minute": 1, "hour": 60, "day": 24 * 60}[per]
    possible = [step for step in TICK_STEPS if step.minutes >= row]
    return next((step for step in possible if rows * row <= MOST_TICKS * step.minutes), possible[-1])


def _row(row: TrendRow, unit: Unit) -> Row:
    return [row.start, round(row.view_time / unit.seconds, 6), row.starts, row.stops, row.ends, row.view_time]


def options() -> dict[str, Any]:
    """Return the options of a chart without rows, for ECharts; `trends.js` adds what depends on the picture."""
    above, below = 0, 1
    return {
        **shared.BASE,
        "grid": [
            {"left": LEFT_PX, "right": 16, "top": 56, "height": "42%"},
            {"left": LEFT_PX, "right": 16, "bottom": 42, "height": "22%"},
        ],
        "legend": {
            "left": 0,
            "top": 0,
            "itemWidth": 16,  # all in one line of a phone
            "itemGap": 8,
            "textStyle": shared.QUIET,
            "selectedMode": False,
            "data": [{"name": VIEW_TIME, "icon": "rect"}, *({"name": kind, "icon": _ICONS[kind]} for kind in KINDS)],
        },
        "tooltip": shared.tooltip({"type": "line", "lineStyle": {"color": "var(--quiet)"}}),
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "dataset": {"source": []},
        "xAxis": [_x_axis(above, is_labelled=False), _x_axis(below, is_labelled=True)],
        "yAxis": [_y_axis(above, ""), _y_axis(below, "events")],
        "series": [_bars(), *(_line(number, kind) for number, kind in enumerate(KINDS, 2))],
    }


def _x_axis(grid: int, *, is_labelled: bool) -> dict[str, Any]:
    return {
        "type": "category",
        "gridIndex": grid,
        "axisLine": {"lineStyle": {"color": "var(--quiet)"}},
        "axisTick": {"show": is_labelled, "alignWithLabel": True},
        "axisLabel": shared.QUIET | {"show": is_labelled, "lineHeight": 17, "hideOverlap": True},
    }


def _y_axis(grid: int, name: str) -> dict[str, Any]:
    return {
        "type": "value",
        "gridIndex": grid,
        "name": name,
        "nameTextStyle": shared.QUIET | {"align": "left"},
        "nameGap": 8,
        "min": 0,
        "minInterval": grid,  # events are whole, view time is not
        "splitNumber": 4 - 2 * grid,
        "axisLabel": shared.QUIET | {"hideOverlap": True, ":formatter": "trends.short"},
        "splitLine": {"lineStyle": {"color": "var(--edge)"}},
    }


def _bars() -> dict[str, Any]:
    return {
        "type": "bar",
        "name": VIEW_TIME,
        "encode": {"x": 0, "y": 1},
        "color": "var(--viewed)",
        "barMaxWidth": 40,
        "barCategoryGap": "15%",
        "emphasis": {"disabled": True},  # ECharts would compute a colour from a variable, and cannot
    }


def _line(column: int, kind: str) -> dict[str, Any]:
    return {
        "type": "line",
        "name": kind,
        "xAxisIndex": 1,
        "yAxisIndex": 1,
        "encode": {"x": 0, "y": column},
        "symbol": "none",
        "emphasis": {"disabled": True},
        "color": f"var(--{kind})",
        "lineStyle": {"width": 2, "type": _DASHES[kind]},
    }
