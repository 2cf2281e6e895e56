"""Facts about a group, computed from its committed state and the ends of its input.

The names of their fields are published, as JSON.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import asdict

from metrics.frames.core.frame import Reason
from metrics.frames.core.shape import TsFormat, UidFormat
from metrics.frames.core.state import PartitionState, State, Tally
from metrics.frames.sizes import SECOND, SIZES, Size
from metrics.frames.status.open_windows import OpenWindow, idle_partitions, open_window
from metrics.frames.stream_health import UNKNOWN, OverdueWindows, StreamHealth
from metrics.times import Moment


class Activity(StrEnum):
    """Activity of the last instance."""

    ACTIVE = "active"  # it was observed committing
    STOPPED = "stopped"  # its last commit says so
    SILENT = "silent"  # it did not stop cleanly, but does not commit: killed, hung or cut off
    ON_FLINK = "on_flink"  # its group is handed over to Flink
    NEVER_RAN = "never_ran"  # the group has no state, or no longer has any


class Cause(StrEnum):
    """Reasons why a partition's event clock waits: the thing it waits for."""

    LAG = "lag"  # committed records that are unread
    TRANSACTION = "transaction"  # a producer's open transaction, beyond which nothing is read
    HELD = "held"  # proof of a frame far ahead
    EMPTY = "empty"  # a first frame
    IDLE = "idle"  # the next frame: it is caught up
    NEW = "new"  # being added: it is new in the topic since the last commit
    UNKNOWN = "unknown"  # its end offset, which the broker does not report
    PAUSED = "paused"  # other partitions: it is more than ALIGN_S ahead of them
    BEHIND = "behind"  # frames as new as those of other partitions: its own are read, and advance it


class PartitionEnd(NamedTuple):
    """The end of a partition, and the records next to the group's position in it.

    Attributes:
        end: end offset: the one after the last record.
        last_stable: last stable offset: records from there on cannot be read before an open transaction ends.
        unread: offsets from the position to last_stable; 0 if these are only ends of transactions.
        read_at_ms: timestamp of the record before the position; None if there is none.
        unread_at_ms: timestamp of the first unread record; None if there is none.
    """

    end: int
    last_stable: int
    unread: int
    read_at_ms: int | None
    unread_at_ms: int | None


class Seen(NamedTuple):
    """A group as observed from outside.

    Attributes:
        at_s: wall time of the observation, in seconds since the epoch.
        instance_id: the instance that committed last; None if none ever did.
        state: the committed state, with the initial state of partitions that it does not know.
        new: the partitions that it does not know.
        ends: by partition, as far as the broker reports them.
        losses: what a run needs but is gone, a line each.
        is_same_topic: false if the topic was recreated since the state was committed.
        health: what the last instance saw in the stream.
    """

    group: str
    topic: str
    at_s: float
    instance_id: str | None
    activity: Activity
    state: State
    new: Collection[int]
    ends: Mapping[int, PartitionEnd]
    losses: list[str]
    idle_s: int
    is_same_topic: bool = True
    health: StreamHealth = UNKNOWN


class ErrorEstimate(msgspec.Struct):
    """Late and rejected frames as a share of all but the held ones; `parts` counts each of them once, by reason."""

    rate: float
    frames: int
    parts: dict[str, int]


class Frames(msgspec.Struct):
    """Frames by outcome: consumed = counted + late + invalid + future + held + lost.

    Attributes:
        open: the part of `counted` in open seconds.
        late_in_minute: the part of `late` that still counted for its minute.
        rejected: frames sent to the dead letter topic: invalid, future, and the rest of `late`.
    """

    consumed: int
    counted: int
    open: int
    held: int
    late: int
    late_in_minute: int
    invalid: int
    future: int
    rejected: int
    lost: int
    error: ErrorEstimate


class PartitionStatus(msgspec.Struct):
    """The status of one partition.

    Attributes:
        lag: unread records, by offsets; null if the broker does not report its end.
        uncommitted: offsets from the start of a producer's open transaction on.
        is_idle: whether it was idle, and so kept no window open, at the last commit.
        read_at: timestamp of the last record read, set by the broker or the sender.
        unread_at: timestamp of the first unread record.
    """

    partition: int
    position: int
    end: int | None
    lag: int | None
    uncommitted: int | None
    event_clock: Moment | None
    watermark: Moment | None
    is_idle: bool = msgspec.field(name="is_silent")
    waits_for: Cause
    held_from: int | None
    read_at: Moment | None
    unread_at: Moment | None
    frames: Frames


