"""Why a window is open: the partitions that keep it open, by the committed state alone."""

from collections.abc import Collection

import msgspec

from metrics.frames.core.state import PartitionState, Rules, State
from metrics.frames.sizes import Size
from metrics.time.moments import Moment


class SlowPartition(msgspec.Struct):
    """A partition that keeps a window open: its clock must advance by `lacks_s`; null if it has no frame yet."""

    partition: int
    lacks_s: int | None


class OpenWindow(msgspec.Struct):
    """The oldest open window of one size.

    Attributes:
        closes_at: the event time that every partition must reach unless it is idle: its end plus the allowed lateness.
        is_closing: its closing has begun, and only needs a running instance.
        kept_open_by: the partitions that have not reached it yet, the slowest first.
        closes_in_s: if all partitions are idle, the wall time left until it closes; otherwise null.
    """

    start: Moment
    end: Moment
    closes_at: Moment
    is_closing: bool
    kept_open_by: list[SlowPartition] = msgspec.field(name="held_by")
    closes_in_s: int | None = msgspec.field(name="silence_s")


def idle_partitions(state: State) -> set[int]:
    """Return the partitions that are known to be idle.

    Closing raises the watermark of idle partitions, and of no others, to the common watermark. So a partition that has
    the common watermark, but not by its own clock, was raised. It is idle if another partition has that watermark by
    its own clock. It is also idle if all were raised: event time then advances with wall time. A partition that was
    added at the common watermark began with it, which shows nothing.
    """
    at_closing = {number: at for number, at in state.partitions.items() if at.watermark == state.closing_to}
    by_clock = {number for number, at in at_closing.items() if _has_it_by_its_clock(at, state.rules)}
    added = {number for number, at in at_closing.items() if at.added_at_watermark == state.closing_to}
    raised = set(at_closing) - by_clock - added
    are_all = len(raised) == len(state.partitions) and any(at.newest >= 0 for at in state.partitions.values())
    return raised if are_all or by_clock else set()


def _has_it_by_its_clock(at: PartitionState, rules: Rules) -> bool:
    return at.newest >= 0 and at.watermark == max(0, at.newest - rules.lateness_s)


def open_window(state: State, size: Size) -> OpenWindow | None:
    """Return the oldest open window of one size, and the partitions that keep it open; None if none is open."""
    oldest = (at.oldest.get(size.size_s) for at in state.partitions.values())
    start = min((start for start in oldest if start is not None), default=None)
    if start is None:
        return None
    end = start + size.size_s
    is_closing = end <= state.closing_to
    idle = idle_partitions(state)
    is_by_wall_time = len(idle) == len(state.partitions) and not is_closing
    return OpenWindow(
        Moment.of(start),
        Moment.of(end),
        Moment.of(end + state.rules.lateness_s),
        is_closing,
        [] if is_closing else _slow_partitions(state, end, idle),
        end - state.closing_to if is_by_wall_time else None,
    )


def _slow_partitions(state: State, end: int, idle: Collection[int]) -> list[SlowPartition]:
    closes_at = end + state.rules.lateness_s
    slow = sorted(
        (at.watermark, at.newest, number)
        for number, at in state.partitions.items()
        if at.watermark < end and number not in idle
    )
    return [SlowPartition(number, closes_at - newest if newest >= 0 else None) for _, newest, number in slow]
