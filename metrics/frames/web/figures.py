"""The figures at the top of the page, each with a name and a line that explains it."""

from collections.abc import Iterator

from metrics.frames.core.frame import Reason
from metrics.frames.results.read import Result
from metrics.frames.sizes import Size
from metrics.frames.status.facts import Status
from metrics.text import duration, numbered
from metrics.times import DAY_S, clock, day, time_of_day
from metrics.web.cards import Figure

UNKNOWN = "-"
HISTORY_S = 3_600  # event time this far behind wall time is not live traffic


def newest(size: Size, result: Result | None, now: int) -> Figure:
    """Return the figure of the newest window of a size.

    Args:
        now: wall time, in seconds since the epoch.
    """
    if result is None:
        return Figure(size.title, UNKNOWN, "no closed windows yet")
    window = result.window
    number, noun = numbered(window.number, size.unit).split()
    between = f"from {clock(window.start, now)} to {clock(window.end, window.start)}"
    return Figure(size.title, number, f"{noun} {between}; running average {window.average:,.1f}")


def of_group(status: Status | None) -> Iterator[Figure]:
    """Yield the figures of the group's status: always the same ones, in the same order."""
    for name, describe in OF_GROUP.items():
        yield Figure(name, *((UNKNOWN, "not known yet") if status is None else describe(status)))


def _event_time(status: Status) -> tuple[str, str]:
    now, event_time = status.asked_at.timestamp, status.event_time
    if event_time is None:
        return UNKNOWN, "no frames yet"
    newest = event_time.timestamp
    behind_s = now - newest
    date = "" if newest // DAY_S == now // DAY_S else f" ({day(newest)})"
    history = " (not live traffic)" if behind_s >= HISTORY_S else ""
    distance = f"{duration(abs(behind_s))} {'behind' if behind_s > 0 else 'ahead of'}" if behind_s else "level with"
    return time_of_day(newest), f"newest ts{date}, {distance} wall time{history}"


def _wall_time(status: Status) -> tuple[str, str]:
    now = status.asked_at.timestamp
    return time_of_day(now), f"last refreshed ({day(now)})"


def _lag(status: Status) -> tuple[str, str]:
    if status.lag is None:
        return UNKNOWN, "the end of a partition is unknown"
    if status.lag == 0:
        return "0", "caught up"
    return f"{status.lag:,}", "unread records, at most"


def _watermark_delay(status: Status) -> tuple[str, str]:
    if status.closed_through is None:
        return UNKNOWN, "no closed windows yet"
    closed, now = status.closed_through.timestamp, status.asked_at.timestamp
    lateness = f"allowed lateness {status.rules.lateness_s} s"
    return duration(now - closed), f"windows are closed up to {clock(closed, now)} ({lateness})"


def _late(status: Status) -> tuple[str, str]:
    frames = status.frames
    return _share(frames.late, status), (
        f"{numbered(frames.late, 'frame')} arrived after their second was closed; {frames.late_in_minute:,} still "
        "counted for their minute"
    )


def _rejected(status: Status) -> tuple[str, str]:
    frames = status.frames
    parts = frames.error.parts | {str(Reason.LATE): frames.late - frames.late_in_minute}
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in parts.items() if count)
    return _share(frames.rejected, status), (
        f"{numbered(frames.rejected, 'frame')} not counted{': ' + reasons if reasons else ''}"
    )


def _share(part: int, status: Status) -> str:
    decided = status.frames.consumed - status.frames.held
    return f"{part / decided:.3%}" if decided else UNKNOWN


OF_GROUP = {
    "Event time": _event_time,
    "Wall time": _wall_time,
    "Lag": _lag,
    "Watermark delay": _watermark_delay,
    "Late": _late,
    "Rejected": _rejected,
}
