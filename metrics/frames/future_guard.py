"""The future guard: a frame far ahead of event time must not move it unproven, or one flipped bit closes every window.

All evidence lies in the log of the frame's own partition, so that every replay judges alike.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from metrics.frames.event_clock import EventClock
from metrics.frames.frame import Frame, FrameMessage

AGREEING = 2  # so many followers near a frame prove it
BELOW = 2  # so many far below it refute it
FOLLOWERS = 5  # after so many that do neither, history is sparse: they only rise


class HeldFrame(NamedTuple):
    """A frame that waits for proof, with the message it came in."""

    frame: Frame
    message: FrameMessage

    @property
    def recorded_at_s(self) -> float | None:
        """When the record was written, by its Kafka timestamp; None if it has none."""
        kind, timestamp_ms = self.message.timestamp()
        return timestamp_ms / 1000 if kind and timestamp_ms >= 0 else None


class Decision(NamedTuple):
    """What became of a frame that was held: it counts, or it is rejected as too far in the future."""

    held: HeldFrame
    counts: bool


class FutureGuard:
    """Holds the frames of one partition from one that is far ahead of event time on, until that one is judged.

    The first of those held is judged by what follows it, in the order of the log; the first evidence decides:

    - it is near event time by now, or near its own record's timestamp (live traffic): it counts;
    - it lies far beyond its record's timestamp: rejected;
    - a follower is near the old event time: rejected;
    - two followers agree with it: it was a true gap, and it counts;
    - two followers lie far below it: rejected;
    - of five followers none of this came: history that is sparse, and it counts.

    Near and far are told apart by limit_s. What is decided is looked at again by nobody, so a replay that starts
    with any frame, with the event time that was before it, decides the same.

    Attributes:
        held: the frames that wait, in the order of the log.
    """

    def __init__(self, clock: EventClock, limit_s: int) -> None:
        self.held: deque[HeldFrame] = deque()
        self._clock = clock
        self._limit_s = limit_s

    def is_far(self, ts: int) -> bool:
        """Tell whether a ts would move event time further than it may without proof; the first of all would."""
        newest = self._clock.newest
        return newest < 0 or ts > newest + self._limit_s

    def hold(self, frame: Frame, message: FrameMessage) -> Iterator[Decision]:
        """Take one more frame; yield what can be decided now. Each must be counted before the next is taken."""
        self.held.append(HeldFrame(frame, message))
        while self.held and (counts := self._judge()) is not None:
            yield Decision(self.held.popleft(), counts)

    def settle(self, near: int) -> Iterator[Decision]:
        """Decide all, for an input that ends here.

        Without proof nothing counts; where the partition has no event time yet, it counts unless it is far ahead of a
        given one, which is what the other partitions know.
        """
        while self.held:
            counts = self._judge()
            if counts is None:
                counts = self._clock.newest < 0 and self.held[0].frame.ts <= near + self._limit_s
            yield Decision(self.held.popleft(), counts)

    def _judge(self) -> bool | None:
        """Judge the first of those held; None if that needs more followers."""
        first = self.held[0]
        ts, limit_s = first.frame.ts, self._limit_s
        if not self.is_far(ts):
            return True
        recorded_at_s = first.recorded_at_s
        if recorded_at_s is not None and ts >= recorded_at_s - limit_s:
            return ts <= recorded_at_s + limit_s
        return self._judge_by_followers(ts, [held.frame.ts for held in self.held][1:])

    def _judge_by_followers(self, ts: int, followers: Sequence[int]) -> bool | None:
        agreeing = below = 0
        for follower in followers[:FOLLOWERS]:
            if not self.is_far(follower):
                return False
            agreeing += abs(follower - ts) <= self._limit_s
            below += follower < ts - self._limit_s
            if agreeing == AGREEING or below == BELOW:
                return agreeing == AGREEING
        return True if len(followers) >= FOLLOWERS else None
