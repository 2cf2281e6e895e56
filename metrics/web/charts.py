"""What the charts of all pages share: options for ECharts. Colours are variables of the pages' styles."""

from typing import Any

BASE: dict[str, Any] = {
    "animation": False,
    "textStyle": {"fontFamily": "system-ui, sans-serif"},  # the page's; widths are measured in it
}
QUIET = {"color": "var(--quiet)", "fontSize": 13}


def tooltip(pointer: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the options of a tooltip.

    Args:
        pointer: how the place that it explains is marked.
        more: further options.
    """
    return {
        "trigger": "axis",
        "confine": True,
        "transitionDuration": 0,
        "backgroundColor": "var(--card)",
        "borderColor": "var(--edge)",
        "textStyle": {"color": "var(--text)", "fontSize": 14},
        "axisPointer": pointer,
    } | more
