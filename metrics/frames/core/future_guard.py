"""The future guard: event time jumps only with proof, or one flipped bit would make all other frames late.

All evidence is in the frame's own partition of the input topic, or, where there is none, in the saved state
(`resolutions`), so every replay judges alike.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum
from itertools import islice
from typing import NamedTuple

from metrics.frames.core.event_clock import EventClock
from metrics.frames.core.frame import Frame
from metrics.messages.interface import KafkaMessage

ENOUGH = 2  # votes that decide
SPARSE = 5  # followers that prove a jump if none votes against, and not all are of the frame's own user
LONG_RUN = 20  # followers that prove a jump unless two vote against: a partition may have only one user


class HeldFrame(NamedTuple):
    """A frame that waits for proof, with its message."""

    frame: Frame
    message: KafkaMessage


class Ruling(Enum):
    """Ruling on a held frame."""

    MOVES = "moves"  # it counts, and event time moves to it
    AHEAD = "ahead"  # it counts in its second and minute, but event time stays
    REJECTED = "rejected"


class Votes:
    """Votes of the followers of a held frame on its ts.

    A follower agrees if it would be on time after the jump, and votes against if it would be late. One that is further
    ahead than the limit does neither.

    Attributes:
        asked: followers asked.
        agreeing: followers that agree.
        against: followers against.
        refuter: the largest ts of followers against; -1 without any.
    """

    def __init__(self, frame: Frame, lateness_s: int, limit_s: int) -> None:
        self.asked = self.agreeing = self.against = 0
        self.refuter = -1
        self._uid = frame.uid
        self._agreeing_from, self._agreeing_to = frame.ts - lateness_s, frame.ts + limit_s
        self._has_other = False  # whether a follower that is not against is of another user
        self._agrees_other = False  # whether one that agrees is

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
        """Return whether the jump is proved (True) or refuted (False); None if that needs more followers."""
        if self.against >= ENOUGH:
            return False
        is_agreed = self.agreeing >= ENOUGH and self._agrees_other
        is_sparse = self.asked >= SPARSE and self._has_other and not self.against
        return True if is_agreed or is_sparse or self.asked >= LONG_RUN else None

    def is_proved_at_end(self) -> bool:
        """Return whether the jump counts as proved without further followers."""
        return not self.against and (self.asked >= ENOUGH or self._has_other)


class Decision(NamedTuple):
    """Ruling on a held frame, and the number of followers that agreed or voted against."""

    held: HeldFrame
    ruling: Ruling
    agreeing: int = 0
    against: int = 0


class FutureGuard:
    """Guard of one partition: holds a frame that jumps ahead of event time, and those after it, until it is judged.

    A frame jumps if it is ahead by more than the allowed lateness: other frames would become late. Held frames are
    judged one by one, in the order of their offsets:

    - about as much wall time has passed between the records, or event time has since come near: the frame advances
      event time. The first frame of a partition advances it if it is near its Kafka timestamp.
    - two followers agree, not both of its own user; or there are five followers, not all of its own user, and none
      against; or twenty, and fewer than two against: the frame advances event time.
    - two followers are against: it does not. Within the limit of event time, or of one of the two, it still counts in
      its second and minute; beyond that, it is rejected.

    Decisions are final, so a replay from any frame, with the event clock as it was before that frame, decides the same.

    Args:
        count: called with each decision before the next is made: a frame that counts may advance the clock.

    Attributes:
        held: the held frames, in the order of their offsets.
    """

    def __init__(self, clock: EventClock, limit_s: int, count: Callable[[Decision], None]) -> None:
        self.held: deque[HeldFrame] = deque()
        self._clock = clock
        self._limit_s = limit_s
        self._count = count

    def is_jump(self, ts: int) -> bool:
        """Return whether a ts would advance event time further than allowed without proof; always for the first one."""
        clock = self._clock
        return clock.newest < 0 or ts > clock.newest + clock.step_s

    def hold(self, frame: Frame, message: KafkaMessage) -> None:
        """Hold one more frame, and decide what can be decided."""
        self.held.append(HeldFrame(frame, message))
        while self.held and (decision := self._decide()) is not None:
            self.held.popleft()
            self._count(decision)

    def resolve(self, near: int) -> None:
        """Decide on all held frames without further followers: the input ends, or their windows close.

        A jump that has followers and none against advances event time. So does the first frame of a partition unless
        it is ahead of `near`, the event time of the other partitions, by more than the limit. Of the rest, frames
        within the limit count.
        """
        while self.held:
            decision = self._decide() or self._decide_at_end(near)
            self.held.popleft()
            self._count(decision)

    def _decide(self) -> Decision | None:
        """Judge the first held frame; None if that needs more followers."""
        first = self.held[0]
        if not self.is_jump(first.frame.ts) or self._is_explained(first.frame.ts, recorded_s(first.message)):
            return Decision(first, Ruling.MOVES)
        votes = self._votes()
        is_proved = votes.is_proved()
        if is_proved is None:
            return None
        return Decision(first, Ruling.MOVES if is_proved else self._not_proved(votes), votes.agreeing, votes.against)

    def _decide_at_end(self, near: int) -> Decision:
        first, votes = self.held[0], self._votes()
        begins = self._clock.newest < 0 and not votes.against and first.frame.ts <= near + self._limit_s
        moves = begins or votes.is_proved_at_end()
        return Decision(first, Ruling.MOVES if moves else self._not_proved(votes, near), votes.agreeing, votes.against)

    def _not_proved(self, votes: Votes, near: int = -1) -> Ruling:
        known = max(self._clock.newest, votes.refuter, near)
        is_near = known >= 0 and self.held[0].frame.ts <= known + self._limit_s
        return Ruling.AHEAD if is_near else Ruling.REJECTED

    def _is_explained(self, ts: int, written_s: int) -> bool:
        """Return whether wall time between the records explains the jump; if not, that refutes nothing."""
        clock = self._clock
        if written_s < 0 or (clock.newest >= 0 and clock.recorded_s < 0):
            return False
        usual = clock.newest - clock.recorded_s if clock.newest >= 0 else 0
        return -self._limit_s <= ts - written_s - usual <= clock.step_s

    def _votes(self) -> Votes:
        """Ask the followers of the first held frame until they decide."""
        votes = Votes(self.held[0].frame, self._clock.lateness_s, self._limit_s)
        for follower in islice(self.held, 1, None):
            votes.add(follower.frame)
            if votes.is_proved() is not None:
                break
        return votes


def recorded_s(message: KafkaMessage) -> int:
    """Return the Kafka timestamp of a record in whole seconds since the epoch; -1 without one."""
    kind, timestamp_ms = message.timestamp()
    return timestamp_ms // 1000 if kind and timestamp_ms >= 0 else -1
