"""Times and durations as the page writes them; all times are in UTC."""

from metrics.frames.core.windows import rfc3339
from metrics.terminal.console import numbered

MINUTE_S, HOUR_S, DAY_S, YEAR_S = 60, 3_600, 86_400, 31_557_600
_UNITS = ((YEAR_S, "year"), (DAY_S, "day"), (HOUR_S, "h"), (MINUTE_S, "min"), (1, "s"))
_COUNTED_ALONE_S = YEAR_S  # nobody asks for the days of years


def duration(seconds: int) -> str:
    """Return a duration in its largest unit and the next smaller one: `3 s`, `1 h 20 min`, `2 days 4 h`, `10 years`."""
    if seconds < 1:
        return "0 s"
    largest = next(at for at, (size_s, _) in enumerate(_UNITS) if seconds >= size_s)
    units = _UNITS[largest : largest + (1 if seconds >= _COUNTED_ALONE_S else 2)]
    parts, rest = [], seconds
    for size_s, unit in units:
        count, rest = divmod(rest, size_s)
        if count:
            parts.append(numbered(count, unit) if size_s >= DAY_S else f"{count} {unit}")
    return " ".join(parts)


def time_of_day(second: int) -> str:
    """Return the time of day of a second since the epoch: `13:39:44`."""
    return rfc3339(second)[-9:-1]


def day(second: int) -> str:
    """Return the date of a second since the epoch: `2016-07-11`."""
    return rfc3339(second)[:-10]


def clock(second: int, today: int) -> str:
    """Return the time of day of a second since the epoch, with its date where that is not the one of `today`."""
    time = time_of_day(second)
    return time if second // DAY_S == today // DAY_S else f"{day(second)} {time}"
