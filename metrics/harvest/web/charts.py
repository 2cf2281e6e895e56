"""Charts of a report: options for ECharts, from numbers alone. Colours are variables of `page.css`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from metrics.harvest.core.event import PLATFORMS
from metrics.harvest.core.reports import CountryUsers
from metrics.harvest.web.digest import KINDS, OTHER
from metrics.harvest.web.rows import WHOLE
from metrics.terminal.tables import cell
from metrics.web import charts as shared
from metrics.wording.text import in_line, shortened

MOST = 12  # bars of a chart
IN_WORDS = 3
UNKNOWN = "unknown"

_BAR_PX, _AXIS_PX, _LEGEND_PX, _NAME_PX = 34, 40, 30, 100
_TEXT = {"color": "var(--text)", "fontSize": 13}


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
    """Return the chart of events by platform and kind: a bar for each platform, a part of it for each kind."""
    counts = {platform: sum(of_platform.values()) for platform, of_platform in events.items()}
    others = sorted(counts.keys() - PLATFORMS.values(), key=lambda platform: (-counts[platform], platform))
    platforms = [platform for platform in (*PLATFORMS.values(), *others) if platform in events][:MOST]
    used = {name for platform in platforms for name in events[platform]}
    names = [*dict.fromkeys((*KINDS.values(), OTHER))]
    series = [  # all of them, as ECharts keeps the order of those that another report has had
        _bars(name, [events[platform].get(name, 0) for platform in platforms], f"var(--{name})")
        | {"stack": "events", "tooltip": {"show": name in used}}
        for name in names
    ]
    shown = [name for name in names if name in used]
    legend = {"left": 0, "top": 0, "itemWidth": 14, "textStyle": shared.QUIET, "selectedMode": False, "data": shown}
    words = _words([(platform, counts[platform]) for platform in platforms], len(events), "platforms")
    height_px = _LEGEND_PX + len(platforms) * _BAR_PX + _AXIS_PX if shown else 0
    return Chart(_options(platforms, series, _LEGEND_PX) | {"legend": legend}, height_px, words)


def countries(counts: Sequence[CountryUsers]) -> Chart:
    """Return the chart of users on several platforms, a bar for each of the countries with the most of them."""
    shown = counts[:MOST]
    names = [each.country or UNKNOWN for each in shown]
    bars = _bars("users", [each.users for each in shown], "var(--users)")
    bars["label"] = {"show": True, "position": "right", ":formatter": "bar => bar.value.toLocaleString('en')", **_TEXT}
    words = _words([(name, each.users) for name, each in zip(names, shown, strict=True)], len(counts), "countries")
    height_px = len(shown) * _BAR_PX + _AXIS_PX if shown else 0
    return Chart(_options(names, [bars], 0), height_px, words or "No user started streams on more than one platform.")


def _words(numbers: Sequence[tuple[str, int]], of: int, noun: str) -> str:
    """Return the first numbers of a chart in words.

    Args:
        of: how many things there are, shown or not; `noun` is their name.
    """
    text = ", ".join(f"{cell(name)} {number:,}" for name, number in numbers[:IN_WORDS])
    if of > len(numbers):
        return f"{text}, …; the first {len(numbers)} of {of:,} {noun}"
    return f"{text}, …" if of > IN_WORDS else text


def _options(categories: Sequence[str], series: Sequence[dict[str, Any]], above_px: int) -> dict[str, Any]:
    return {
        **shared.BASE,
        "grid": {"left": 4, "right": 48, "top": 4 + above_px, "bottom": 4, "containLabel": True},
        "tooltip": shared.tooltip(
            {"type": "none"},
            extraCssText="max-width: min(480px, 80vw); white-space: normal; overflow-wrap: anywhere",
        ),
        "xAxis": {
            "type": "value",
            "minInterval": 1,
            "axisLabel": shared.QUIET | {"hideOverlap": True},
            "splitLine": {"lineStyle": {"color": "var(--edge)"}},
        },
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [shortened(in_line(name), WHOLE) for name in categories],
            "axisLabel": _TEXT | {"width": _NAME_PX, "overflow": "truncate"},  # the tooltip has the rest
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
