"""What a state becomes when its group is set to read from elsewhere: nothing counts twice, no window lacks frames.

Back, it becomes the state of a run that has read so far: the frames up to there are counted once more, and nothing is
published. Forward, windows lack the frames that are skipped; so these windows are never published.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from metrics.frames.core.counter import Counter
from metrics.frames.core.frame import FrameMessage, Reason
from metrics.frames.core.state import PartitionState, State, Tally
from metrics.frames.core.windows import SECOND_S, Record, Series
from metrics.times import LAST_SECOND, MINUTE_S, Moment, minute_of

NEVER = LAST_SECOND + MINUTE_S  # a second that event time does not reach


def closed_through(state: State) -> int:
    """Return the second through which all windows are closed and published; 0 where none is."""
    return min(state.seconds.closed_through, state.minutes.closed_through)


class Replay:
    """Counts frames from a state without open windows on, and publishes nothing.

    The partition that is behind in event time goes on, so that little has to be kept of the others.

    Args:
        ends: the offset of each partition before which it stops.
        holding: partitions that go on behind their end: what they do not close there stays open.
        until: a partition stops when no second that ends at or before this can take another frame of it.
        close_to: windows that end later are not closed.
    """

    def __init__(
        self,
        begin: State,
        ends: Mapping[int, int],
        *,
        holding: Collection[int] = (),
        until: int = NEVER,
        close_to: int = NEVER,
        gap_limit_s: int,
    ) -> None:
        self._counter = Counter(begin, begin.rules, gap_limit_s=gap_limit_s, now_s=0)
        self._counter.resume()
        self._ends = ends
        self._ended: set[int] = set()
        self._holding = holding
        self._until = until
        self._close_to = close_to
        self._on_record: Callable[[Record], None] = lambda _: None

    def next(self) -> int | None:
        """Return the partition whose frames are to be given next; None when all were given."""
        clocks = {number: counter.clock for number, counter in self._counter.partitions.items()}
        reading = [number for number in clocks if number not in self._ended and clocks[number].watermark < self._until]
        return min(reading, key=lambda number: (clocks[number].newest, number), default=None)

    def take(self, partition: int, messages: Sequence[FrameMessage]) -> None:
        """Count the next frames of a partition."""
        counter = self._counter.partitions[partition]
        counter.count(messages)
        counter.rejected.clear()
        counter.read_to(messages[-1].offset() + 1, 0)
        self._close()

    def end(self, partition: int) -> None:
        """Note that a partition has no more frames before its end."""
        self._counter.partitions[partition].read_to(self._ends[partition], 0)
        self._ended.add(partition)
        self._close()

    def positions(self) -> dict[int, int]:
        """Return how far each partition was read."""
        return {number: counter.state().position for number, counter in self._counter.partitions.items()}

    def go_on(self, ends: Mapping[int, int], close_to: int, on_record: Callable[[Record], None]) -> None:
        """Go on to other ends, where nothing stays open that ends at or before `close_to`.

        Args:
            on_record: told of each window that is closed on the way.
        """
        self._ends, self._close_to, self._on_record = ends, close_to, on_record
        self._ended.clear()
        self._holding, self._until = (), NEVER

    def state(self) -> State:
        """Return the state that this led to."""
        return self._counter.state()

    def _close(self) -> None:
        partitions = self._counter.partitions.items()
        holding = [at.clock.watermark for number, at in partitions if number not in self._ended - {*self._holding}]
        for record in self._counter.close_to(min([self._close_to, *holding])):
            self._on_record(record)


def with_rows_of_0(state: State, before: State, gap_limit_s: int) -> State:
    """Return a state set back with the rows of 0 that end where it is closed: they are published, but come last.

    A row is published with the next window that has frames, and that one is published once more.

    Args:
        before: the state that was set back.
    """
    seconds = [at.oldest_second for at in state.partitions.values()]
    minutes = [at.oldest_minute for at in state.partitions.values()]
    through = closed_through(state)
    return replace(
        state,
        seconds=_with_rows(state.seconds, before.seconds, seconds, through, SECOND_S, gap_limit_s),
        minutes=_with_rows(state.minutes, before.minutes, minutes, through, MINUTE_S, gap_limit_s),
    )


def _with_rows(
    series: Series, before: Series, open_from: Iterable[int], through: int, size_s: int, gap_limit_s: int
) -> Series:
    following = min((start for start in open_from if start >= 0), default=NEVER)
    gap_s = series.gap_s(following, size_s)
    if not 0 < gap_s <= gap_limit_s or following > before.last:
        return series
    rows = (min(through, following) - series.last) // size_s - 1
    return replace(series, last=series.last + rows * size_s, windows=series.windows + rows)


def with_counters_anew(state: State) -> State:
    """Return a state set back that counts nothing but its open windows: the frames before are not all there."""
    partitions = {
        number: replace(at, tally=Tally(at.open + at.tally.held, at.open, held=at.tally.held))
        for number, at in state.partitions.items()
    }
    anew = Series(closed_through=closed_through(state))
    return replace(state, seconds=anew, minutes=replace(anew), partitions=partitions)


def as_published(state: State, seconds: Series, minutes: Series, late: Mapping[int, int]) -> State:
    """Return a state set back that goes on from what was published of the windows that stay.

    By their frames there may be more, which came when windows had been closed early: those were late. Or there are
    fewer, since frames are gone.

    Args:
        late: how many frames of each partition were rejected as late before its position.
    """
    partitions = {number: replace(at, tally=_copied(at.tally)) for number, at in state.partitions.items()}
    more = sum(at.tally.counted - at.open for at in partitions.values()) - seconds.total
    for number, at in partitions.items():
        rejected = min(max(0, more), at.tally.counted - at.open, max(0, late.get(number, 0) - _rejected_as_late(at)))
        if rejected:
            _take_for_late(at.tally, rejected)
            at.tally.rejected[Reason.LATE] = _rejected_as_late(at) + rejected
            more -= rejected
    for at in partitions.values():
        joined = min(max(0, more), at.tally.counted - at.open)
        _take_for_late(at.tally, joined)
        at.tally.joined += joined
        more -= joined
    first = partitions[min(partitions)].tally
    first.counted += max(0, -more)
    first.consumed += max(0, -more)
    return replace(state, seconds=seconds, minutes=minutes, partitions=partitions)


def _rejected_as_late(at: PartitionState) -> int:
    return at.tally.rejected.get(Reason.LATE, 0)


def _take_for_late(tally: Tally, frames: int) -> None:
    tally.counted -= frames
    tally.late += frames


def _copied(tally: Tally) -> Tally:
    copied = Tally()
    copied.add(tally)
    return copied


def without_open_windows(state: State) -> State:
    """Return a state that gives up its open windows and what it holds: these frames are lost."""
    partitions = {number: _without_open_frames(at) for number, at in state.partitions.items()}
    return State(state.closing_to, state.rules, replace(state.seconds), replace(state.minutes), partitions)


def _without_open_frames(at: PartitionState) -> PartitionState:
    tally = _copied(at.tally)
    tally.lost += at.open + tally.held
    tally.counted -= at.open
    tally.held = 0
    return replace(
        at,
        low_water=at.position,
        newest_at_low_water=at.newest,
        recorded_s_at_low_water=at.recorded_s,
        open=0,
        tally=tally,
        oldest_second=-1,
        oldest_minute=-1,
        held_at=-1,
    )


def skipping(state: State, ahead: State, whole_from: int = 0) -> State:
    """Return a state without open windows after the frames from its positions to those of another were skipped.

    No window that one of them is in is published: neither with what else is in it, nor as a row of 0. Frames that still
    wait for proof are not skipped: with those that follow, they would be the only ones of their windows.

    Args:
        ahead: the state as it is if the frames are counted; of it, only event time and positions are taken.
        whole_from: the start of a minute, before which windows lack frames that cannot be read.
    """
    last = max(state.closing_to - 1, whole_from - 1, *(max(at.newest, at.furthest) for at in ahead.partitions.values()))
    whole_from = minute_of(last) + MINUTE_S if last >= 0 else 0
    return State(
        whole_from,
        state.rules,
        _passed_over(state.seconds, whole_from, SECOND_S),
        _passed_over(state.minutes, whole_from, MINUTE_S),
        {number: _going_on(at, ahead.partitions[number], whole_from) for number, at in state.partitions.items()},
    )


def _going_on(at: PartitionState, ahead: PartitionState, whole_from: int) -> PartitionState:
    start = ahead.held_at if ahead.held_at >= 0 else ahead.position
    return replace(
        at,
        position=start,
        low_water=start,
        newest=ahead.newest,
        newest_at_low_water=ahead.newest,
        furthest=ahead.newest,
        recorded_s=ahead.recorded_s,
        recorded_s_at_low_water=ahead.recorded_s,
        watermark=whole_from,
        taken_up_at=whole_from,
    )


def _passed_over(series: Series, whole_from: int, size_s: int) -> Series:
    """Go on as if the window before `whole_from` had been the last one, so that no rows of 0 are published before."""
    return replace(series, last=whole_from - size_s if series.last >= 0 else -1, closed_through=whole_from)


class Stretch(msgspec.Struct):
    """Windows of one size.

    Attributes:
        first: start of the first one; null where it is the first there is.
        last: start of the last one.
        windows: how many; null where that is not known.
    """

    first: Moment | None
    last: Moment
    windows: int | None

    @classmethod
    def between(cls, start: int, end: int, size_s: int) -> "Stretch | None":
        """Return all windows of `[start, end)`, or up to its end where the start is 0; None where there is none."""
        if end <= start:
            return None
        first = Moment.of(start) if start else None
        return cls(first, Moment.of(end - size_s), (end - start) // size_s if start else None)


class Stretches(msgspec.Struct):
    """Windows of both sizes; null where there are none."""

    seconds: Stretch | None
    minutes: Stretch | None


class WindowCounts(msgspec.Struct):
    """How many windows of both sizes."""

    seconds: int
    minutes: int


def first_open(state: State) -> int:
    """Return the earliest second that is open and has frames; 0 where there is none."""
    return min((at.oldest_second for at in state.partitions.values() if at.oldest_second >= 0), default=0)
