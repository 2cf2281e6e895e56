"""Comparison of recounted and published windows of one size, side by side in the order of event time."""

from collections.abc import Collection, Iterator, Mapping

from metrics.frames.core.windows import Series
from metrics.frames.records import Deleted, OfWindow, Record
from metrics.frames.sizes import SECOND, Counts, Size, largest
from metrics.frames.verify.recount.findings import Findings, Kind
from metrics.frames.verify.recount.windows import Window
from metrics.time.moments import Range
from metrics.wording.text import numbered


class Averages:
    """Expected running average of the published windows."""

    def __init__(self) -> None:
        self.total = self.windows = 0

    def with_next(self, count: int) -> float:
        """Return the average if the next window has this count."""
        return round((self.total + count) / (self.windows + 1), 3)

    def append(self, count: int) -> None:
        """Add the next window."""
        self.total += count
        self.windows += 1


class Comparison:
    """Comparison of the windows of one size.

    Args:
        published: the records in order.
        strays: the other records, by the start of their window.
        saved: the state of the published windows; a window that it does not close is not missing.
        is_settled: whether state and outputs are from the same moment; if not, there may be newer records.
        may_be_short: starts of windows of the largest size whose frames the input topic does not prove.
        may_close_early: whether a window may have been closed before all of its frames came.

    Attributes:
        averages: of the windows since the last reset, once it is finished.
        open_frames: number of frames in windows that are not closed.
    """

    def __init__(
        self,
        size: Size,
        published: Iterator[Record],
        strays: Mapping[int, list[OfWindow]],
        saved: Series,
        within: Range,
        findings: Findings,
        *,
        gap_limit_s: int,
        is_settled: bool = True,
        may_be_short: Collection[int] = (),
        may_close_early: bool = True,
    ) -> None:
        self.size = size
        self.averages = Averages()
        self.last = -1  # start of the last window that was published
        self.knows_averages = not saved.since
        self._published = published
        self._next = next(published, None)
        self._strays = dict(strays)
        self._saved = saved
        self._averages_begin = saved.since
        self._within = within
        self._findings = findings
        self._gap_limit_s = gap_limit_s
        self._is_settled = is_settled
        self._may_be_short = may_be_short
        self._may_close_early = may_close_early
        self.open_frames = 0
        self._pass_before_range()

    def expect(self, window: Window) -> None:
        """Compare a window that has frames; call it in ascending order."""
        if not self._within.holds(window.start, self.size.size_s):
            return
        if window.end > self._saved.closed_through:
            self._findings.waiting[self.size] += 1
            self.open_frames += window.frames
        elif self._was_passed_over(window):
            self._note_closed_early(window, None)
        else:
            gap_s = self._gap_s(window.start)
            if gap_s <= self._gap_limit_s:
                for empty in range(window.start - gap_s, window.start, self.size.size_s):
                    self._compare(Window(self.size, empty, 0, 0))
            self._compare(window)

    def finish(self) -> None:
        """Check the remaining records, after the last expected window."""
        self._pass_before(self._within.end)
        self._begin_averages(self._within.end)
        for start, strays in sorted(self._strays.items()):
            if self._within.holds(start, self.size.size_s):
                self._too_many([stray for stray in strays if isinstance(stray, Record)])

    def _gap_s(self, start: int) -> int:
        """Return the seconds without windows before one; a reset forward leaves those before it without rows."""
        since = self._saved.since
        last = max(self.last, since - self.size.size_s) if 0 < since <= start else self.last
        return start - last - self.size.size_s if self.last >= 0 else 0

    def _was_passed_over(self, window: Window) -> bool:
        """Return whether the outputs show that this window never had a row: it was closed before its first frame came.

        A missing record leaves a hole; one that never existed is part of the gap that the next record reports.
        """
        if self._knows_frames(window):
            return False
        if window.start > self._saved.last:
            return True
        after = self._next
        if after is None or after.start <= window.start or window.start in self._strays:
            return False
        if self.last < 0:
            return after.average == after.number
        return after.gap_s > 0 and after.start - after.gap_s <= window.start

    def _compare(self, window: Window) -> None:
        """Compare a window that must have exactly one record."""
        self._pass_before(window.start)
        self._begin_averages(window.start)
        in_order, strays = self._take(window.start), self._strays.pop(window.start, [])
        records = [*in_order, *(stray for stray in strays if isinstance(stray, Record))]
        expected = self._shown(
            window.number, window.frames, self.averages.with_next(window.number), self._expected_gap(window)
        )
        self._findings.compared[self.size] += 1
        count = window.number
        if any(isinstance(stray, Deleted) for stray in strays) and isinstance(strays[-1], Deleted):
            self._add(Kind.DELETED, window.start, expected, self._shown_all(records), "its key has a tombstone")
        elif not records:
            self._add(Kind.MISSING, window.start, expected, "")
        else:
            count = self._compare_values(window, self._valid(records), expected)
        if len(records) > 1:
            self._add(Kind.DOUBLED, window.start, expected, self._shown_all(records))
        self.averages.append(count)
        self.last = window.start

    def _compare_values(self, window: Window, record: Record, expected: str) -> int:
        """Compare a window's values, and return the count to expect in later averages."""
        average, gap_s = self.averages.with_next(window.number), self._expected_gap(window)
        has_average = not self.knows_averages or record.average == average
        if (record.number, record.frames) == (window.number, window.frames):
            if not has_average or record.gap_s != gap_s:
                self._add(Kind.AVERAGE, window.start, expected, self._shown_all([record]))
            return window.number
        if self._may_be_closed_early(window, record):
            self._note_closed_early(window, record)
            return record.number
        self._add(Kind.DIFFERS, window.start, expected, self._shown_all([record]))
        return window.number

    def _may_be_closed_early(self, window: Window, record: Record) -> bool:
        """Return whether a window with too few frames may have been closed before the others arrived.

        Its average is the evidence: it was computed from the published count.
        """
        is_short = record.frames < window.frames and record.number <= window.number
        return (
            not self._knows_frames(window)
            and is_short
            and (not self.knows_averages or record.average == self.averages.with_next(record.number))
        )

    def _knows_frames(self, window: Window) -> bool:
        """Return whether the input topic proves the frames of a window: dead letters are those that came later."""
        if not self._may_close_early:
            return True
        return self.size is largest() and window.start not in self._may_be_short

    def _note_closed_early(self, window: Window, record: Record | None) -> None:
        frames = window.frames - (record.frames if record else 0)
        if self.size is SECOND:
            self._findings.late_by_early_closing += frames
        self._findings.add(
            Kind.CLOSED_EARLY,
            self.size.name,
            window.start,
            recount=numbered(window.frames, "frame"),
            published=numbered(record.frames, "frame") if record else "no row",
            note=f"{numbered(frames, 'frame')} arrived later",
        )

    def _begin_averages(self, start: int) -> None:
        """Restart the averages at the first window after a reset; earlier ones may have started anywhere."""
        if 0 < self._averages_begin <= start:
            self.averages, self.knows_averages, self._averages_begin = Averages(), True, 0

    def _valid(self, records: list[Record]) -> Record:
        """Return the valid record of a window: the first; after a reset, the last."""
        return records[-1] if 0 < self._saved.since <= records[0].start else records[0]

    def _expected_gap(self, window: Window) -> int:
        """Return the gap that a window's record must report: one too long for zero rows, or 0."""
        gap_s = self._gap_s(window.start)
        return gap_s if gap_s > self._gap_limit_s else 0

    def _take(self, start: int) -> list[Record]:
        """Take the records of one window; with several partitions, more than one may be in order."""
        records = []
        while self._next is not None and self._next.start == start:
            records.append(self._next)
            self._next = next(self._published, None)
        return records

    def _pass_before(self, start: int) -> None:
        """Report the records before the next expected window as too many."""
        while self._next is not None and self._next.start < start:
            at = self._next.start
            records = self._take(at)
            if self._within.holds(at, self.size.size_s):
                strays = self._strays.pop(at, [])
                self._too_many([*records, *(stray for stray in strays if isinstance(stray, Record))])

    def _too_many(self, records: list[Record]) -> None:
        may_be_newer = (
            not self._is_settled or self._saved.since > 0
        )  # published before a reset, and due to be published again
        is_newer = may_be_newer and records and records[0].end > self._saved.closed_through
        if records and not is_newer:
            self._add(Kind.TOO_MANY, records[0].start, "", self._shown_all(records))

    def _pass_before_range(self) -> None:
        """Add up the records before the range, for the averages in it; they are not compared."""
        while self._next is not None and self._next.start < self._within.start:
            start = self._next.start
            strays = [stray for stray in self._strays.get(start, []) if isinstance(stray, Record)]
            self._begin_averages(start)
            first = self._valid([*self._take(start), *strays])
            self.knows_averages &= first.average == self.averages.with_next(first.number)
            self.knows_averages &= self._gap_s(first.start) == first.gap_s
            self.averages.append(first.number)
            self.last = first.start
        if not self.knows_averages and not self._averages_begin:
            self._findings.remarks.append(
                f"the averages of {self.size.plural} are not verified: the records before the range are incomplete"
            )

    def _add(self, kind: Kind, start: int, expected: str, published: str, note: str = "") -> None:
        self._findings.add(kind, self.size.name, start, recount=expected, published=published, note=note)

    def _shown_all(self, records: list[Record]) -> str:
        return "; ".join(self._shown(record.number, record.frames, record.average, record.gap_s) for record in records)

    def _shown(self, count: int, frames: int, average: float, gap_s: int) -> str:
        things = numbered(frames, "frame")
        if self.size.counts is Counts.USERS:
            things = f"{count:,} {'user' if count == 1 else 'users'}, {things}"
        gap = f", gap {gap_s:,} s" if gap_s else ""
        return f"{things}, avg {average:,.3f}{gap}"
