"""Description of a group: its facts, computed from what was seen of it."""

from msgspec.structs import asdict

from metrics.frames.core.frame import Reason
from metrics.frames.core.state import PartitionState, Tally
from metrics.frames.sizes import SECOND, SIZES
from metrics.frames.status.facts import (
    Activity,
    Cause,
    ErrorEstimate,
    Frames,
    InstanceStatus,
    KeptOpen,
    LastMinute,
    PartitionEnd,
    PartitionStatus,
    Published,
    RulesStatus,
    Seen,
    Status,
    WaitingPartition,
)
from metrics.frames.status.open_windows import idle_partitions, open_window
from metrics.frames.stream_health import OverdueWindows, StreamHealth
from metrics.time.moments import Moment


def describe(seen: Seen) -> Status:
    """Return the status of a group as it was observed."""
    state = seen.state
    idle = idle_partitions(state)
    at = sorted(state.partitions.items())
    partitions = [_partition(number, partition, seen, is_idle=number in idle) for number, partition in at]
    lags = [partition.lag for partition in partitions]
    closed_through = state.closed_through
    total = Tally()
    for partition in state.partitions.values():
        total.add(partition.tally)
    return Status(  # type: ignore[call-arg]
        seen.group,
        seen.topic,
        Moment.of(int(seen.at_s)),
        InstanceStatus(seen.instance_id, seen.activity),
        RulesStatus(state.rules.lateness_s, state.rules.future_limit_s, seen.idle_s, **asdict(state.rules.shape)),
        _moment(max((partition.newest for _, partition in at), default=-1)),
        _moment(closed_through or -1),
        Moment.of(state.closing_to) if state.closing_to > closed_through else None,
        Published(*(state.series[size.size_s].windows for size in SIZES)),
        all(SECOND.size_s in partition.oldest for _, partition in at if partition.open),
        *(open_window(state, size) for size in SIZES),  # type: ignore[arg-type]
        None if None in lags else sum(lag for lag in lags if lag is not None),
        _frames(total, sum(partition.open for _, partition in at)),
        partitions,
        seen.losses,
        last_minute(total, seen.health),
        kept_open(seen.health.overdue) if seen.activity is Activity.ACTIVE else None,
    )


def last_minute(total: Tally, health: StreamHealth) -> LastMinute | None:
    """Return the last minute, given the tally of all partitions at its end."""
    if health.before is None:
        return None
    lately = total.since(health.before)
    return LastMinute(Moment.of(health.minute_began_s), lately.decided, _error(lately), lately.is_wrong())


def kept_open(overdue: OverdueWindows | None) -> KeptOpen | None:
    """Return which windows have been open for too long, and why; None if none have."""
    if overdue is None:
        return None
    by = [WaitingPartition(number, cause) for number, cause in overdue.partitions]
    return KeptOpen(Moment.of(overdue.since_s), Moment.of(overdue.second), by, overdue.more, overdue.paused)


def _partition(number: int, at: PartitionState, seen: Seen, *, is_idle: bool) -> PartitionStatus:
    end = seen.ends.get(number)
    return PartitionStatus(
        number,
        at.position,
        end.end if end else None,
        end.unread if end else None,
        end.end - end.last_stable if end else None,
        _moment(at.newest),
        _moment(at.watermark or -1),
        is_idle,
        Cause.NEW if number in seen.new else waits_for(at, end, is_active=seen.activity is Activity.ACTIVE),
        at.held_at if at.held_at >= 0 else None,
        _stamp(end.read_at_ms if end else None),
        _stamp(end.unread_at_ms if end else None),
        _frames(at.tally, at.open),
    )


def waits_for(at: PartitionState, end: PartitionEnd | None, *, is_active: bool) -> Cause:
    """Return what a partition's event clock waits for: the first thing that has to happen."""
    if at.is_paused and is_active:
        return Cause.PAUSED
    if end is None:
        return Cause.UNKNOWN
    if end.unread:
        return Cause.LAG
    if end.end > end.last_stable:
        return Cause.TRANSACTION
    if at.tally.held:
        return Cause.HELD
    return Cause.IDLE if at.newest >= 0 else Cause.EMPTY


def _frames(tally: Tally, in_open_seconds: int) -> Frames:
    return Frames(
        tally.consumed,
        tally.counted,
        in_open_seconds,
        tally.held,
        tally.late,
        tally.late_in_minute,
        tally.invalid,
        tally.future,
        sum(tally.rejected.values()),
        tally.lost,
        _error(tally),
    )


def _error(tally: Tally) -> ErrorEstimate:
    parts = {str(Reason.LATE): tally.late} if tally.late else {}
    parts |= {reason: frames for reason, frames in sorted(tally.rejected.items()) if reason != Reason.LATE}
    return ErrorEstimate(tally.error_rate, sum(parts.values()), parts)


def _moment(second: int) -> Moment | None:
    return Moment.of(second) if second >= 0 else None


def _stamp(timestamp_ms: int | None) -> Moment | None:
    return None if timestamp_ms is None else Moment.of(timestamp_ms // 1000)
