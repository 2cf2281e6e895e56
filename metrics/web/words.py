"""Times and durations as the page writes them; all times are in UTC."""

from metrics.frames.windows import rfc3339

MINUTE_S, HOUR_S, DAY_S, YEAR_S = 60, 3_600, 86_400, 31_557_600
_UNITS = ((YEAR_S, "year"), (DAY_S, "day"), (HOUR_S, "h"), (MINUTE_S, "min"), (1, "s"))
_SPELT = ("year", "day")


def duration(seconds: int) -> str:
    """Return a duration in its largest unit, and the next smaller one where that matters: `3 s`, `1 h 20 min`."""
    if seconds < 1:
        return "0 s"
    largest = next(at for at, (size_s, _) in enumerate(_UNITS) if seconds >= size_s)
    parts, rest = [], seconds
    for size_s, unit in _UNITS[largest : largest + 2]:
        count, rest = divmod(rest, size_s)
        if count:
            parts.append(f"{count:,} {unit}{'s' if unit in _SPELT and count > 1 else ''}")
    return " ".join(parts)


def clock(second: int, today: int) -> str:
    """Return a second since the epoch as a time of day, with the date where it is another day than `today`."""
    date, time = rfc3339(second).removesuffix("Z").split("T")
    return time if second // DAY_S == today // DAY_S else f"{date} {time}"
