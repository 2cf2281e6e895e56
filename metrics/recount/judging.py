"""What became of each frame, found out once more from the frames themselves: no state, no pointers, one partition.

The log of frames decides all but two things, which only happened while a job ran and are nowhere in the input: that
windows were closed early, by idle time, by the end of an input, or before a partition was added that fills them; and
that such an end rejected frames before their proof came. Both leave traces in the rejected topic, and those are taken
as told.
"""

from collections import deque
from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import NamedTuple

from metrics.frames.event_clock import MINUTE_S, minute_of
from metrics.frames.frame import Frame, Reason, Rejection
from metrics.frames.state import Rules

FOLLOWERS = 5  # so many frames after one that is far ahead decide on it, at the most


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
        settled_at: offset at which the input was last taken to end.
    """

    future: Collection[int] = frozenset()
    closed: Collection[int] = frozenset()
    settled_at: int = 0


NOTHING_TOLD = Told()


class Fate(StrEnum):
    """What became of a frame."""

    COUNTED = "counted"
    JOINED = "joined"  # late, but it counts for its minute
    LATE = "late"  # and its minute was closed, too
    FUTURE = "future"
    HELD = "held"
    INVALID = "invalid"


class Judged(NamedTuple):
    """A frame and what became of it.

    Attributes:
        reason: why it was rejected, if it was.
        newest: event time of its partition with this frame, -1 before the first; it never falls.
    """

    partition: int
    offset: int
    fate: Fate
    newest: int
    ts: int = -1
    uid: str = ""
    reason: Reason | None = None


class PartitionJudge:
    """Judges the records of one partition, in their order."""

    def __init__(self, partition: int, records: Iterator[Received], rules: Rules, told: Told = NOTHING_TOLD) -> None:
        self._partition = partition
        self._records = records
        self._rules = rules
        self._told = told
        self._newest = -1
        self._closed_to = 0  # what ends at or before it was closed early; as far as the rejected topic proves
        self._waiting: deque[Received] = deque()

    def judged(self) -> Iterator[Judged]:
        """Yield what became of each record."""
        while self._waiting or self._look_ahead():
            offset, frame, recorded_at_s = self._waiting.popleft()
            if isinstance(frame, Rejection):
                yield Judged(self._partition, offset, Fate.INVALID, self._newest, reason=frame.reason)
                continue
            fate = self._guarded(frame.ts, offset, recorded_at_s)
            if fate is Fate.COUNTED:
                fate = self._timed(frame.ts, offset)
                self._newest = max(self._newest, frame.ts)
            reason = {Fate.LATE: Reason.LATE, Fate.FUTURE: Reason.FUTURE}.get(fate)
            yield Judged(self._partition, offset, fate, self._newest, frame.ts, frame.uid, reason)

    def _timed(self, ts: int, offset: int) -> Fate:
        """Judge by event time: the partition's own, or what early closing is proved to have made of it."""
        minute_end = minute_of(ts) + MINUTE_S
        if offset in self._told.closed:
            self._closed_to = max(self._closed_to, minute_end)
        watermark = max(self._newest - self._rules.lateness_s, self._closed_to)
        if ts >= watermark:
            return Fate.COUNTED
        return Fate.JOINED if minute_end > watermark else Fate.LATE

    def _guarded(self, ts: int, offset: int, recorded_at_s: float | None) -> Fate:
        """Judge whether a frame is too far ahead of event time: COUNTED, FUTURE or HELD."""
        limit_s = self._rules.future_limit_s
        if self._newest >= 0 and ts <= self._newest + limit_s:
            return Fate.COUNTED
        if recorded_at_s is not None and ts >= recorded_at_s - limit_s:
            return Fate.COUNTED if ts <= recorded_at_s + limit_s else Fate.FUTURE
        if offset in self._told.future:
            return Fate.FUTURE  # by what followed, or because an input ended before
        followers = self._followers()
        is_true = _is_proved(ts, followers, self._newest, limit_s)
        if is_true is None and offset >= self._told.settled_at:
            return Fate.HELD
        # Refuted by now, but not rejected: an input had ended with it, and nothing else was known.
        return Fate.COUNTED if is_true or self._newest < 0 else Fate.FUTURE

    def _followers(self) -> list[int]:
        """Return the ts of the next frames, as many as may be needed."""
        while sum(isinstance(record.frame, Frame) for record in self._waiting) < FOLLOWERS:
            if not self._look_ahead():
                break
        return [record.frame.ts for record in self._waiting if isinstance(record.frame, Frame)][:FOLLOWERS]

    def _look_ahead(self) -> bool:
        record = next(self._records, None)
        if record is not None:
            self._waiting.append(record)
        return record is not None


def _is_proved(ts: int, followers: list[int], newest: int, limit_s: int) -> bool | None:
    """Tell whether the frames after one that is far ahead prove it, True, or refute it, False; None if neither yet."""
    for number, last in enumerate(followers, 1):
        seen = followers[:number]
        if newest >= 0 and last <= newest + limit_s:
            return False
        if sum(abs(follower - ts) <= limit_s for follower in seen) == 2:
            return True
        if sum(follower < ts - limit_s for follower in seen) == 2:
            return False
    return True if len(followers) >= FOLLOWERS else None
