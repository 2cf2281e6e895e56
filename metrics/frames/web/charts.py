"""Charts of results: options for ECharts, made from results and event time alone, without a browser or a server.

Colours are variables of `page.css`, so a chart follows the page from light to dark by itself.
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from metrics.frames.results.read import Result
from metrics.frames.sizes import Size
from metrics.text import duration, numbered
from metrics.times import clock

MOST_AHEAD = 0.15  # of a chart's width, for open windows
LABELLED_FROM = 0.2  # of a chart's width; narrower areas have no room for a label
AVERAGE = "running average"
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
    """The windows of one size in a chart, and event time.

    Attributes:
        results: the oldest first, without those before the chart's range.
        event_time: in seconds since the epoch; None if it is not known.
    """

    size: Size
    results: Sequence[Result]
    event_time: int | None

    @classmethod
    def of(cls, size: Size, results: Sequence[Result], event_time: int | None) -> "Picture":
        """Return the picture of the newest windows, without those that are too old for it."""
        begin = _end(size, results) - size.shown * size.size_s
        return cls(size, [result for result in results if result.window.start >= begin], event_time)

    @property
    def closed_through(self) -> int:
        """End of the newest window, in seconds since the epoch; event time if there is none."""
        return _end(self.size, self.results) or self.event_time or 0

    @property
    def begin(self) -> int:
        """Begin of the chart's range, in seconds since the epoch."""
        return self.closed_through - self.size.shown * self.size.size_s

    @property
    def end(self) -> int:
        """End of the chart's range: event time, unless that is far ahead of the closed windows."""
        most = self.closed_through + int(self.size.shown * self.size.size_s * MOST_AHEAD)
        return max(self.closed_through, min(self.event_time or 0, most))

    def change_from(self, before: "Picture | None") -> Change:
        """Return the change from the picture of the same windows that was shown before, if any."""
        known = [] if before is None else [at for at in before.results if at.window.start >= self.begin]
        same = 0
        while same < min(len(known), len(self.results)) and known[same] == self.results[same]:
            same += 1
        if 0 < same == len(known):
            new = self.results[same - 1 :]  # the last known one may have ended in a gap
            begin = new[0].window.start
        else:
            new, begin = self.results, self.begin
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
            last_end = start + result.size_s

    def areas(self) -> Iterator[Area]:
        """Yield the marked areas: gaps and open windows."""
        for gap in self.gaps():
            is_wide = gap.end - gap.start >= LABELLED_FROM * self.size.shown * self.size.size_s
            yield _area("gap", gap.start, gap.end, f"{gap.what}\n{duration(gap.length_s)}" if is_wide else "")
        if self.closed_through < self.end:
            yield _area("open", self.closed_through, self.end, "open")


def words(picture: Picture, now: int) -> str:
    """Return the end of a chart in words: the newest window, the open time, and the last gap.

    Args:
        now: wall time, in seconds since the epoch.
    """
    if not picture.results:
        return "No closed windows yet."
    size, closed_through, newest = picture.size, picture.closed_through, picture.results[-1].window
    text = (
        f"Newest: {numbered(newest.number, size.unit)} from {clock(newest.start, now)} "
        f"to {clock(closed_through, newest.start)} UTC; running average {newest.average:,.1f}."
    )
    if picture.event_time is not None and picture.event_time > closed_through:
        text += (
            f" Open: {duration(picture.event_time - closed_through)}, to {clock(picture.event_time, closed_through)}."
        )
    for gap in [*picture.gaps()][-1:]:
        text += f" Last gap: {gap.what} for {duration(gap.length_s)}, to {clock(gap.end, closed_through)}."
    return text


def rows(results: Sequence[Result]) -> Iterator[Row]:
    """Yield the points of a stepped line: `[ms, number, average, frames, start of the window in ms]`.

    Each window has a point at its start. One that no other follows at once has two more at its end, the second empty.
    """
    for result, following in zip_longest(results, results[1:]):
        start, end = result.window.start, result.window.start + result.size_s
        values = [result.window.number, result.window.average, result.window.frames, start * 1000]
        yield [start * 1000, *values]
        if following is None or following.window.start != end:
            yield [end * 1000, *values]
            yield [end * 1000, None, None, None, None]


def options(picture: Picture) -> dict[str, Any]:
    """Return all options of a chart, for ECharts."""
    change = picture.change_from(None)
    return {
        "animation": False,
        "useUTC": True,
        "textStyle": {"fontFamily": "system-ui, sans-serif"},  # the page's; widths are measured in it
        "grid": {"left": 8, "right": 20, "top": 30, "bottom": 4, "containLabel": True},
        "legend": {
            "right": 8,
            "top": 0,
            "itemWidth": 22,
            "data": [{"name": f"{picture.size.unit}s", "icon": "rect"}, {"name": AVERAGE, "icon": DASHES}],
            "textStyle": {"color": "var(--quiet)", "fontSize": 13},
            "selectedMode": False,
        },
        "tooltip": {
            "trigger": "axis",
            "confine": True,
            "transitionDuration": 0,
            "backgroundColor": "var(--card)",
            "borderColor": "var(--edge)",
            "textStyle": {"color": "var(--text)", "fontSize": 14},
            "axisPointer": {"lineStyle": {"color": "var(--quiet)"}},
            ":formatter": f"points => charts.tooltip(points, {picture.size.unit!r}, {picture.size.size_s})",
        },
        "dataset": {"source": change.rows},
        **_axes(change),
        "series": [
            _line(f"{picture.size.unit}s", 1, "var(--count)", 1.5, "solid")
            | {
                "areaStyle": {"color": "var(--count)", "opacity": 0.18},
                "markArea": {"silent": True, "data": change.areas},
            },
            _line(AVERAGE, 2, "var(--average)", 2, "dashed"),
        ],
    }


def _axes(change: Change) -> dict[str, Any]:
    return {
        "xAxis": {
            "type": "time",
            "min": change.begin_ms,
            "max": change.end_ms,
            "axisLine": {"lineStyle": {"color": "var(--quiet)"}},
            "axisTick": {"lineStyle": {"color": "var(--quiet)"}},
            "axisLabel": {"color": "var(--quiet)", "fontSize": 13, "hideOverlap": True},
            "splitNumber": 4,
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "minInterval": 1,
            "splitNumber": 4,
            "axisLabel": {"color": "var(--quiet)", "fontSize": 13},
            "splitLine": {"lineStyle": {"color": "var(--edge)"}},
        },
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
        "color": colour,
        "lineStyle": {"color": colour, "width": width, "type": type_},
    }


def _area(what: str, start: int, end: int, words: str) -> Area:
    return [
        {
            "xAxis": start * 1000,
            "itemStyle": {
                "color": f"var(--{what})",
                "opacity": 0.22,
                "borderColor": f"var(--{what})",
                "borderType": "dashed",
                "borderWidth": 1,
            },
            "label": {
                "show": bool(words),
                "formatter": words,
                "position": "insideTop" if what == "open" else "inside",
                "color": "var(--text)",
                "fontSize": 13,
                "lineHeight": 18,
            },
        },
        {"xAxis": end * 1000},
    ]


def _end(size: Size, results: Sequence[Result]) -> int:
    return results[-1].window.start + size.size_s if results else 0
