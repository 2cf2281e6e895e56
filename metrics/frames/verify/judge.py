"""What became of each frame, found out once more from the frames themselves: no state, no pointers, one partition.

The log of frames decides all but two things, which only happened while a job ran and are nowhere in the input: that
windows were closed early, by idle time, by the end of an input, or before a partition was added that fills them; and
that such an end rejected frames before their proof came. Both leave traces in the rejected topic, and those are taken
as told.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from enum import Enum, StrEnum
from typing import NamedTuple

from metrics.frames.core.frame import Frame, Reason, Rejection
from metrics.frames.core.state import Rules
from metrics.frames.sizes import largest

FOLLOWERS = 20  # so many frames after one that jumps ahead decide on it, at the most


class Received(NamedTuple):
    """A record of the input topic."""

    offset: int
    frame: Frame | Rejection
    recorded_at_s: float | None = None


class Told(NamedTuple):
    """What the outputs tell of one partition and its frames do not.

    Attributes:
        future: offsets of frames rejected as too far in the future.
        closed: offsets of frames rejected as late although event time of their own partition had not passed them.
        ends: offsets at which the input was taken to end with frames held, and event time of the whole input then, -1
            where that is not known; the last ones.
        are_all_ends: it was not taken to end before.
    """

    future: Collection[int] = frozenset()
    closed: Collection[int] = frozenset()
    ends: Sequence[tuple[int, int]] = ()
    are_all_ends: bool = False


NOTHING_TOLD = Told()


class Fate(StrEnum):
    """What became of a frame."""

    COUNTED = "counted"
    LATE_IN_MINUTE = "late in minute"  # but it counts for its minute, or a larger window
    LATE = "late"  # and its largest window was closed, too
    FUTURE = "future"
    HELD = "held"
    INVALID = "invalid"


class Jump(Enum):
    """What a frame that is ahead of event time does to it."""

    TRUE = "true"  # event time moves to it
    UNPROVED = "unproved"  # event time stays; the frame counts
    FALSE = "false"  # and does not count
    UNDECIDED = "undecided"


class Judged(NamedTuple):
    """A frame and what became of it.

    Attributes:
        reason: why it was rejected, if it was.
        newest: event time of its partition with this frame, -1 before the first; it never falls.
        closed_to: the frame counts for no window that ends at or before it.
    """

    partition: int
    offset: int
    fate: Fate
    newest: int
    ts: int = -1
    uid: str = ""
    reason: Reason | None = None
    closed_to: int = 0


class PartitionJudge:
    """Judges the records of one partition, in their order."""

    def __init__(self, partition: int, records: Iterator[Received], rules: Rules, told: Told = NOTHING_TOLD) -> None:
        self._partition = partition
        self._records = records
        self._rules = rules
        self._told = told
        self._newest = -1
        self._recorded_at_s: float | None = None  # of the frame that newest is of
        self._closed_to = 0  # what ends at or before it was closed early; as far as the rejected topic proves
        self._waiting: deque[Received] = deque()

    def judged(self) -> Iterator[Judged]:
        """Yield what became of each record."""
        while self._waiting or self._look_ahead():
            offset, frame, recorded_at_s = self._waiting.popleft()
            if isinstance(frame, Rejection):
                yield Judged(self._partition, offset, Fate.INVALID, self._newest, reason=frame.reason)
                continue
            jump = self._jump(frame, offset, recorded_at_s)
            fate = {Jump.UNDECIDED: Fate.HELD, Jump.FALSE: Fate.FUTURE}.get(jump)
            closed_to = self._closed_for(frame.ts, offset) if fate is None else 0
            fate = fate or _timed(frame.ts, closed_to)
            if jump is Jump.TRUE and frame.ts > self._newest:
                self._newest, self._recorded_at_s = frame.ts, recorded_at_s
            reason = {Fate.LATE: Reason.LATE, Fate.FUTURE: Reason.FUTURE}.get(fate)
            yield Judged(self._partition, offset, fate, self._newest, frame.ts, frame.uid, reason, closed_to)

    def _closed_for(self, ts: int, offset: int) -> int:
        """Return where the windows end that are closed for a frame: by event time of its partition, or closed early."""
        if offset in self._told.closed:
            self._closed_to = max(self._closed_to, largest().end_of(ts))
        return max(self._newest - self._rules.lateness_s, self._closed_to)

    def _jump(self, frame: Frame, offset: int, recorded_at_s: float | None) -> Jump:
        """Judge whether event time moves to a frame that may be ahead of it."""
        if self._is_step(frame.ts) or self._is_explained(frame.ts, recorded_at_s):
            return Jump.TRUE
        told = self._told
        if offset in told.future:
            return Jump.FALSE  # by what followed, or because an input ended before
        end, near = min((end for end in told.ends if offset < end[0]), default=(None, -1))
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
        # Not rejected although an end came after it: an earlier one had, of which nothing is known.
        return Jump.UNPROVED if end is not None and not told.are_all_ends else Jump.FALSE

    def _is_step(self, ts: int) -> bool:
        return self._newest >= 0 and ts <= self._newest + max(1, self._rules.lateness_s)

    def _is_explained(self, ts: int, recorded_at_s: float | None) -> bool:
        """Tell whether wall time between the records explains a jump; of the first frame, whether it is live."""
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
        """Return the frames that follow one, before an end of the input, as many as it takes to judge it."""
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


def _timed(ts: int, closed_to: int) -> Fate:
    if ts >= closed_to:
        return Fate.COUNTED
    return Fate.LATE_IN_MINUTE if largest().end_of(ts) > closed_to else Fate.LATE


def _is_proved(frame: Frame, followers: list[Frame], rules: Rules) -> bool | None:
    """Tell whether the frames after one that jumps prove it, True, or refute it, False; None if neither yet."""
    on_time = [follower for follower in followers if follower.ts >= frame.ts - rules.lateness_s]
    agreeing = [follower for follower in on_time if follower.ts <= frame.ts + rules.future_limit_s]
    if len(on_time) <= len(followers) - 2:
        return False
    if len(agreeing) >= 2 and any(follower.uid != frame.uid for follower in agreeing):
        return True
    if len(on_time) == len(followers) >= 5 and any(follower.uid != frame.uid for follower in followers):
        return True
    return True if len(followers) >= FOLLOWERS else None
