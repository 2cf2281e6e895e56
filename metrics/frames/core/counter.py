"""The whole core: frames of several partitions go in, records of closed windows come out."""

from collections.abc import Iterator
from copy import copy

from msgspec.structs import replace

from metrics.frames.core.event_clock import EventClock, common_watermark, end_of_input
from metrics.frames.core.partition import PartitionCounter
from metrics.frames.core.state import PartitionState, Rules, State, Tally
from metrics.frames.core.windows import AllWindows
from metrics.frames.records import Record
from metrics.frames.sizes import SECOND
from metrics.wording.errors import StateError


class Counter:
    """Counter of the frames of several partitions: frames per second, unique users per minute, and further sizes.

    It starts from a saved state: pass each partition's frames from restart offset to position to its `rebuild`, then
    call `resume`. Time is an argument: `now_s` is monotonic time in seconds.

    Raises:
        StateError: the state has open windows, and their frames were judged by other rules.
    """

    def __init__(self, saved: State, rules: Rules, *, gap_limit_s: int, now_s: float) -> None:
        require_same_rules(saved, rules)
        is_judged_alike = saved.is_judged_by(rules)
        self._rules = rules
        self.windows = AllWindows(gap_limit_s, saved.series, saved.closing_to)
        self.partitions = {
            number: PartitionCounter(
                self.windows,
                state if is_judged_alike else replace(state, judged_since=state.position),
                rules,
                now_s,
            )
            for number, state in sorted(saved.partitions.items())
        }
        # Closing raises the watermark of every partition to the common one, so a partition with a lower one is new.
        self._added_at_watermark = {
            number: state.added_at_watermark if state.watermark >= saved.closing_to else saved.closing_to
            for number, state in saved.partitions.items()
        }

    def resume(self) -> None:
        """Continue from the saved state.

        Raises:
            StateError: the frames passed to `rebuild` differ from those that the state was saved with.
        """
        for partition in self.partitions.values():
            partition.end_rebuild()
        others = [
            f"partition {number}: {found}" for number, at in self.partitions.items() if (found := at.difference())
        ]
        if others:
            raise StateError(
                "the input topic has changed since the state was saved",
                why="frames that open windows need are missing, or there are others: " + "; ".join(others),
                hint="restore the frames: an input topic must be neither compacted nor rewritten;\n"
                "or continue without them: python app.py --accept-loss",
            )
        for partition in self.partitions.values():
            partition.resume()
            partition.raise_watermark(self.windows.closing_to)
        closed = sum(partition.closed_frames() for partition in self.partitions.values())
        assert closed == self.windows.series[SECOND.size_s].total, (
            "every frame counted is in a second, open or published"
        )

    def write_off(self) -> int:
        """Count frames that were not passed to `rebuild` as lost; returns their number. Called before `resume`."""
        for partition in self.partitions.values():
            partition.end_rebuild()
        missing = sum(partition.missing() for partition in self.partitions.values())
        for partition in self.partitions.values():
            partition.write_off()
        return missing

    def add_partition(self, number: int, start: int, now_s: float) -> None:
        """Add a new partition, read from the offset `start`; closed windows stay closed for it."""
        added = PartitionState.added(start, self.windows.closing_to)
        partition = PartitionCounter(self.windows, added, self._rules, now_s)
        partition.resume()
        self.partitions[number] = partition
        self._added_at_watermark[number] = added.added_at_watermark

    def mark_idle(self, number: int, at_s: float) -> None:
        """Note that a partition was idle at monotonic time `at_s`: read to its end, without new event time for long."""
        self.partitions[number].clock.idle_at_s = at_s

    def mark_active(self, number: int) -> None:
        """Note that a partition is not idle, or not known to be."""
        self.partitions[number].clock.idle_at_s = None

    def leads(self, now_s: float) -> dict[int, int]:
        """Return how many seconds of event time each partition is ahead of the slowest that is not idle.

        Without one, the result is empty. A partition without frames counts as if its event time were the earliest open
        second, so that it does not let the others run ahead.
        """
        active = [clock for clock in self._clocks() if not clock.is_idle(now_s)]
        slowest = [clock.newest for clock in active if clock.newest >= 0]
        if len(slowest) < len(active):
            firsts = [partition.log.first_second() for partition in self.partitions.values()]
            slowest += [second for second in firsts if second is not None]
        if not slowest:
            return {}
        return {number: partition.clock.newest - min(slowest) for number, partition in self.partitions.items()}

    def close(self, now_s: float) -> Iterator[Record]:
        """Close the windows that event time has passed, in the order of event time.

        The state may be saved between any two records, but all of them must be consumed before the next frame is
        counted. After a restart, the first call completes what an earlier run left unfinished: no partition's
        watermark is below the one that run was closing to.
        """
        return self.close_to(common_watermark(self._clocks(), now_s))

    def resolve(self) -> None:
        """Resolve the held frames at the end of the input; some may be rejected.

        A partition with one or two frames proves nothing by itself: it is compared with the other partitions' event
        time, or, if none has any, with the median of the held frames.
        """
        held = [frame.frame.ts for partition in self.partitions.values() for frame in partition.guard.held]
        known = [clock.newest for clock in self._clocks() if clock.newest >= 0]
        if held:
            near = max(known) if known else sorted(held)[(len(held) - 1) // 2]
            for partition in self.partitions.values():
                partition.resolve(near)

    def close_all(self) -> Iterator[Record]:
        """Close every window at the end of the input, as `close` does."""
        return self.close_to(end_of_input(self._clocks()))

    def close_to(self, watermark: int) -> Iterator[Record]:
        """Close the windows that end at or before a watermark, as `close` does."""
        if watermark <= self.windows.closed_through:
            return iter(())
        for partition in self.partitions.values():
            partition.resolve_before(watermark)
            partition.raise_watermark(watermark)  # it was lower only if the partition is idle or ends here
        return self.windows.close(watermark, [partition.log for partition in self.partitions.values()])

    def _clocks(self) -> list[EventClock]:
        return [partition.clock for partition in self.partitions.values()]

    def tally(self) -> Tally:
        """Return what became of all frames so far."""
        total = Tally()
        for partition in self.partitions.values():
            total.add(partition.tally())
        return total

    def state(self) -> State:
        """Return the state that a restart needs; it does not change with the counter."""
        windows = self.windows
        return State(
            windows.closing_to,
            self._rules,
            {size_s: copy(series) for size_s, series in windows.series.items()},
            {
                number: replace(partition.state(), added_at_watermark=self._added_at_watermark[number])
                for number, partition in self.partitions.items()
            },
        )


def require_same_rules(saved: State, rules: Rules) -> None:
    """Check that frames of open windows are judged as before.

    Raises:
        StateError: they would be judged by other rules.
    """
    if saved.needs_frames() and not saved.is_judged_by(rules):
        raise _judged_otherwise(saved.rules, rules)


def _judged_otherwise(by: Rules, now: Rules) -> StateError:
    if by.version != now.version:
        return StateError(
            "the frames of open windows were judged by an earlier version",
            why="it judged jumps of event time, or a ts with a fraction, differently from this one",
            hint=f"close them first with that version: {by.beside(now)} python app.py --until-end",
        )
    return StateError(
        f"the frames of open windows were judged by {by}",
        why=f"by {now}, they would be judged differently",
        hint=f"close them first: {by.beside(now)} python app.py --until-end",
    )
