"""The whole core driven through batches, idle times, ends of the input and crashes; only what was committed counts."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from metrics.frames import sizes
from metrics.frames.core.counter import Counter
from metrics.frames.core.event_clock import end_of_input
from metrics.frames.core.state import PartitionState, Rules, State
from metrics.frames.records import Record
from metrics.frames.sizes import Counts
from tests.frames.core.message import message
from tests.reference import End, IdleTime, Timeline, count_windows

if TYPE_CHECKING:
    from metrics.frames.core.partition import RejectedFrame

RULES = Rules(lateness_s=5, future_limit_s=300)
GAP_LIMIT_S = 150


class Run:
    """Reads partitions, and keeps only what was committed.

    Attributes:
        crashes: asked now and then whether there is a crash.
        kept: the records committed.
        rejected: the rejected frames committed, by partition.
        idle_times: what idle time, or an end of the input, closed for good.
        ends: the positions at which the input was taken to end, by partition.
    """

    def __init__(self, partitions: Mapping[int, Timeline], crashes: Callable[[], bool], first: int = 99) -> None:
        """Begin with the first so many partitions; the others are added later."""
        self.partitions = partitions
        self.existing = min(first, len(partitions))
        self.crashes = crashes
        self.kept: list[Record] = []
        self.rejected: dict[int, list[RejectedFrame]] = {partition: [] for partition in partitions}
        self.idle_times: list[IdleTime] = []
        self.ends: dict[int, list[End]] = {partition: [] for partition in partitions}
        self.committed = msgspec.json.encode(State.fresh(dict.fromkeys(range(self.existing), 0), RULES))
        self.start()

    def start(self) -> None:
        """Start as after a crash: from the committed state and the input topic; again where it crashes at once."""
        while not self._start():
            pass

    def _start(self) -> bool:
        self._records: list[Record] = []
        self._heard: list[IdleTime] = []
        self._ends: list[tuple[int, End]] = []
        saved = msgspec.json.decode(self.committed, type=State)
        for partition in range(self.existing):
            saved.partitions.setdefault(partition, PartitionState(0, 0))
        self.counter = Counter(saved, RULES, gap_limit_s=GAP_LIMIT_S, now_s=0)
        for partition, state in saved.partitions.items():
            for offset in range(state.restart_offset, state.position):
                self.counter.partitions[partition].rebuild(message(offset, *self.partitions[partition][offset]))
        self.counter.resume()
        self._hear()
        return self._take(self.counter.close(now_s=0))

    def batch(self, partition: int, frames: int) -> None:
        """Read some frames of a partition, and close what can be closed."""
        counter = self.counter.partitions[partition]
        start = counter.position
        chosen = self.partitions[partition][start : start + frames]
        counter.count([message(offset, *sent) for offset, sent in enumerate(chosen, start)])
        counter.read_to(start + len(chosen), now_s=0)
        self._close(self.counter.close(now_s=0))

    def add_partition(self) -> None:
        """Let the topic get one more partition."""
        self.counter.add_partition(self.existing, 0, now_s=0)
        self.existing += 1
        self._hear()

    def idle(self, partition: int, for_s: float) -> None:
        """Let a partition be idle; it stays so through batches that do not move its clock."""
        self.counter.mark_idle(partition, for_s)
        self._close(self.counter.close(now_s=for_s))

    def end(self) -> None:
        """Take the input to end here, and close all; a crash may come in between."""
        self.counter.resolve()
        self._close(self.counter.close_all())

    def end_for_good(self) -> None:
        """Take the input to end, through any crashes."""
        while True:
            self.end()
            clocks = [counter.clock for counter in self.counter.partitions.values()]
            held = self.counter.tally().held
            if self.counter.windows.closed_through >= end_of_input(clocks) and not held:
                break
        self.commit()

    def _close(self, records: Iterable[Record]) -> None:
        """Take what is closed, and start again after a crash."""
        if not self._take(records):
            self.start()

    def _take(self, records: Iterable[Record]) -> bool:
        """Take what is closed; now and then commit before the last of it, and crash: False."""
        for record in records:
            self._hear()  # closing has begun: idle time moved the partitions that had not come so far
            self._records.append(record)
            if self.crashes():
                self.commit()
                if self.crashes():
                    return False
        self._hear()
        return True

    def _hear(self) -> None:
        """Note up to where each partition's seconds are closed for the frames that it still sends."""
        for partition, counter in self.counter.partitions.items():
            held = counter.guard.held
            first = held[0].message.offset() if held else counter.position
            self._heard.append(IdleTime(partition, first, counter.clock.watermark))
            self._ends += [(partition, End(*end)) for end in counter.resolutions]

    def commit(self) -> None:
        """Keep what was closed and rejected, and the state."""
        self.kept += self._records
        self.idle_times += self._heard
        for partition, end in self._ends:
            self.ends[partition].append(end)
        self._records, self._heard, self._ends = [], [], []
        for partition, counter in self.counter.partitions.items():
            self.rejected[partition] += counter.take_rejected()
        assert self.counter.tally().is_conserved()
        self.committed = msgspec.json.encode(self.counter.state())

    def unread(self) -> Iterator[int]:
        """Yield the partitions that hold more."""
        for partition, counter in self.counter.partitions.items():
            if counter.position < len(self.partitions[partition]):
                yield partition

    def check(self) -> None:
        """Compare what was committed with the plain reference."""
        answer = count_windows(
            self.partitions,
            [size.size_s for size in sizes.SIZES],
            lateness_s=RULES.lateness_s,
            gap_limit_s=GAP_LIMIT_S,
            future_limit_s=RULES.future_limit_s,
            idle_times=self.idle_times,
            ends=self.ends,
        )
        for size in sizes.SIZES:
            kept = [(at.start, at.frames, at.number, at.average, at.gap_s) for at in self.kept if at.size is size]
            counts_users = size.counts is Counts.USERS
            assert kept == [
                (start, frames, users, average_of_users, gap_s)
                if counts_users
                else (start, frames, frames, average, gap_s)
                for start, frames, average, gap_s, users, average_of_users in answer.windows[size.size_s]
            ]
        tally = self.counter.tally()
        assert tally.is_conserved()
        assert (tally.counted, tally.late, tally.late_in_minute, tally.future) == answer[1:]
        assert tally.consumed == sum(map(len, self.partitions.values()))
        assert sum(map(len, self.rejected.values())) == sum(tally.rejected.values())
        assert all(len(counter.log) == 0 for counter in self.counter.partitions.values())
        assert not any(self.counter.windows.open.values())
