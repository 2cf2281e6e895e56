"""The rejected frames as they were published, and what only they can tell of the input."""

from collections import Counter, defaultdict

from metrics.frames.core.frame import NOT_REPUBLISHED, Reason
from metrics.frames.core.state import PartitionState
from metrics.frames.sizes import largest
from metrics.frames.verify.judge import Told


class RejectedRecords:
    """What the rejected topic holds, by the partition that a frame came from and the reason.

    Attributes:
        records: how many.
        offsets: the sum of the offsets that they name: with their number, it tells one set of frames from another.
        not_republished: offsets of the frames, by partition, that were counted, but could not be republished. They are
            in neither of the above, but for records that come again.
        late_untimed: how many late frames have no `ts` or `event_time` with them, as earlier versions wrote them.
    """

    def __init__(self, lateness_s: int) -> None:
        self.records: Counter[tuple[int, str]] = Counter()
        self.offsets: Counter[tuple[int, str]] = Counter()
        self.not_republished: defaultdict[int, set[int]] = defaultdict(set)
        self.late_untimed = 0
        self._lateness_s = lateness_s
        self._future: defaultdict[int, set[int]] = defaultdict(set)
        self._closed: defaultdict[int, set[int]] = defaultdict(set)

    def add(
        self, partition: int, offset: int, reason: str, ts: int | None = None, event_time: int | None = None
    ) -> None:
        """Add one. Only the offsets of those that the input does not explain are kept.

        A late frame that does not say what event time was is taken to be late: whether event time of its own partition
        had passed its minute, or the minute was closed early, cannot be told from it.

        Args:
            ts, event_time: of the frame, and of its partition when it was judged; None if the record does not say.
        """
        if reason in NOT_REPUBLISHED and offset not in self.not_republished[partition]:
            self.not_republished[partition].add(offset)
            return
        self.records[partition, reason] += 1
        self.offsets[partition, reason] += offset
        if reason == Reason.FUTURE:
            self._future[partition].add(offset)
        elif reason == Reason.LATE:
            if ts is None or event_time is None:
                self.late_untimed += 1
            elif largest().end_of(ts) <= event_time - self._lateness_s:
                return
            self._closed[partition].add(offset)

    def told(self, partition: int, at: PartitionState) -> Told:
        """Return what they tell of a partition, whose state tells where its input was taken to end."""
        return Told(
            self._future[partition], self._closed[partition], at.ends or [(at.resolved_at, at.resolved_against)]
        )
