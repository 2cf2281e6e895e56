"""Outcome of each frame, determined again from the frames alone: no state, no pointers, one partition.

The log of frames decides everything except two events of a run, which are not in the input: windows closed early (by
an idle timeout, by the end of an input, or before a partition was added that fills them), and frames rejected at such
an end before their proof came. Both leave traces in the dead letter topic, and these are trusted.
"""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from enum import Enum, StrEnum
from typing import NamedTuple

from metrics.frames.core.frame import Frame, Reason, Rejection
from metrics.frames.core.state import Rules
from metrics.frames.sizes import largest

NO_OFFSET = 2**63 - 1  # after the end of any partition
FOLLOWERS = 20  # at most this many following frames decide on one that jumps ahead


class Received(NamedTuple):
    """Record of the input topic."""

    offset: int
    frame: Frame | Rejection
    recorded_at_s: float | None = None


def _end_of_largest(second: int) -> int:
    return largest().end_of(second)


class Hints(NamedTuple):
    """Facts about one partition that are in the outputs, and not in its frames.

    Attributes:
        future: offsets of frames rejected as `future`.
        closed: offsets of frames rejected as late although event time of their own partition had not passed them.
        ends: the last offsets at which the input was taken to end while frames were held, each with the event time of
            the whole input then, -1 if unknown.
        all_ends_from: offset of the first frame after which these are all such ends.
        last_end_of: returns the end of the largest window that counts a second.
    """

    future: Collection[int] = frozenset()
    closed: Collection[int] = frozenset()
    ends: Sequence[tuple[int, int]] = ()
    all_ends_from: int = NO_OFFSET
    last_end_of: Callable[[int], int] = _end_of_largest


NO_HINTS = Hints()


class Outcome(StrEnum):
    """Outcome of a frame."""

    COUNTED = "counted"
    LATE_IN_MINUTE = "late in minute"  # it still counts in its minute, or a larger window
    LATE = "late"  # its largest window was closed, too
    FUTURE = "future"
    HELD = "held"
    INVALID = "invalid"


class Jump(Enum):
    """Effect on event time of a frame that is ahead of it."""

    TRUE = "true"  # event time advances to it
    UNPROVED = "unproved"  # event time is unchanged; the frame counts
    FALSE = "false"  # event time is unchanged; the frame does not count
    UNDECIDED = "undecided"


class Judged(NamedTuple):
    """Frame and its outcome.

    Attributes:
        reason: why it was rejected, if it was.
        newest: event time of its partition including this frame, -1 before the first; it never decreases.
        closed_to: the frame counts in no window that ends at or before it.
    """

    partition: int
    offset: int
    outcome: Outcome
    newest: int
    ts: int = -1
    uid: str = ""
    reason: Reason | None = None
    closed_to: int = 0


