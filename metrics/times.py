"""Times and ranges of event time, as people write them."""

from datetime import UTC, datetime

from metrics.errors import SettingsError
from metrics.frames.verify.audit import ALL_TIME
from metrics.frames.verify.comparison import Range


def range_of(start: str | None, end: str | None) -> Range:
    """Read the range that people give as text.

    Raises:
        SettingsError: it is no range.
    """
    first = ALL_TIME.start if start is None else second_of("--from", start)
    last = ALL_TIME.end if end is None else second_of("--to", end)
    if first >= last:
        raise SettingsError(f"--from {start} is not before --to {end}", now="give an earlier one, or a later --to")
    return Range(first, last)


def second_of(option: str, text: str) -> int:
    """Return whole seconds since the epoch: of a date and time, in UTC where it names no zone, or of a number."""
    try:
        if text.isdecimal() and text.isascii():
            second = int(text)
        else:
            time = datetime.fromisoformat(text)
            second = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as error:
        raise _no_time(option, text) from error
    if not 0 <= second < ALL_TIME.end:
        raise _no_time(option, text)
    return second


def _no_time(option: str, text: str) -> SettingsError:
    return SettingsError(
        f"{option} {text} is no time",
        now="write it as 2016-07-11T13:39:00Z, or as seconds since the epoch, in the years 1970 to 9999",
    )
