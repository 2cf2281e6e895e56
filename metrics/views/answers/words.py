"""Values of answers as people read them, on a terminal and on the page."""

from metrics.wording.text import HOUR_S, MINUTE_S


def view_time(seconds: int, most: int | None = None) -> str:
    """Return a view time in the unit that suits it: `90 s`, `95.5 min`, `1,234.5 h`.

    Args:
        most: the longest of its column, which has the unit that suits this one; None if there is no column. A time that
            would be zero in that unit keeps its own.
    """
    unit_s, unit = _unit(seconds if most is None else most)
    if 0 < seconds < unit_s / 20:
        unit_s, unit = _unit(seconds)
    return f"{seconds:,} s" if unit_s == 1 else f"{seconds / unit_s:,.1f} {unit}"


def _unit(seconds: int) -> tuple[int, str]:
    if seconds < 2 * MINUTE_S:
        return 1, "s"
    return (MINUTE_S, "min") if seconds < 2 * HOUR_S else (HOUR_S, "h")