class PartitionJudge:
    """Judge of the records of one partition, in order."""

    def __init__(self, partition: int, records: Iterator[Received], rules: Rules, hints: Hints = NO_HINTS) -> None:
        self._partition = partition
        self._records = records
        self._rules = rules
        self._hints = hints
        self._newest = -1
        self._recorded_at_s: float | None = None  # of the frame that newest is of
        self._closed_to = 0  # windows that end by then were closed early, as far as the dead letter topic proves
        self._waiting: deque[Received] = deque()

    def judged(self) -> Iterator[Judged]:
        """Yield the outcome of each record."""
        while self._waiting or self._look_ahead():
            offset, frame, recorded_at_s = self._waiting.popleft()
            if isinstance(frame, Rejection):
                yield Judged(self._partition, offset, Outcome.INVALID, self._newest, reason=frame.reason)
                continue
            jump = self._jump(frame, offset, recorded_at_s)
            outcome = {Jump.UNDECIDED: Outcome.HELD, Jump.FALSE: Outcome.FUTURE}.get(jump)
            closed_to = self._closed_for(frame.ts, offset) if outcome is None else 0
            outcome = outcome or self._timed(frame.ts, closed_to)
            if jump is Jump.TRUE and frame.ts > self._newest:
                self._newest, self._recorded_at_s = frame.ts, recorded_at_s
            reason = {Outcome.LATE: Reason.LATE, Outcome.FUTURE: Reason.FUTURE}.get(outcome)
            yield Judged(self._partition, offset, outcome, self._newest, frame.ts, frame.uid, reason, closed_to)

    def _timed(self, ts: int, closed_to: int) -> Outcome:
        if ts >= closed_to:
            return Outcome.COUNTED
        return Outcome.LATE_IN_MINUTE if self._hints.last_end_of(ts) > closed_to else Outcome.LATE

    def _closed_for(self, ts: int, offset: int) -> int:
        """Return the end up to which windows are closed for a frame: by its partition's event time, or early."""
        if offset in self._hints.closed:
            self._closed_to = max(self._closed_to, self._hints.last_end_of(ts))
        return max(self._newest - self._rules.lateness_s, self._closed_to)

    def _jump(self, frame: Frame, offset: int, recorded_at_s: float | None) -> Jump:
        """Judge whether event time advances to a frame that may be ahead of it."""
        if self._is_step(frame.ts) or self._is_explained(frame.ts, recorded_at_s):
            return Jump.TRUE
        hints = self._hints
        if offset in hints.future:
            return Jump.FALSE  # refuted by the following frames, or because an input ended first
        end, near = min((end for end in hints.ends if offset < end[0]), default=(None, -1))
        asked = self._asked(frame, end)
        refuters = [follower.ts for follower in asked if follower.ts < frame.ts - self._rules.lateness_s]
        is_true = _is_proved(frame, asked, self._rules)
        if is_true is None and end is None:
            return Jump.UNDECIDED
        if is_true or (is_true is None and self._is_proved_at_end(frame, asked, refuters, near)):
            return Jump.TRUE
        known = max(self._newest, *refuters, near if is_true is None else -1, -1)
        if known >= 0 and frame.ts <= known + self._rules.future_limit_s:
            return Jump.UNPROVED
        # It was not rejected at the next known end, so an earlier, unknown end has accepted it.
        return Jump.UNPROVED if end is not None and offset < hints.all_ends_from else Jump.FALSE

    def _is_step(self, ts: int) -> bool:
        return self._newest >= 0 and ts <= self._newest + max(1, self._rules.lateness_s)

    def _is_explained(self, ts: int, recorded_at_s: float | None) -> bool:
        """Return whether wall time between the records explains a jump; for the first frame, whether it is live."""
        if recorded_at_s is None:
            return False
        jump_s, passed_s = ts, int(recorded_at_s)
        if self._newest >= 0:
            if self._recorded_at_s is None:
                return False
            jump_s, passed_s = ts - self._newest, int(recorded_at_s) - int(self._recorded_at_s)
        return passed_s - self._rules.future_limit_s <= jump_s <= passed_s + max(1, self._rules.lateness_s)

    def _is_proved_at_end(self, frame: Frame, followers: list[Frame], refuters: list[int], near: int) -> bool:
        if refuters:
            return False
        is_first = self._newest < 0 and (near < 0 or frame.ts <= near + self._rules.future_limit_s)
        return is_first or len(followers) >= 2 or any(follower.uid != frame.uid for follower in followers)

    def _asked(self, frame: Frame, end: int | None) -> list[Frame]:
        """Return the frames that follow one, up to an end of the input or until they decide on it."""
        asked: list[Frame] = []
        for follower in self._following():
            if (end is not None and follower.offset >= end) or _is_proved(frame, asked, self._rules) is not None:
                break
            if isinstance(follower.frame, Frame):
                asked.append(follower.frame)
        return asked

    def _following(self) -> Iterator[Received]:
        number = 0
        while number < len(self._waiting) or self._look_ahead():
            yield self._waiting[number]
            number += 1

    def _look_ahead(self) -> bool:
        record = next(self._records, None)
        if record is not None:
            self._waiting.append(record)
        return record is not None


def _is_proved(frame: Frame, followers: list[Frame], rules: Rules) -> bool | None:
    """Return whether the frames after one that jumps prove it (True) or refute it (False); None if undecided."""
    on_time = [follower for follower in followers if follower.ts >= frame.ts - rules.lateness_s]
    agreeing = [follower for follower in on_time if follower.ts <= frame.ts + rules.future_limit_s]
    if len(on_time) <= len(followers) - 2:
        return False
    if len(agreeing) >= 2 and any(follower.uid != frame.uid for follower in agreeing):
        return True
    if len(on_time) == len(followers) >= 5 and any(follower.uid != frame.uid for follower in followers):
        return True
    return True if len(followers) >= FOLLOWERS else None
