"""Charts of results: options for ECharts, made from results and event time alone, without a browser or a server.

Colours are variables of `page.css`, so a chart follows the page from light to dark by itself.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile, zip_longest
from typing import Any, NamedTuple

from metrics.frames.results.read import Result
from metrics.frames.sizes import Size
from metrics.frames.web import figures
from metrics.text import duration
from metrics.times import clock
from metrics.web import charts as shared

MAX_AHEAD = 0.15  # of a chart's width, for open windows
LABELLED_FROM = 0.2  # of a chart's width; narrower areas have no room for a label
AVERAGE, OPEN = "running average", "open"
DASHES = "path://M0 4h8v4H0zM12 4h8v4h-8zM24 4h8v4h-8z"  # as the line is drawn

Row = list[float | None]
Area = list[dict[str, Any]]


class Gap(NamedTuple):
    """A range of time without windows, in seconds since the epoch.

    Attributes:
        gap_s: how long there were no frames, according to the record after it; 0 if that reports no gap: records were
            not read, or are gone.
    """

    start: int
    end: int
    gap_s: int

    @property
    def what(self) -> str:
        """What is missing."""
        return "no frames" if self.gap_s else "no results"

    @property
    def length_s(self) -> int:
        """Its length; a chart may show only its end."""
        return self.gap_s or self.end - self.start


class Change(NamedTuple):
    """A change that shows a chart's newest windows.

    Attributes:
        from_ms: `rows` replace all rows from this time on.
        begin_ms, end_ms: the chart's range; rows before it are removed.
        areas: gaps and open windows, as ECharts marks areas.
    """

    from_ms: int
    rows: list[Row]
    begin_ms: int
    end_ms: int
    areas: list[Area]


class Picture(NamedTuple):
    """The windows of one size in a chart. Times are in seconds since the epoch.

    Attributes:
        results: the oldest first, all of them within the chart's range.
        event_time: None if it is not known.
        closed_through: end of the newest window; event time if there is none.
        begin, end: the chart's range, up to event time unless that is far ahead of the closed windows.
    """

    size: Size
    results: Sequence[Result]
    event_time: int | None
    closed_through: int
    begin: int
    end: int

    @classmethod
    def of(cls, size: Size, results: Sequence[Result], event_time: int | None) -> "Picture":
        """Return the picture of the newest windows, without those that are too old for it."""
        length_s = size.shown * size.size_s
        through = results[-1].window.end if results else event_time or 0
        begin, most = through - length_s, through + int(length_s * MAX_AHEAD)
        within = [result for result in results if result.window.start >= begin]
        return cls(size, within, event_time, through, begin, max(through, min(event_time or 0, most)))

    def change_from(self, before: "Picture | None") -> Change:
        """Return the change from the picture of the same windows that was shown before, if any."""
        known = [] if before is None else [at for at in before.results if at.window.start >= self.begin]
        same = len([*takewhile(lambda pair: pair[0] == pair[1], zip(known, self.results, strict=False))])
        new = self.results[max(0, same - 1) :]  # the last one that is the same may have ended in a gap
        begin = new[0].window.start if same else self.begin
        return Change(begin * 1000, [*rows(new)], self.begin * 1000, self.end * 1000, [*self.areas()])

    def gaps(self) -> Iterator[Gap]:
        """Yield the gaps between windows, the oldest first."""
        last_end = None
        for result in self.results:
            start, gap_s = result.window.start, result.window.gap_s
            if last_end is not None and last_end < start:
                yield Gap(last_end, start, gap_s)
            elif last_end is None and gap_s and self.begin < start:
                yield Gap(self.begin, start, gap_s)
            last_end = result.window.end

    def areas(self) -> Iterator[Area]:
        """Yield the marked areas: gaps and open windows."""
        for gap in self.gaps():
            is_wide = gap.end - gap.start >= LABELLED_FROM * (self.closed_through - self.begin)
            yield _area("gap", gap.start, gap.end, f"{gap.what}\n{duration(gap.length_s)}" if is_wide else "")
        if self.closed_through < self.end:
            yield _area("open", self.closed_through, self.end)


def words(picture: Picture, now: int) -> str:
    """Return the end of a chart in words: the newest window, the open time, and the last gap.

    Args:
        now: wall time, in seconds since the epoch.
    """
    if not picture.results:
        return "No closed windows yet."
    closed_through, event_time = picture.closed_through, picture.event_time
    newest = figures.newest(picture.size, picture.results[-1], now)
    text = f"Newest: {newest.number} {newest.meaning}."
    if event_time is not None and event_time > closed_through:
        text += f" Open: {duration(event_time - closed_through)}, to {clock(event_time, closed_through)}."
    for gap in [*picture.gaps()][-1:]:
        text += f" Last gap: {gap.what} for {duration(gap.length_s)}, to {clock(gap.end, closed_through)}."
    return text


def rows(results: Sequence[Result]) -> Iterator[Row]:
    """Yield the points of a stepped line: `[ms, number, average, frames, start of the window in ms]`.

    Each window has a point at its start. One that no other follows at once has two more at its end, the second empty.
    """
    for result, following in zip_longest(results, results[1:]):
        window = result.window
        start_ms, end_ms = window.start * 1000, window.end * 1000
        values = [window.number, window.average, window.frames, start_ms]
        yield [start_ms, *values]
        if following is None or following.window.start != window.end:
            yield [end_ms, *values]
            yield [end_ms, None, None, None, None]


def options(picture: Picture) -> dict[str, Any]:
    """Return all options of a chart, for ECharts."""
    change, counted = picture.change_from(None), f"{picture.size.unit}s"
    return {
        **shared.BASE,
        "useUTC": True,
        "grid": {"left": 8, "right": 20, "top": 30, "bottom": 4, "containLabel": True},
        "legend": {
            "right": 8,
            "top": 0,
            "itemWidth": 22,
            "data": [
                {"name": counted, "icon": "rect"},
                {"name": AVERAGE, "icon": DASHES},
                {"name": OPEN, "icon": "rect"},
            ],
            "textStyle": shared.QUIET,
            "selectedMode": False,
        },
        "tooltip": shared.tooltip(
            {"lineStyle": {"color": "var(--quiet)"}},
            **{":formatter": f"points => charts.tooltip(points, {picture.size.unit!r}, {picture.size.size_s})"},
        ),
        "dataset": {"source": change.rows},
        **_axes(change),
        "series": [
            _line(counted, 1, "count", 1.5, "solid")
            | {"areaStyle": {"color": "var(--count)", "opacity": 0.18}, "markArea": _MARKED | {"data": change.areas}},
            _line(AVERAGE, 2, "average", 2, "dashed"),
            # for the legend alone, which draws it as the areas are drawn
            {"type": "line", "name": OPEN, "color": "var(--open)", "itemStyle": _MARKED["itemStyle"], "data": []},
        ],
    }


_MARKED = {
    "silent": True,
    "itemStyle": {"opacity": 0.22, "borderType": "dashed", "borderWidth": 1},
    "label": {"position": "inside", "color": "var(--text)", "fontSize": 13, "lineHeight": 18},
}


def _axes(change: Change) -> dict[str, Any]:
    axis = {
        "axisLine": {"lineStyle": {"color": "var(--quiet)"}},  # the ticks' colour, too
        "axisLabel": shared.QUIET | {"hideOverlap": True},
        "splitNumber": 4,
    }
    return {
        "xAxis": axis | {"type": "time", "min": change.begin_ms, "max": change.end_ms},
        "yAxis": axis | {"min": 0, "minInterval": 1, "splitLine": {"lineStyle": {"color": "var(--edge)"}}},
    }


def _line(name: str, column: int, colour: str, width: float, type_: str) -> dict[str, Any]:
    return {
        "type": "line",
        "name": name,
        "step": "end",
        "encode": {"x": 0, "y": column},
        "symbol": "none",
        "silent": True,
        "emphasis": {"disabled": True},  # ECharts would compute a colour from a variable, and cannot
        "color": f"var(--{colour})",
        "lineStyle": {"width": width, "type": type_},
    }


def _area(kind: str, start: int, end: int, label: str = "") -> Area:
    colour = f"var(--{kind})"
    return [
        {"name": label, "xAxis": start * 1000, "itemStyle": {"color": colour, "borderColor": colour}},
        {"xAxis": end * 1000},
    ]
