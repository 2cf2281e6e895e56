"""What is wrong with the stream, in words, for the log, `status` and the page."""

from collections.abc import Iterator

from metrics.frames.status.facts import Cause, HeldOpen, LastMinute, Status

WORDS = {
    Cause.LAG: "it has lag",
    Cause.TRANSACTION: "a producer's transaction is open in it",
    Cause.PAUSED: "it is paused, more than ALIGN_S ahead of another",
    Cause.UNKNOWN: "the broker does not tell where it ends",
    Cause.BEHIND: "its event time moves on, but is behind that of others, or slower than wall time",
    Cause.IDLE: "it waits for frames",
}


def of_hold(held: HeldOpen, for_s: int) -> str:
    """Return which partitions hold windows open, for how long by now, and why."""
    told = [f"partition {by.partition} holds them, {_words(by.waits_for)}" for by in held.by]
    more = [f"{held.more:,} more"] if held.more else []
    paused = [f"paused meanwhile: {held.paused:,}"] if held.paused else []
    reasons = "; ".join([*told, *more, *paused])
    return f"seconds from {held.start.datetime} on have been open for {for_s:,} s: {reasons}"


def of_minute(minute: LastMinute) -> str:
    """Return how many of the frames of the last minute are wrong, by reason."""
    error = minute.error
    told = ", ".join(f"{reason} {count:,}" for reason, count in error.parts.items())
    return (
        f"{error.rate:.1%} of the frames since {minute.began_at.datetime} are late or rejected, "
        f"{error.frames:,} of {minute.frames:,}: {told}"
    )


def warnings(status: Status) -> Iterator[str]:
    """Yield what is wrong by the last commit."""
    held, minute = status.held_open, status.last_minute
    if held is not None:
        yield of_hold(held, status.asked_at.timestamp - held.opened_at.timestamp)
    if minute is not None and minute.is_wrong:
        yield of_minute(minute)


def _words(cause: str) -> str:
    return WORDS[Cause(cause)] if cause in WORDS else cause
