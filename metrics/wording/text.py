"""Human-readable text: counts, rates, durations; and text without control characters for a terminal."""

import re
from collections.abc import Sequence

MINUTE_S, HOUR_S, DAY_S, YEAR_S = 60, 3_600, 86_400, 31_557_600
_UNITS = ((YEAR_S, "year"), (DAY_S, "day"), (HOUR_S, "h"), (MINUTE_S, "min"), (1, "s"))
# Characters that a terminal obeys rather than shows: C0 without tab and newline, DEL, C1, and changes of direction.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile(r"[\t\n\u2028\u2029]")


def numbered(number: int, noun: str) -> str:
    """Return a number of things: `1 topic`, `2,000 topics`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(things: Sequence[str]) -> str:
    """Return a list as in a sentence: `a`, `a and b`, `a, b and c`."""
    *first, last = things
    return f"{', '.join(first)} and {last}" if first else last


def pace(number: int, noun: str, seconds: float) -> str:
    """Return a number of things, their duration, rate and cost each, for input that was not waited for."""
    return rate(number, noun, seconds) + (f", {cost_each(number, seconds)}" if number else "")


def rate(number: int, noun: str, seconds: float) -> str:
    """Return a number of things, their duration and rate, for input that was waited for."""
    decimals = 3 if seconds < 0.1 else 1 if seconds < 1000 else 0
    return f"{numbered(number, noun)} in {seconds:,.{decimals}f} s: {per_second(number, noun, seconds)}"


def per_second(number: int, noun: str, seconds: float) -> str:
    """Return a rate: `12,345 records/s`; with a decimal if it is below 10."""
    in_a_second = number / max(seconds, 1e-3)
    return f"{in_a_second:,.{1 if 0 < in_a_second < 10 else 0}f} {noun}s/s"


def cost_each(number: int, seconds: float) -> str:
    """Return the time that one of some things took: `5.2 µs each`."""
    return f"{1e6 * max(seconds, 1e-3) / number:,.1f} µs each"


def duration(seconds: int) -> str:
    """Return a duration in its largest unit and the next smaller one: `3 s`, `1 h 20 min`, `2 days 4 h`, `10 years`."""
    if seconds < 1:
        return "0 s"
    largest = next(at for at, (size_s, _) in enumerate(_UNITS) if seconds >= size_s)
    units = _UNITS[largest : largest + (1 if seconds >= YEAR_S else 2)]  # no days beside years
    parts, rest = [], seconds
    for size_s, unit in units:
        count, rest = divmod(rest, size_s)
        if count:
            parts.append(numbered(count, unit) if size_s >= DAY_S else f"{count} {unit}")
    return " ".join(parts)


def percent(share: float) -> str:
    """Return a share as a percentage: `3.6%`; `<0.1%` is not zero, and `>99.9%` is not all."""
    if 0 < share < 0.001:
        return "<0.1%"
    return ">99.9%" if 0.999 < share < 1 else f"{share:.1%}"


def shortened(text: str, most: int) -> str:
    """Return the first characters of a text, with `…` if it is cut."""
    return text if len(text) <= most else f"{text[:most]}…"


def escaped(text: str) -> str:
    r"""Return text with its control characters escaped, ESC as `\x1b`; tabs and newlines stay."""
    return _CONTROLS.sub(_escape, text)


def in_line(name: str) -> str:
    r"""Return a foreign name, of a group or a file, with line breaks and tabs escaped, too: a newline is `\n`."""
    return _BREAKS.sub(_escape, escaped(name))


def _escape(control: re.Match[str]) -> str:
    return ascii(control[0])[1:-1]
