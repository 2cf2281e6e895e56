"""The future guard: a jump of event time needs proof, or one flipped bit makes everybody's frames late.

All evidence lies in the log of the frame's own partition, so that every replay judges alike.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum
from itertools import islice
from typing import NamedTuple

from metrics.frames.core.event_clock import EventClock
from metrics.frames.core.frame import Frame, FrameMessage

ENOUGH = 2  # votes that decide
SPARSE = 5  # followers, not all of the frame's own user, that prove it if none is against it
LONG_RUN = 20  # followers that prove it unless two are against it: a partition may have one user only


class HeldFrame(NamedTuple):
    """A frame that waits for proof, with the message it came in."""

    frame: Frame
    message: FrameMessage


class Outcome(Enum):
    """What becomes of a frame that was held."""

    MOVES = "moves"  # it counts, and event time moves to it
    AHEAD = "ahead"  # it counts in its second and minute, but event time stays
    REJECTED = "rejected"


class Votes:
    """What the followers of a held frame, all those asked so far, say of its ts.

    A follower agrees if it would be on time after the jump, and is against it if it would be late. One that is further
    ahead than the limit does neither.

    Attributes:
        asked: followers asked.
        agreeing: those that agree.
        against: those against it.
        refuter: the largest ts of those against it, -1 without any.
    """

    def __init__(self, frame: Frame, lateness_s: int, limit_s: int) -> None:
        self.asked = self.agreeing = self.against = 0
        self.refuter = -1
        self._uid = frame.uid
        self._agreeing_from, self._agreeing_to = frame.ts - lateness_s, frame.ts + limit_s
        self._has_other = self._agrees_other = False  # whether one not against it, one that agrees, is of another user

    def add(self, follower: Frame) -> None:
        """Ask one more follower."""
        self.asked += 1
        if follower.ts < self._agreeing_from:
            self.against += 1
            self.refuter = max(self.refuter, follower.ts)
            return
        is_other = follower.uid != self._uid
        self._has_other |= is_other
        if follower.ts <= self._agreeing_to:
            self.agreeing += 1
            self._agrees_other |= is_other

    def is_proved(self) -> bool | None:
        """Tell whether the jump is proved, True, or refuted, False; None if that needs more followers."""
        if self.against >= ENOUGH:
            return False
        is_agreed = self.agreeing >= ENOUGH and self._agrees_other
        is_sparse = self.asked >= SPARSE and self._has_other and not self.against
        return True if is_agreed or is_sparse or self.asked >= LONG_RUN else None

    def is_proved_at_end(self) -> bool:
        """Tell whether the jump is as good as proved where no more followers come."""
        return not self.against and (self.asked >= ENOUGH or self._has_other)


class Decision(NamedTuple):
    """What became of a frame that was held, and how many followers agreed with it or were against it."""

    held: HeldFrame
    outcome: Outcome
    agreeing: int = 0
    against: int = 0


class FutureGuard:
    """Holds the frames of one partition from one that jumps ahead of event time on, until that one is judged.

    A frame jumps if it is ahead by more than the allowed lateness: others that come now would be late by it. The first
    of those held is judged, in the order of the log:

    - about as much wall time has passed between the records, or event time has come near by now: it moves event time.
      The first frame of all does if it is near its record's timestamp.
    - two followers agree, not both of its own user; or five followers, not all of its own user, and none against it; or
      twenty followers, and not two against it: it moves event time.
    - two followers are against it: it does not. Within the limit of event time, or of one of the two, it counts in its
      second and minute all the same; beyond that, it is rejected.

    What is decided is looked at again by nobody, so a replay that starts with any frame, with the event clock that was
    before it, decides the same.

    Args:
        count: called with each decision before the next is made: what counts may move the clock that decides on it.

    Attributes:
        held: the frames that wait, in the order of the log.
    """

    def __init__(self, clock: EventClock, limit_s: int, count: Callable[[Decision], None]) -> None:
        self.held: deque[HeldFrame] = deque()
        self._clock = clock
        self._limit_s = limit_s
        self._count = count

    def is_jump(self, ts: int) -> bool:
        """Tell whether a ts would move event time further than it may without proof; the first of all would."""
        clock = self._clock
        return clock.newest < 0 or ts > clock.newest + clock.step_s

    def hold(self, frame: Frame, message: FrameMessage) -> None:
        """Hold one more frame, and decide what can be decided now."""
        self.held.append(HeldFrame(frame, message))
        while self.held and (decision := self._decide()) is not None:
            self.held.popleft()
            self._count(decision)

    def resolve(self, near: int) -> None:
        """Decide all, for an input that ends here.

        A jump that some followers bear out and none contradicts moves event time. So does the first frame of all unless
        it is ahead of a given time, which is what the other partitions know. Of the rest, what is within the limit
        counts.
        """
        while self.held:
            decision = self._decide() or self._decide_at_end(near)
            self.held.popleft()
            self._count(decision)

    def _decide(self) -> Decision | None:
        """Judge the first of those held; None if that needs more followers."""
        first = self.held[0]
        if not self.is_jump(first.frame.ts) or self._is_explained(first.frame.ts, recorded_s(first.message)):
            return Decision(first, Outcome.MOVES)
        votes = self._votes()
        is_proved = votes.is_proved()
        if is_proved is None:
            return None
        return Decision(first, Outcome.MOVES if is_proved else self._not_proved(votes), votes.agreeing, votes.against)

    def _decide_at_end(self, near: int) -> Decision:
        first, votes = self.held[0], self._votes()
        begins = self._clock.newest < 0 and not votes.against and first.frame.ts <= near + self._limit_s
        moves = begins or votes.is_proved_at_end()
        return Decision(first, Outcome.MOVES if moves else self._not_proved(votes, near), votes.agreeing, votes.against)

    def _not_proved(self, votes: Votes, near: int = -1) -> Outcome:
        known = max(self._clock.newest, votes.refuter, near)
        is_near = known >= 0 and self.held[0].frame.ts <= known + self._limit_s
        return Outcome.AHEAD if is_near else Outcome.REJECTED

    def _is_explained(self, ts: int, recorded_s: int) -> bool:
        """Tell whether wall time between the records explains the jump; where it does not, that refutes nothing."""
        clock = self._clock
        if recorded_s < 0 or (clock.newest >= 0 and clock.recorded_s < 0):
            return False
        usual = clock.newest - clock.recorded_s if clock.newest >= 0 else 0
        return -self._limit_s <= ts - recorded_s - usual <= clock.step_s

    def _votes(self) -> Votes:
        """Ask the followers of the first of those held, as many as it takes."""
        votes = Votes(self.held[0].frame, self._clock.lateness_s, self._limit_s)
        for follower in islice(self.held, 1, None):
            votes.add(follower.frame)
            if votes.is_proved() is not None:
                break
        return votes


def recorded_s(message: FrameMessage) -> int:
    """Return when a record was written, by its Kafka timestamp, in whole seconds since the epoch; -1 without one."""
    kind, timestamp_ms = message.timestamp()
    return timestamp_ms // 1000 if kind and timestamp_ms >= 0 else -1
