"""Published rejected frames, and the facts about the input that only they record."""

from collections import Counter, defaultdict

from metrics.frames.core.frame import NOT_REPUBLISHED, Reason
from metrics.frames.core.state import PartitionState
from metrics.frames.sizes import largest
from metrics.frames.verify.recount.judge import Hints


class RejectedRecords:
    """Records of the dead letter topic, by the frame's partition and the reason.

    Attributes:
        records: number of records.
        offsets: sum of the frames' offsets; with the number, it distinguishes sets of frames.
        not_republished: offsets, by partition, of frames that were counted but could not be republished. They are in
            neither of the above, except for repeated records.
        late_untimed: number of late frames without the headers `ts` or `event_time`, written by earlier versions.
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
        """Add a record. Only the offsets of frames that the input does not explain are kept.

        A late frame without event time is trusted to be late: it does not show whether event time of its own partition
        had passed its minute, or the minute was closed early.

        Args:
            ts, event_time: of the frame, and of its partition when it was judged; None if not recorded.
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

    def hints(self, partition: int, at: PartitionState) -> Hints:
        """Return the facts about a partition, including the ends of input in its state."""
        return Hints(
            self._future[partition], self._closed[partition], at.resolutions or [(at.resolved_at, at.resolved_against)]
        )
