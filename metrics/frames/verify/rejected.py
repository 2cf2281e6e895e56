"""The rejected frames as they were published, and what only they can tell of the input."""

import re
from collections import Counter, defaultdict

from metrics.frames.core.frame import NOT_REPUBLISHED, Reason
from metrics.frames.core.state import PartitionState
from metrics.frames.verify.judge import Told
from metrics.times import MINUTE_S, minute_of

# How the detail of a frame rejected as late begins; see metrics.frames.core.partition.
_LATE = re.compile(r"ts (\d+) came when event time was (-?\d+);")


class RejectedRecords:
    """What the rejected topic holds, by the partition that a frame came from and the reason.

    Attributes:
        records: how many.
        offsets: the sum of the offsets that they name: with their number, it tells one set of frames from another.
        not_republished: offsets of the frames, by partition, that were counted, but could not be republished. They are
            in neither of the above, but for records that come again.
    """

    def __init__(self, lateness_s: int) -> None:
        self.records: Counter[tuple[int, str]] = Counter()
        self.offsets: Counter[tuple[int, str]] = Counter()
        self.not_republished: defaultdict[int, set[int]] = defaultdict(set)
        self._lateness_s = lateness_s
        self._future: defaultdict[int, set[int]] = defaultdict(set)
        self._closed: defaultdict[int, set[int]] = defaultdict(set)

    def add(self, partition: int, offset: int, reason: str, detail: str) -> None:
        """Take one. Only the offsets of those that the input does not explain are kept."""
        if reason in NOT_REPUBLISHED and offset not in self.not_republished[partition]:
            self.not_republished[partition].add(offset)
            return
        self.records[partition, reason] += 1
        self.offsets[partition, reason] += offset
        if reason == Reason.FUTURE:
            self._future[partition].add(offset)
        elif reason == Reason.LATE and self._was_closed_early(detail):
            self._closed[partition].add(offset)

    def told(self, partition: int, at: PartitionState) -> Told:
        """Return what they tell of a partition, whose state tells where its input was taken to end."""
        return Told(self._future[partition], self._closed[partition], at.ends or [(at.settled_at, at.settled_near)])

    def _was_closed_early(self, detail: str) -> bool:
        """Tell whether event time of a late frame's own partition had left its minute open."""
        match = _LATE.match(detail)
        if match is None:
            return False
        ts, newest = map(int, match.groups())
        return minute_of(ts) + MINUTE_S > newest - self._lateness_s
