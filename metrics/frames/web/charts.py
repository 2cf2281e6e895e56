"""Charts of results: options for ECharts, and the words beside them, made from a picture alone.

Colours are variables of `page.css`, so a chart follows the page from light to dark by itself.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from metrics.frames.sizes import Size
from metrics.frames.web import figures
from metrics.frames.web.picture import Picture, Step
from metrics.time.moments import DAY_S, clock
from metrics.web import charts as shared
from metrics.wording.text import duration

LABELLED_FROM = 0.2  # of a chart's width; narrower areas have no room for a label
BREAK = "2%"  # of a chart's width, for a gap that is not drawn to scale
AVERAGE, OPEN = "average so far", "open"
DASHES = "path://M0 4h8v4H0zM12 4h8v4h-8zM24 4h8v4h-8z"  # as the line is drawn

Row = list[float | None]
Area = list[dict[str, Any]]


class Change(NamedTuple):
    """A change that shows a chart's newest windows.

    Attributes:
        from_ms: `rows` replace all rows from this time on.
        begin_ms, end_ms: the chart's range; rows before it are removed.
        areas: gaps and open windows, as ECharts marks areas.
        breaks: of the axis.
        has_days: whether the axis has to name days.
    """

    from_ms: int
    rows: list[Row]
    begin_ms: int
    end_ms: int
    areas: list[Area]
    breaks: list[dict[str, Any]]
    has_days: bool

    @classmethod
    def between(cls, before: Picture | None, after: Picture) -> "Change":
        """Return the change from one picture of the same windows to another."""
        new = after.new_since(before)
        begin = after.begin if len(new) == len(after.steps) else new[0].start
        breaks = [{"start": gap.start * 1000, "end": gap.end * 1000, "gap": BREAK} for gap in after.breaks]
        has_days = after.begin // DAY_S != (after.end - 1) // DAY_S
        return cls(begin * 1000, [*rows(new)], after.begin * 1000, after.end * 1000, [*areas(after)], breaks, has_days)


def areas(picture: Picture) -> Iterator[Area]:
    """Yield the marked areas: gaps that are drawn to scale, and open windows."""
    for gap in picture.gaps:
        if gap in picture.breaks:
            continue
        is_wide = gap.length_s >= LABELLED_FROM * (picture.closed_through - picture.begin)
        length = duration(gap.gap_s or gap.length_s)
        yield _area("gap", max(gap.start, picture.begin), gap.end, f"{gap.what}\n{length}" if is_wide else "")
    if picture.closed_through < picture.end:
        yield _area("open", picture.closed_through, picture.end)


def caption(picture: Picture) -> str:
    """Return the line above a chart: its numbers, what a step is, and gaps that are not drawn to scale."""
    if not picture.steps:
        return "no closed windows in this range"
    numbers = [step.most for step in picture.steps], [step.least for step in picture.steps]
    windows = sum(step.windows for step in picture.steps)
    mean = sum(step.mean * step.windows for step in picture.steps) / windows
    last = picture.results[-1].window.number
    reach = f"{min(numbers[1]):,} to {max(numbers[0]):,} per {picture.size.name}"
    parts = [f"last {last:,}", f"mean {mean:,.1f}", reach]
    if picture.step_s > picture.size.size_s:
        parts.append(f"drawn as means of {duration(picture.step_s)}")
    parts += [f"{gap.what} for {duration(gap.length_s)}, not to scale" for gap in picture.breaks]
    return " · ".join(parts)


def when(picture: Picture, now: int) -> str:
    """Return the range of a chart in words.

    Args:
        now: wall time, in seconds since the epoch.
    """
    end = picture.closed_through
    return f"{clock(picture.begin, now)} to {clock(end, picture.begin)} UTC" if picture.steps else ""


def words(picture: Picture, now: int) -> str:
    """Return a chart in words, for those who cannot see it: the newest window, the open time, and the last gap.

    Args:
        now: wall time, in seconds since the epoch.
    """
    if not picture.results:
        return caption(picture)
    closed_through, event_time = picture.closed_through, picture.event_time
    newest = figures.newest(picture.size, picture.results[-1], now)
    text = f"{when(picture, now)}: {caption(picture)}. Newest: {newest.number} {newest.meaning}."
    if event_time is not None and event_time > closed_through:
        text += f" Open: {duration(event_time - closed_through)}, to {clock(event_time, closed_through)}."
    for gap in picture.gaps[-1:]:
        text += f" Last gap: {gap.what} for {duration(gap.length_s)}, to {clock(gap.end, closed_through)}."
    return text


def rows(steps: Sequence[Step]) -> Iterator[Row]:
    """Yield the points of a stepped line: time in ms, and the values of a step, its times in ms.

    Each step has a point at its start. One that no other follows at once has two more at its end, the second empty.
    """
    for number, step in enumerate(steps):
        start_ms, end_ms = step.start * 1000, step.end * 1000
        values = [round(step.mean, 3), step.average, step.least, step.most, step.frames, start_ms, end_ms]
        yield [start_ms, *values]
        if number + 1 == len(steps) or steps[number + 1].start != step.end:
            yield [end_ms, *values]
            yield [end_ms, *(None for _ in values)]


def options(size: Size) -> dict[str, Any]:
    """Return all options of an empty chart, for ECharts."""
    counted = f"{size.unit}s"
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
            **{":formatter": f"points => charts.tooltip(points, {size.unit!r}, {size.size_s})"},
        ),
        "toolbox": {"show": False},  # or the brush shows its own
        "brush": {
            "xAxisIndex": 0,
            "brushStyle": {"color": "var(--focus)", "opacity": 0.2, "borderColor": "var(--focus)", "borderWidth": 1},
        },
        "dataset": {"source": []},
        **_axes(),
        "series": [
            _line(counted, 1, "count", 1.5, "solid")
            | {"areaStyle": {"color": "var(--count)", "opacity": 0.18}, "markArea": _MARKED | {"data": []}},
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


def _axes() -> dict[str, Any]:
    axis = {
        "axisLine": {"lineStyle": {"color": "var(--quiet)"}},  # the ticks' colour, too
        "axisLabel": shared.QUIET | {"hideOverlap": True},
        "splitNumber": 4,
    }
    area = {"zigzagAmplitude": 3, "itemStyle": {"color": "var(--page)", "borderColor": "var(--gap)", "opacity": 1}}
    return {
        "xAxis": axis | {"type": "time", "breakArea": area},
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
