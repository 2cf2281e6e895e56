"""Charts of a report: options for ECharts, from numbers alone. Colours are variables of `page.css`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from metrics.harvest.core.reports import CountryUsers
from metrics.harvest.web.figures import KINDS, OTHER

COUNTRIES = 12
UNKNOWN = "unknown"

_BAR_PX, _AXIS_PX, _LEGEND_PX = 34, 40, 30
_TEXT = {"color": "var(--text)", "fontSize": 13}
_QUIET = {"color": "var(--quiet)", "fontSize": 13}


class Chart(NamedTuple):
    """A chart.

    Attributes:
        options: of ECharts.
        height_px: 0 if there is only text to show.
        words: the chart as text.
    """

    options: dict[str, Any]
    height_px: int
    words: str


def kinds(events: Mapping[str, Mapping[str, int]]) -> Chart:
    """Return the chart of events by platform and kind: a bar for each platform, with a part for each kind."""
    platforms = [*events]
    used = {name for of_platform in events.values() for name in of_platform}
    names = [name for name in dict.fromkeys((*KINDS.values(), OTHER)) if name in used]
    series = [
        _bars(name, [events[platform].get(name, 0) for platform in platforms], f"var(--{name})") | {"stack": "events"}
        for name in names
    ]
    legend = {"left": 0, "top": 0, "itemWidth": 14, "textStyle": _QUIET, "selectedMode": False, "data": names}
    words = ", ".join(f"{platform} {sum(of_platform.values()):,}" for platform, of_platform in events.items())
    height_px = _LEGEND_PX + len(platforms) * _BAR_PX + _AXIS_PX if names else 0
    return Chart(_options(platforms, series, _LEGEND_PX) | {"legend": legend}, height_px, words)


def countries(counts: Sequence[CountryUsers]) -> Chart:
    """Return the chart of users who started streams on several platforms: a bar for each of the top countries."""
    shown = counts[:COUNTRIES]
    names = [each.country or UNKNOWN for each in shown]
    bars = _bars("users", [each.users for each in shown], "var(--users)")
    bars["label"] = {"show": True, "position": "right", **_TEXT}
    words = ", ".join(f"{name} {each.users:,}" for name, each in zip(names[:3], shown, strict=False))
    if len(counts) > COUNTRIES:
        words += f", …; the {COUNTRIES} countries with the most of them"
    elif len(counts) > 3:
        words += ", …"
    height_px = len(shown) * _BAR_PX + _AXIS_PX if shown else 0
    return Chart(_options(names, [bars], 0), height_px, words or "No user started streams on more than one platform.")


def _options(categories: Sequence[str], series: Sequence[dict[str, Any]], above_px: int) -> dict[str, Any]:
    return {
        "animation": False,
        "textStyle": {"fontFamily": "system-ui, sans-serif"},  # the page's; widths are measured in it
        "grid": {"left": 4, "right": 34, "top": 4 + above_px, "bottom": 4, "containLabel": True},
        "tooltip": {
            "trigger": "axis",
            "confine": True,
            "transitionDuration": 0,
            "backgroundColor": "var(--card)",
            "borderColor": "var(--edge)",
            "textStyle": {"color": "var(--text)", "fontSize": 14},
            "axisPointer": {"type": "none"},
        },
        "xAxis": {
            "type": "value",
            "minInterval": 1,
            "axisLabel": _QUIET | {"hideOverlap": True},
            "splitLine": {"lineStyle": {"color": "var(--edge)"}},
        },
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [*categories],
            "axisLabel": _TEXT,
            "axisLine": {"lineStyle": {"color": "var(--quiet)"}},
            "axisTick": {"show": False},
        },
        "series": [*series],
    }


def _bars(name: str, values: Sequence[int], colour: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "data": [*values],
        "color": colour,
        "barMaxWidth": 26,
        "itemStyle": {"borderColor": "var(--card)", "borderWidth": 1},
        "emphasis": {"disabled": True},  # ECharts cannot compute a colour from a variable
    }
