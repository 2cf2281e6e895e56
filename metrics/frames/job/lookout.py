"""Warnings of a run about its stream: once when a problem begins, and once when it ends."""

from collections.abc import Callable, Mapping
from time import time

from metrics.frames.core.counter import Counter
from metrics.frames.core.partition import PartitionCounter
from metrics.frames.core.state import WRONG_SHARE, Tally
from metrics.frames.job.history import OpenSince
from metrics.frames.settings import Settings
from metrics.frames.sizes import SECOND
from metrics.frames.status import warnings
from metrics.frames.status.describe import kept_open, last_minute
from metrics.frames.status.facts import Cause
from metrics.frames.stream_health import OverdueWindows, StreamHealth
from metrics.kafka.job.input_monitor import EndOffset
from metrics.kafka.job.source import Input
from metrics.time.sliding_window import SlidingWindow

LOOK_S = 1.0
MINUTE_S, TALLY_EVERY_S = 60.0, 5.0
# A window may close this much later than it could, since frames are read, and the broker is asked, at intervals.
MARGIN_S = 3.0
# After a longer pause between two looks nothing is known: the process was suspended, or the broker slow.
LONGEST_NAP_S = 5.0
# A partition read to its end within this time has no lag; older answers of the broker do not count.
RECENT_S = 6.0
MAX_NAMED = 3


class Lookout:
    """Lookout for windows that stay open for too long, and for late or rejected frames in the last minute.

    Args:
        report: called with a human-readable message when a problem begins, and when it ends.
    """

    def __init__(self, settings: Settings, report: Callable[[str], None]) -> None:
        self._report = report
        self._idle_s = settings.idle_s
        self._limit_s = settings.lateness_s + settings.idle_s + MARGIN_S
        self._counter: Counter
        self._source: Input
        self._ends: Mapping[int, EndOffset]
        self._open_since = OpenSince()
        self._overdue: OverdueWindows | None = None
        self._warned_of_overdue = self._warned_of_wrong = False
        self._minute: SlidingWindow[Tally] | None = None
        self._looked_at_s = self._overdue_since_s = 0.0

    def begin(self, now_s: float, counter: Counter, source: Input, ends: Mapping[int, EndOffset]) -> None:
        """Forget everything seen: the run has just started, or went back to its last commit.

        Args:
            ends: the last known end offsets of partitions, as the run learns them.
        """
        self._counter, self._source, self._ends = counter, source, ends
        self._minute = SlidingWindow(MINUTE_S, TALLY_EVERY_S, now_s, counter.tally())
        self._open_since.forget()
        self._overdue = None
        self._looked_at_s = now_s

    def look_when_due(self, now_s: float) -> None:
        """Look, unless the last look was less than LOOK_S ago."""
        if now_s - self._looked_at_s >= LOOK_S:
            self.look(now_s)

    def look(self, now_s: float) -> None:
        """Look for problems."""
        if now_s - self._looked_at_s > LONGEST_NAP_S:
            self._open_since.forget()
        self._looked_at_s = now_s
        self._look_at_windows(now_s)
        self._look_at_minute(now_s)

    def health(self, now_s: float) -> StreamHealth:
        """Return what a commit saves for `status`: the tally a minute ago, and overdue windows."""
        if self._minute is None:
            return StreamHealth()
        began_s, before = self._minute.beginning()
        return StreamHealth(round(time() - (now_s - began_s)), before, self._overdue)

    def _look_at_windows(self, now_s: float) -> None:
        partitions, source = self._counter.partitions, self._source
        seconds = [second for at in partitions.values() if (second := at.log.first_second()) is not None]
        slow = _slow_partitions(partitions, SECOND.end_of(min(seconds)), now_s) if seconds else []
        if slow:
            asked = [at for number, at in partitions.items() if number not in source.paused] or partitions.values()
            newest = max(at.clock.newest for at in asked)
            since_s = self._open_since.add(now_s, newest, min(seconds))
        else:
            self._open_since.forget()
            since_s = now_s
        if now_s - since_s <= self._limit_s:
            self._overdue = None
            self._end_overdue(now_s, since_s)
            return
        causes = tuple((number, str(self._cause(number, partitions[number], now_s))) for number in slow[:MAX_NAMED])
        began_s = round(time() - (now_s - since_s))
        self._overdue = OverdueWindows(began_s, min(seconds), causes, len(slow) - len(causes), len(source.paused))
        overdue = kept_open(self._overdue)
        if overdue is not None and not self._warned_of_overdue:
            self._warned_of_overdue, self._overdue_since_s = True, since_s
            self._report(warnings.of_kept_open(overdue, int(now_s - since_s)))

    def _end_overdue(self, now_s: float, since_s: float) -> None:
        """Report once windows clearly close in time again."""
        if self._warned_of_overdue and now_s - since_s <= self._limit_s / 2:
            self._warned_of_overdue = False
            self._report(f"seconds are no longer kept open; some were, for {now_s - self._overdue_since_s:,.0f} s")

    def _cause(self, number: int, partition: PartitionCounter, now_s: float) -> Cause:
        """Return why a partition that is not idle keeps windows open."""
        source = self._source
        if number in source.paused:
            return Cause.PAUSED
        reached = source.reached[number]
        met, met_at_s = source.caught_up.get(number, (-1, 0.0))
        is_read = met >= reached or now_s - met_at_s <= RECENT_S
        if now_s - partition.clock.moved_at_s < self._idle_s:
            return Cause.BEHIND if is_read else Cause.LAG
        end = self._ends.get(number)
        if end is None or now_s - end.asked_at_s > RECENT_S:
            return Cause.UNKNOWN
        if end.offset > reached:
            return Cause.TRANSACTION if is_read else Cause.LAG
        return Cause.IDLE

    def _look_at_minute(self, now_s: float) -> None:
        assert self._minute is not None
        tally = self._counter.tally()
        self._minute.add(now_s, tally)
        minute = last_minute(tally, self.health(now_s))
        if minute is None:
            return
        if not self._warned_of_wrong and minute.is_wrong:
            self._warned_of_wrong = True
            self._report(warnings.of_minute(minute))
        elif (
            self._warned_of_wrong
            and minute.error.rate < WRONG_SHARE / 2
            and now_s - self._minute.beginning()[0] >= MINUTE_S
        ):
            self._warned_of_wrong = False
            self._report(f"late or rejected frames have dropped to {minute.error.rate:.1%} in the last minute")


def _slow_partitions(partitions: Mapping[int, PartitionCounter], end: int, now_s: float) -> list[int]:
    """Return the partitions that are not idle and have not reached the end of a window, the slowest first."""
    slow = sorted(
        (at.clock.watermark, number)
        for number, at in partitions.items()
        if at.clock.watermark < end and not at.clock.is_idle(now_s)
    )
    return [number for _, number in slow]
