"""What would become of a dead letter that is replayed now, and therefore whether it is sent."""

from enum import StrEnum

from metrics.frames.core.frame import NOT_REPUBLISHED, Frame, Reason, Rejection
from metrics.frames.core.reading import reader
from metrics.frames.core.state import PartitionState, State
from metrics.frames.rejected.history import History
from metrics.frames.rejected.letters import Letter
from metrics.frames.replay_marks import Place
from metrics.frames.settings import Settings
from metrics.kafka.topic_limits import Limits

# Upper bound of what a replayed record has beside key and value: its batch, and the header with a place in the input.
OVERHEAD_BYTES = 512


class Fate(StrEnum):
    """Fate of a dead letter in a replay; the value says it in a table."""

    ON_TIME = "on time"
    LATE_IN_MINUTE = "late for its second, counts in its minute"
    LATE = "late: would be rejected again"
    INVALID = "invalid: would be rejected again"
    FUTURE = "too far ahead of event time: would be rejected again"
    COUNTED = "was counted, only not republished"
    REPLAYED = "was replayed before"
    RETURNED = "was replayed, and rejected again (--again)"
    READ_AGAIN = "the group reads it again, or has, after a reset"
    CUT = "only its beginning is here"
    TOO_LARGE = "too large for the input topic"
    FOREIGN = "not from this input topic"

    @property
    def is_sent(self) -> bool:
        """Whether a replay sends it."""
        return self in {Fate.ON_TIME, Fate.LATE_IN_MINUTE}


class FateJudge:
    """Judge of dead letters, by the present rules and the state of the group.

    A frame may have several dead letters, since each reset lets the group read frames again. So it is identified by its
    place in the input, and is not sent if it may have been counted since it was rejected.

    Args:
        state: of the group; None if nothing is known of it: then no frame is late.
        limits: of the input topic.
        history: of the dead letter topic. If it has more dead letters about frames before the state's positions than
            the state has counted from the first frame on, some are from an earlier count; it is unknown which.
        with_returned: whether frames that were replayed, and rejected again, are sent once more.
    """

    def __init__(
        self,
        settings: Settings,
        state: State | None,
        limits: Limits,
        history: History,
        *,
        with_returned: bool,
    ) -> None:
        self.history = history
        self._settings = settings
        self._read = reader(settings.shape())
        self._state = state
        self._limits = limits
        self._with_returned = with_returned

    def fate(self, letter: Letter) -> Fate:
        """Return what would become of a dead letter."""
        place, message = letter.place, letter.message
        if place is None or place.topic != self._settings.input_topic or place.partition >= self._limits.partitions:
            return Fate.FOREIGN
        if letter.reason in NOT_REPUBLISHED:
            return Fate.COUNTED
        if place in self.history.replayed:
            return Fate.REPLAYED
        if letter.replay_of is not None and not self._with_returned:
            return Fate.RETURNED
        if letter.cut_from_bytes is not None:
            return Fate.CUT
        if len(message.key() or b"") + len(message.value() or b"") + OVERHEAD_BYTES > self._limits.size_bytes:
            return Fate.TOO_LARGE
        frame = self._read(message)
        if isinstance(frame, Rejection):
            return Fate.INVALID
        return Fate.ON_TIME if self._state is None else self._fate_of(letter, place, frame, self._state)

    def _fate_of(self, letter: Letter, place: Place, frame: Frame, state: State) -> Fate:
        """Return what the group would do with a valid frame at its present position."""
        at = state.partitions.get(place.partition) or PartitionState.added(0, state.closing_to)
        if place.offset >= at.position or self._is_superseded(letter, place, state, at):
            return Fate.READ_AGAIN
        is_ahead = at.newest >= 0 and frame.ts > at.newest + self._settings.future_limit_s
        if letter.reason == Reason.FUTURE and is_ahead:
            return Fate.FUTURE
        if frame.ts >= at.watermark:
            return Fate.ON_TIME
        return Fate.LATE_IN_MINUTE if state.last_end_of(frame.ts) > at.watermark else Fate.LATE

    def _is_superseded(self, letter: Letter, place: Place, state: State, at: PartitionState) -> bool:
        """Return whether the frame may have been counted since its dead letter was written."""
        reset = self.history.last_reset(letter, place)
        if reset >= 0:
            is_before_reset = (letter.message.offset() or 0) < reset
        else:  # an earlier version has reset it without a mark
            is_before_reset = at.moved_over.is_again(place.offset)
        written, rejected = (
            self.history.written[place.partition, letter.reason],
            at.tally.rejected.get(letter.reason, 0),
        )
        return is_before_reset or (not state.counted_since and written > rejected)
