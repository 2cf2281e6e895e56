"""State of a group at another position: no window lacks frames, and no frame counts twice.

Backward, windows that were closed by then stay unchanged; the others are open again, and all their frames are reread.
Forward, windows that lack skipped frames are never published. Either way averages and counters start again there:
they would need more of the earlier frames than is reread.
"""

from collections.abc import Mapping

from msgspec.structs import astuple, replace

from metrics.frames.core.state import MovedOver, PartitionState, State, Tally
from metrics.frames.core.windows import Series
from metrics.frames.sizes import largest


def all_closed_through(state: State) -> int:
    """Return the second through which the windows of all sizes are closed and published; 0 if none is."""
    return min(series.closed_through for series in state.series.values())


def lost_frames(state: State) -> int:
    """Return the number of lost frames over all partitions."""
    return sum(at.tally.lost for at in state.partitions.values())


def begun_again(replayed: State, before: State) -> State:
    """Return the state of a replay with averages and counters that start with its open windows.

    A state without closed windows counts every frame from the first, and keeps its counters.

    Args:
        before: the state before the reset; its lost frames stay lost.
    """
    partitions = {number: _continued(before.partitions[number], at) for number, at in replayed.partitions.items()}
    if not all_closed_through(replayed):
        return replace(replayed, partitions=partitions)
    for number, at in partitions.items():
        at.tally = _tally(before.partitions[number].tally.lost, at.open, at.tally.held)
    series = {size_s: _begun_again(series, size_s) for size_s, series in replayed.series.items()}
    return replace(replayed, series=series, partitions=partitions)


def _begun_again(series: Series, size_s: int) -> Series:
    """Forget the windows so far except the last: the gap after it is filled, or reported, as before."""
    through = series.closed_through
    since = series.last + size_s if series.last >= 0 else through - through % size_s
    return Series(series.last, closed_through=through, since=since)


def _continued(before: PartitionState, after: PartitionState) -> PartitionState:
    """Return the state of a partition with what `verify` has to know of all before it."""
    return replace(
        after,
        moved_over=moved_over_by(before, after),
        judged_since=min(before.judged_since, after.restart_offset),
        resolutions=_resolutions(before, after),
    )


def _tally(lost: int, opened: int = 0, held: int = 0) -> Tally:
    return Tally(opened + held + lost, opened, held=held, lost=lost)


def moved_over_by(before: PartitionState, after: PartitionState) -> MovedOver:
    """Return what all resets of a partition moved over, including one from a state to another."""
    again_from, again_to, skipped_from, skipped_to = astuple(before.moved_over)
    if after.restart_offset < before.position:
        again_from = min(again_from, after.restart_offset) if again_to else after.restart_offset
        again_to = max(again_to, before.position)
    undecided_from = before.held_at if before.held_at >= 0 else before.position
    if after.restart_offset > undecided_from:
        skipped_from = skipped_from if skipped_to else undecided_from
        skipped_to = after.position
    elif skipped_to > after.position:
        skipped_from, skipped_to = (skipped_from, after.position) if skipped_from < after.position else (0, 0)
    return MovedOver(again_from, again_to, skipped_from, skipped_to)


def read_again_by(before: State, after: State) -> dict[int, tuple[int, int]]:
    """Return the ranges of offsets, by partition, whose frames a reset lets the group judge once more."""
    starts = {number: at.held_at if at.held_at >= 0 else at.position for number, at in after.partitions.items()}
    ends = {number: at.position for number, at in before.partitions.items()}
    return {number: (start, ends[number]) for number, start in starts.items() if start < ends[number]}


def _resolutions(before: PartitionState, after: PartitionState) -> list[tuple[int, int]]:
    """Return how held frames were resolved, also before those that open windows need: `verify` judges them by it."""
    return [at for at in before.resolutions if at[0] <= after.restart_offset] + [
        at for at in after.resolutions if at[0] > after.restart_offset
    ]


def without_windows(state: State, lows: Mapping[int, int], goals: Mapping[int, int]) -> State:
    """Return the state before a replay of skipped frames: at the positions, or at the lows of partitions moved back."""
    partitions = {
        number: _closed_at(at, max(at.position, lows[number]))
        if goals[number] >= at.position
        else PartitionState(lows[number], lows[number])
        for number, at in state.partitions.items()
    }
    closed = Series(closed_through=state.closing_to)
    return replace(state, series={size_s: replace(closed) for size_s in state.series}, partitions=partitions)


def skipping(before: State, ahead: State, whole_from: int = 0) -> State:
    """Return the state after the frames from the positions of `before` to those of `ahead` were skipped.

    No window that contains one of them is published, not even as a zero row. Held frames are not skipped: they belong
    to the windows of the frames that follow.

    Args:
        ahead: the state after a replay of these frames; only its event times and positions are used.
        whole_from: the start of a window of the largest size; earlier windows lack frames that are gone.
    """
    newest = (max(at.newest, at.furthest) for at in ahead.partitions.values())
    through = largest().end_of(max(0, before.closing_to - 1, whole_from - 1, *newest))
    return State(
        through,
        before.rules,
        {size_s: _skipped(series, through, size_s) for size_s, series in before.series.items()},
        {number: _moved(at, ahead.partitions[number], through) for number, at in before.partitions.items()},
    )


def _skipped(series: Series, through: int, size_s: int) -> Series:
    """Continue as if the window before `through` had been the last, so that no zero rows are published before it."""
    return Series(through - size_s if series.last >= 0 else -1, closed_through=through, since=through)


def _moved(at: PartitionState, ahead: PartitionState, through: int) -> PartitionState:
    given_up = at.open + at.tally.held if ahead.position >= at.position else 0
    start = ahead.held_at if ahead.held_at >= 0 else ahead.position
    return replace(
        _continued(at, _closed_at(ahead, start)),
        furthest=ahead.newest,
        watermark=through,
        added_at_watermark=through,
        tally=_tally(at.tally.lost + given_up),
    )


def _closed_at(at: PartitionState, position: int) -> PartitionState:
    """Return a partition with the event clock of another state, and no open windows."""
    return PartitionState(
        position,
        position,
        newest_at_restart=at.newest,
        newest=at.newest,
        watermark=at.watermark,
        furthest=at.furthest,
        recorded_s=at.recorded_s,
        recorded_s_at_restart=at.recorded_s,
    )
