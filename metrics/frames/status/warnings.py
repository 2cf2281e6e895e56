"""Warnings about the stream, for the log, `status` and the page."""

from collections.abc import Iterator

from metrics.frames.status.facts import Cause, KeptOpen, LastMinute, Status
from metrics.wording.text import numbered

REASONS = {
    Cause.LAG: "it has lag",
    Cause.TRANSACTION: "a producer's transaction is open",
    Cause.PAUSED: "it is paused, more than ALIGN_S ahead of another",
    Cause.UNKNOWN: "its end offset is unknown",
    Cause.BEHIND: "its event time advances, but is behind that of others or slower than wall time",
    Cause.IDLE: "it waits for frames",
}


def of_kept_open(held: KeptOpen, for_s: int) -> str:
    """Return which partitions keep windows open, for how long so far, and why."""
    named = [f"partition {by.partition} keeps them open ({_reason(by.waits_for)})" for by in held.by]
    more = [f"{held.more:,} more"] if held.more else []
    paused = [f"{numbered(held.paused, 'partition')} paused meanwhile"] if held.paused else []
    reasons = "; ".join([*named, *more, *paused])
    return f"seconds from {held.start.datetime} have been open for {for_s:,} s: {reasons}"


def of_minute(minute: LastMinute) -> str:
    """Return how many of the frames of the last minute are wrong, by reason."""
    error = minute.error
    parts = ", ".join(f"{count:,} {reason}" for reason, count in error.parts.items())
    return (
        f"{error.rate:.1%} of the frames since {minute.began_at.datetime} are late or rejected "
        f"({error.frames:,} of {minute.frames:,}): {parts}"
    )


def warnings(status: Status) -> Iterator[str]:
    """Yield what was wrong at the last commit."""
    held, minute = status.kept_open, status.last_minute
    if held is not None:
        yield of_kept_open(held, status.asked_at.timestamp - held.opened_at.timestamp)
    if minute is not None and minute.is_wrong:
        yield of_minute(minute)


def _reason(cause: str) -> str:
    return REASONS[Cause(cause)] if cause in REASONS else cause