class InstanceStatus(msgspec.Struct):
    """The instance that committed last."""

    id: str | None
    activity: Activity


class RulesStatus(msgspec.Struct):
    """The rules that frames are judged by; `idle_s` is from the environment of this command or server."""

    lateness_s: int
    future_limit_s: int
    idle_s: int
    ts_field: str
    ts_format: TsFormat
    uid_field: str
    uid_format: UidFormat


class LastMinute(msgspec.Struct):
    """Frames by outcome in the minute before the last commit, or since the run began if that is later.

    Attributes:
        is_wrong: whether the share of late or rejected frames shows that something is wrong with the stream.
    """

    began_at: Moment
    frames: int
    error: ErrorEstimate
    is_wrong: bool


class WaitingPartition(msgspec.Struct):
    """A partition that keeps windows open for too long, and why, as the active instance sees it."""

    partition: int
    waits_for: str


class KeptOpen(msgspec.Struct):
    """Windows that have been open for longer than the allowed lateness and the idle time, as of the last commit.

    Attributes:
        opened_at: wall time at which the oldest of them was opened.
        start: its start.
        by: the first few partitions that keep it open.
        more: how many others do.
        paused: how many partitions are paused meanwhile.
    """

    opened_at: Moment
    start: Moment
    by: list[WaitingPartition]
    more: int
    paused: int


Published = msgspec.defstruct(
    "Published",
    [(size.plural, int) for size in SIZES],
    namespace={"__doc__": "Numbers of windows published, zero rows included."},
)


class _UpToOpenWindows(msgspec.Struct):
    """The first fields of Status, and after them one for each size: its oldest open window, null if none is open."""

    group: str
    topic: str
    asked_at: Moment
    instance: InstanceStatus
    rules: RulesStatus
    event_time: Moment | None
    closed_through: Moment | None
    closing_to: Moment | None
    published: Published  # type: ignore[valid-type]
    is_open_known: bool


if not TYPE_CHECKING:
    _UpToOpenWindows = msgspec.defstruct(
        "_UpToOpenWindows",
        [(f"oldest_open_{size.name}", OpenWindow | None) for size in SIZES],
        bases=(_UpToOpenWindows,),
    )


class Status(_UpToOpenWindows):
    """The status of a consumer group.

    Attributes:
        event_time: the newest event time of any partition.
        closed_through: the end of the closed seconds; a larger window that ends there may still be closing.
        closing_to: the target of a closing in progress; null if there is none.
        is_open_known: false if the state was saved by an earlier version, which does not say what is open.
        oldest_open_second, oldest_open_minute: with why they are open; null if none is. Likewise for larger sizes.
        lag: of all partitions; null if that of one is unknown.
        losses: what a run would need but is gone, a line each; it would refuse to start.
        last_minute: null if no run has reported it.
        kept_open: null if windows close in time.
    """

    lag: int | None
    frames: Frames
    partitions: list[PartitionStatus]
    losses: list[str]
    last_minute: LastMinute | None = None
    kept_open: KeptOpen | None = msgspec.field(default=None, name="held_open")

    def published_of(self, size: Size) -> int:
        """Return how many windows of a size were published."""
        return int(getattr(self.published, size.plural))

    def oldest_open(self) -> dict[Size, OpenWindow]:
        """Return the oldest open window of each size that has one."""
        windows = {size: getattr(self, f"oldest_open_{size.name}") for size in SIZES}
        return {size: window for size, window in windows.items() if window is not None}


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
        Cause.NEW if number in seen.new else waits_for(at, end),
        at.held_at if at.held_at >= 0 else None,
        _stamp(end.read_at_ms if end else None),
        _stamp(end.unread_at_ms if end else None),
        _frames(at.tally, at.open),
    )


def waits_for(at: PartitionState, end: PartitionEnd | None) -> Cause:
    """Return what a partition's event clock waits for: the first thing that has to happen."""
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
