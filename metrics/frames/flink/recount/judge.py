"""Outcome of each frame by the rules of the SQL, which are those of the core without its future guard."""

from collections.abc import Iterable, Iterator

from metrics.frames.core.frame import Reason, Rejection
from metrics.frames.core.state import Rules
from metrics.frames.sizes import largest
from metrics.frames.verify.recount.judge import Judged, Outcome, Received


def judged(partition: int, records: Iterable[Received], rules: Rules, newest: int) -> Iterator[Judged]:
    """Yield the outcome of each record of a partition.

    A `ts` is believed if it is at most `future_limit_s` after the frame's Kafka timestamp. A window takes frames until
    the partition's newest one, less the allowed lateness, has passed its end.

    Args:
        newest: event time of the partition before the first of them; -1 if it had none.
    """
    for offset, frame, recorded_at_s in records:
        if isinstance(frame, Rejection):
            yield Judged(partition, offset, Outcome.INVALID, newest, reason=frame.reason)
        elif frame.ts > (-1 if recorded_at_s is None else int(recorded_at_s)) + rules.future_limit_s:
            yield Judged(partition, offset, Outcome.FUTURE, newest, frame.ts, frame.uid, Reason.FUTURE)
        else:
            newest = max(newest, frame.ts)
            passed = newest - rules.lateness_s
            yield Judged(partition, offset, _timed(frame.ts, passed), newest, frame.ts, frame.uid, closed_to=passed)


def _timed(ts: int, passed: int) -> Outcome:
    if ts >= passed:
        return Outcome.COUNTED
    return Outcome.LATE_IN_MINUTE if largest().end_of(ts) > passed else Outcome.LATE
