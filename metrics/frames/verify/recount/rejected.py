"""Published rejected frames, and the facts about the input that only they record."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from metrics.frames.core.frame import NOT_REPUBLISHED, Reason
from metrics.frames.core.partition import KEPT_RESOLUTIONS
from metrics.frames.core.state import PartitionState, State
from metrics.frames.sizes import largest
from metrics.frames.verify.recount.judge import NO_OFFSET, Hints, Judged


class RejectedRecords:
    """Records of the dead letter topic, by the frame's partition and the reason, and the frames that it must contain.

    After a reset, a frame that was read twice may have two records; they count as one. The earlier reading may have
    rejected it for an event of that run, such as an end of the input, and the later one may not, or vice versa.
    The log proves neither, so such a record of the frame is right, whatever the recount says.

    Attributes:
        records: number of records.
        offsets: sum of the frames' offsets; with the number, it distinguishes sets of frames.
        expected, expected_offsets: the same by the recount.
        unproved: number of frames that were read twice, have a record, and are not rejected by the recount.
        not_republished: offsets, by partition, of frames that were counted but could not be republished. They are in
            neither of the above, except for repeated records.
        late_untimed: number of late frames without the headers `ts` or `event_time`, written by earlier versions.
    """

    def __init__(self, state: State) -> None:
        self.records: Counter[tuple[int, str]] = Counter()
        self.offsets: Counter[tuple[int, str]] = Counter()
        self.expected: Counter[tuple[int, str]] = Counter()
        self.expected_offsets: Counter[tuple[int, str]] = Counter()
        self.unproved = 0
        self.not_republished: defaultdict[int, set[int]] = defaultdict(set)
        self.late_untimed = 0
        self._state = state
        self._moved: set[tuple[int, str, int]] = set()  # records of frames that a reset moved over
        # Those that the last reading need not have written, with ts and event time.
        self._either: dict[tuple[int, str, int], tuple[int | None, int | None]] = {}
        self._future: defaultdict[int, set[int]] = defaultdict(set)
        self._closed: defaultdict[int, set[int]] = defaultdict(set)

    def add(
        self, partition: int, offset: int, reason: str, ts: int | None = None, event_time: int | None = None
    ) -> None:
        """Add a record. Only the offsets of frames that the input does not explain, or a reset moved over, are kept.

        A late frame without event time is trusted to be late: it does not show whether event time of its own partition
        had passed its minute, or the minute was closed early.

        Args:
            ts, event_time: of the frame, and of its partition when it was judged; None if not recorded.
        """
        record, moved_over = (partition, reason, offset), self._state.partitions[partition].moved_over
        is_again = moved_over.is_again(offset)
        if is_again or moved_over.is_skipped(offset):
            if record in self._moved:
                return
            self._moved.add(record)
        if reason in NOT_REPUBLISHED and offset not in self.not_republished[partition]:
            self.not_republished[partition].add(offset)
            return
        if reason == Reason.LATE and (ts is None or event_time is None):
            self.late_untimed += 1
        if is_again and reason in (Reason.LATE, Reason.FUTURE):
            self._either[record] = ts, event_time
            return
        self.records[partition, reason] += 1
        self.offsets[partition, reason] += offset
        if reason == Reason.FUTURE:
            self._future[partition].add(offset)
        elif reason == Reason.LATE and not self._is_late(ts, event_time):
            self._closed[partition].add(offset)

    def _is_late(self, ts: int | None, event_time: int | None) -> bool:
        """Return whether event time of its own partition had passed all windows of a late frame."""
        if ts is None or event_time is None:
            return False
        return self._state.last_end_of(ts) <= event_time - self._state.rules.lateness_s

    def hints(self, partition: int, at: PartitionState) -> Hints:
        """Return the facts about a partition, including the ends of input in its state."""
        are_all_ends = at.moved_over.again_to and len(at.resolutions) < KEPT_RESOLUTIONS
        return Hints(
            self._future[partition],
            self._closed[partition],
            at.resolutions or [(at.resolved_at, at.resolved_against)],
            at.moved_over.again_from if are_all_ends else NO_OFFSET,
            self._state.last_end_of,
        )

    def may_be_short(self) -> set[int]:
        """Return the starts of the largest windows that a later reading may have counted without such a frame."""
        times = [(ts, event_time) for ts, event_time in self._either.values() if ts is not None]
        return {largest().start_of(ts) for ts, event_time in times if not self._is_late(ts, event_time)}

    def expecting(self, judged: Iterable[Judged]) -> Iterator[Judged]:
        """Yield the frames of a partition, and expect a record of each that is rejected, unless it was never read."""
        newest = furthest = -1
        for frame in judged:
            furthest = max(furthest, frame.ts)
            if frame.reason is not None:
                self._expect(frame.partition, str(frame.reason), frame.offset)
            if self._either:
                self._explain(frame, newest, furthest)
            newest = frame.newest
            yield frame

    def _expect(self, partition: int, reason: str, offset: int) -> None:
        record = partition, reason, offset
        if record in self._either:
            del self._either[record]
        elif record in self._moved or not self._state.partitions[partition].moved_over.is_skipped(offset):
            self.expected[partition, reason] += 1
            self.expected_offsets[partition, reason] += offset

    def _explain(self, frame: Judged, newest: int, furthest: int) -> None:
        """Accept records of a frame that was read twice, if an event of a reading may explain them.

        Args:
            newest: event time before the frame.
            furthest: the largest ts so far; if event time is not there yet, an end of the input may have moved it.
        """
        for reason in (Reason.LATE, Reason.FUTURE):
            record = frame.partition, str(reason), frame.offset
            if record in self._either and self._may_be(reason, frame, newest, furthest, *self._either[record]):
                del self._either[record]
                self.unproved += 1

    def _may_be(
        self, reason: Reason, frame: Judged, newest: int, furthest: int, ts: int | None, event_time: int | None
    ) -> bool:
        if reason is Reason.FUTURE:
            return ts == frame.ts > newest + max(1, self._state.rules.lateness_s)
        is_moved = event_time is not None and frame.newest < event_time <= furthest
        return ts in (None, frame.ts) and (is_moved or not self._is_late(ts, event_time))

    def differences(self) -> Iterator[tuple[int, str, int, int]]:
        """Yield the partition and the reason of records that differ from the recount, and both their numbers."""
        records, offsets = self.records.copy(), self.offsets.copy()
        for partition, reason, offset in self._either:  # not even explained by having been read twice
            records[partition, reason] += 1
            offsets[partition, reason] += offset
        for place in sorted({*self.expected, *records}):
            if (self.expected[place], self.expected_offsets[place]) != (records[place], offsets[place]):
                yield *place, self.expected[place], records[place]
