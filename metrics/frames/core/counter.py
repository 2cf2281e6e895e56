"""The whole core: frames of several partitions go in, records of closed windows come out."""

from collections.abc import Iterator
from copy import copy
from statistics import median_low

from msgspec.structs import replace

from metrics.errors import StateError
from metrics.frames.core.event_clock import EventClock, common_watermark, end_of_input
from metrics.frames.core.partition import PartitionCounter
from metrics.frames.core.state import PartitionState, Rules, State, Tally
from metrics.frames.core.windows import AllWindows
from metrics.frames.records import Record
from metrics.frames.sizes import SECOND


class Counter:
    """Counts the frames of some partitions: frames per second, unique users per minute, and what the table has besides.

    It starts from a saved state: give each partition's `rebuild` the frames from its restart offset to its position,
    then call `resume`. Time is an argument: `now_s` is wall time in seconds, on any clock that never runs backwards.

    Raises:
        StateError: the state has open windows whose frames were judged by other rules.
    """

    def __init__(self, saved: State, rules: Rules, *, gap_limit_s: int, now_s: float) -> None:
        if saved.rules != rules and saved.needs_frames():
            raise _judged_otherwise(saved.rules, rules)
        self._rules = rules
        self.windows = AllWindows(gap_limit_s, saved.series, saved.closing_to)
        self.partitions = {
            partition: PartitionCounter(self.windows, state, rules, now_s)
            for partition, state in sorted(saved.partitions.items())
        }
        # Closing raises every watermark to where it goes: one that lies below it is of a partition that is new.
        self._added_at_watermark = {
            partition: state.added_at_watermark if state.watermark >= saved.closing_to else saved.closing_to
            for partition, state in saved.partitions.items()
        }

    def resume(self) -> None:
        """Go on where the saved state stopped.

        Raises:
            StateError: the frames that were given to `rebuild` are not those that the state was saved with.
        """
        for counter in self.partitions.values():
            counter.end_rebuild()
        others = [
            f"partition {number}: {found}" for number, at in self.partitions.items() if (found := at.difference())
        ]
        if others:
            raise StateError(
                "the input is not what the state was saved with",
                why="the topic does not hold just the frames that open windows need: " + "; ".join(others),
                hint="bring the frames back: a topic of frames must be neither compacted nor written anew;\n"
                "or go on without them: python app.py --accept-loss",
            )
        for counter in self.partitions.values():
            counter.resume()
            counter.raise_watermark(self.windows.closing_to)
        closed = sum(counter.closed_frames() for counter in self.partitions.values())
        assert closed == self.windows.series[SECOND.size_s].total, (
            "every frame counted is in a second, open or published"
        )

    def write_off(self) -> int:
        """Take frames that were not given to `rebuild` for lost; returns how many. To be called before `resume`."""
        for counter in self.partitions.values():
            counter.end_rebuild()
        missing = sum(counter.missing() for counter in self.partitions.values())
        for counter in self.partitions.values():
            counter.write_off()
        return missing

    def add_partition(self, partition: int, start: int, now_s: float) -> None:
        """Take up a partition that is new, from the offset of its first record; what is closed stays closed for it."""
        added = PartitionState.added(start, self.windows.closing_to)
        counter = PartitionCounter(self.windows, added, self._rules, now_s)
        counter.resume()
        self.partitions[partition] = counter
        self._added_at_watermark[partition] = added.added_at_watermark

    def mark_idle(self, partition: int, at_s: float) -> None:
        """Note that a partition was idle at a moment of wall time: read to its end, its event time unmoved for long."""
        self.partitions[partition].clock.idle_at_s = at_s

    def mark_active(self, partition: int) -> None:
        """Note that a partition is not idle, or is no longer known to be."""
        self.partitions[partition].clock.idle_at_s = None

    def leads(self, now_s: float) -> dict[int, int]:
        """Return how many seconds of event time each partition is ahead of the slowest.

        A partition that is silent is waited for by nobody; one that has sent nothing yet counts as if it were where
        the earliest open second is.
        """
        speaking = [clock for clock in self._clocks() if not clock.is_idle(now_s)]
        slowest = [clock.newest for clock in speaking if clock.newest >= 0]
        if len(slowest) < len(speaking):
            firsts = [counter.log.first_second() for counter in self.partitions.values()]
            slowest += [second for second in firsts if second is not None]
        if not slowest:
            return {}
        return {number: counter.clock.newest - min(slowest) for number, counter in self.partitions.items()}

    def close(self, now_s: float) -> Iterator[Record]:
        """Close the windows that event time has passed, in the order of event time.

        Between any two records the state may be saved; all of them must be taken in the end, and before the next
        frame is counted. After a restart, the first call takes up what an earlier run left unfinished: no partition's
        watermark is below what closing has once followed.
        """
        return self._close(common_watermark(self._clocks(), now_s))

    def close_to(self, watermark: int) -> Iterator[Record]:
        """Close the windows that end at or before a watermark; in the way that `close` does."""
        return self._close(watermark)

    def resolve(self) -> None:
        """Decide on the frames that are held, for an input that ends here; some may be rejected by that.

        A partition of one or two frames proves nothing by itself: it is held against event time of the others; and
        where none has any, against the middle one of all that is held.
        """
        held = [frame.frame.ts for counter in self.partitions.values() for frame in counter.guard.held]
        known = [clock.newest for clock in self._clocks() if clock.newest >= 0]
        if held:
            near = max(known) if known else median_low(held)
            for counter in self.partitions.values():
                counter.resolve(near)

    def close_all(self) -> Iterator[Record]:
        """Close every window, for an input that ends here; in the way that `close` does."""
        return self._close(end_of_input(self._clocks()))

    def _close(self, watermark: int) -> Iterator[Record]:
        if watermark <= self.windows.closed_through:
            return iter(())
        for counter in self.partitions.values():
            counter.resolve_before(watermark)
            counter.raise_watermark(watermark)  # only a silent partition, or one that ends here, is behind it
        return self.windows.close(watermark, [counter.log for counter in self.partitions.values()])

    def _clocks(self) -> list[EventClock]:
        return [counter.clock for counter in self.partitions.values()]

    def tally(self) -> Tally:
        """Return what became of all frames so far."""
        total = Tally()
        for counter in self.partitions.values():
            total.add(counter.tally())
        return total

    def state(self) -> State:
        """Return what a restart needs; nothing in it changes with the counter."""
        windows = self.windows
        return State(
            windows.closing_to,
            self._rules,
            {size_s: copy(series) for size_s, series in windows.series.items()},
            {
                partition: replace(counter.state(), added_at_watermark=self._added_at_watermark[partition])
                for partition, counter in self.partitions.items()
            },
        )


def _judged_otherwise(by: Rules, now: Rules) -> StateError:
    """Return the error of a state with open windows whose frames would be judged differently."""
    if by.version != now.version:
        return StateError(
            "windows are open whose frames were judged by an earlier version of this program",
            why="it proved jumps of event time in another way, so their frames would be judged differently",
            hint=f"close them first with that version: {by} python app.py --until-end",
        )
    return StateError(
        f"windows are open whose frames were judged by {by}",
        why=f"by {now}, their frames would be judged anew, and differently",
        hint=f"close them first: {by} python app.py --until-end",
    )
