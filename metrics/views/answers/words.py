"""Values of answers as people read them, on a terminal and on the page."""

from metrics.text import HOUR_S, MINUTE_S


def view_time(seconds: int) -> str:
    """Return a view time in the unit that suits it: `90 s`, `95.5 min`, `1,234.5 h`."""
    if seconds < 2 * MINUTE_S:
        return f"{seconds} s"
    if seconds < 2 * HOUR_S:
        return f"{seconds / MINUTE_S:,.1f} min"
    return f"{seconds / HOUR_S:,.1f} h"
