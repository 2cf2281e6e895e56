"""What a group's committed state says of how it stands, and of why a window is open: facts, computed, nothing asked.

The facts become JSON by their own names, so these are part of what users see.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from metrics.frames.core.frame import Reason
from metrics.frames.core.lately import is_wrong
from metrics.frames.core.open_windows import OpenWindow, idle_partitions, open_window
from metrics.frames.core.state import PartitionState, State, Tally
from metrics.frames.sizes import SECOND, SIZES, Size
from metrics.frames.stream_health import NONE, Hold, Signs
from metrics.times import Moment


class Activity(StrEnum):
    """Whether an instance counts."""

    ACTIVE = "active"  # it was seen to commit
    STOPPED = "stopped"  # its last commit says so
    SILENT = "silent"  # it did not say that it stopped, but does not commit: killed, hanging, or cut off
    NEVER_RAN = "never_ran"  # the group has no state, or no longer


class Cause(StrEnum):
    """What a partition's event clock waits for."""

    LAG = "lag"  # records that are committed, and not read yet
    TRANSACTION = "transaction"  # a producer's open transaction, behind which nothing is read
    HELD = "held"  # proof of a frame far ahead
    EMPTY = "empty"  # a first frame
    IDLE = "idle"  # a next frame: all that came is read
    NEW = "new"  # being taken up: it was added to the topic since the last commit
    UNKNOWN = "unknown"  # the broker does not tell its end
    PAUSED = "paused"  # others, which it is more than ALIGN_S ahead of
    BEHIND = "behind"  # frames that are as new as those of others: its own are read, and move it on


class Place(NamedTuple):
    """What the topic holds of a partition.

    Attributes:
        end: offset after its last record.
        stable_end: offset before which no transaction is open; what lies behind is not read yet.
        unread: offsets from the position to stable_end; 0 if no record lies there, only ends of transactions.
        read_at_ms: timestamp of the record before the position; None without one.
        unread_at_ms: timestamp of the first record that is not read yet; None without one.
    """

    end: int
    stable_end: int
    unread: int
    read_at_ms: int | None
    unread_at_ms: int | None


class Seen(NamedTuple):
    """What was seen from outside.

    Attributes:
        at_s: when, in seconds of wall time since the epoch.
        instance_id: of the instance that committed last; None if there never was one.
        state: what it committed, and what partitions begin with that it does not know.
        new: the partitions that it does not know.
        places: what the topic holds, for the partitions that the broker tells it of.
        losses: what a run needs and is gone, a line each.
        is_same_topic: false where the topic was made anew since the state was committed.
        signs: what the instance saw that committed last.
    """

    group: str
    topic: str
    at_s: float
    instance_id: str | None
    activity: Activity
    state: State
    new: Collection[int]
    places: Mapping[int, Place]
    losses: list[str]
    idle_s: int
    is_same_topic: bool = True
    signs: Signs = NONE


class ErrorEstimate(msgspec.Struct):
    """Late and rejected frames as a share of all but those held; `parts` are these frames by reason, each once."""

    rate: float
    frames: int
    parts: dict[str, int]


class Frames(msgspec.Struct):
    """What became of frames: consumed = counted + late + invalid + future + held + lost.

    Attributes:
        open: those of `counted` whose second is open.
        late_in_minute: those of `late` that still counted for their minute.
        rejected: those that went to the rejected topic: invalid, future, and the others of `late`.
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
    """How one partition stands.

    Attributes:
        lag: records to read, by offsets; null where the broker does not tell.
        uncommitted: offsets behind the start of a producer's transaction that is open.
        is_idle: it said nothing about time for so long that it holds no window open, as of the last commit.
        read_at: timestamp of the last record read, by the broker or whoever sent it.
        unread_at: timestamp of the first record not read yet.
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
    """What frames are judged by; `idle_s` is of the environment of whoever asks."""

    lateness_s: int
    future_limit_s: int
    idle_s: int


class LastMinute(msgspec.Struct):
    """What became of frames in the minute before the last commit; of a run that is younger, since it began.

    Attributes:
        is_wrong: so many are late or rejected that something is wrong with the stream.
    """

    began_at: Moment
    frames: int
    error: ErrorEstimate
    is_wrong: bool


class HoldingPartition(msgspec.Struct):
    """A partition that holds windows open for too long, and why, as the instance that commits sees it."""

    partition: int
    waits_for: str


class HeldOpen(msgspec.Struct):
    """Windows that have been open for longer than the allowed lateness and the idle time, as of the last commit.

    Attributes:
        opened_at: wall time at which the oldest of them was.
        start: of that window.
        by: the partitions that hold it, a few of them.
        more: how many others do.
        paused: how many partitions are paused meanwhile.
    """

    opened_at: Moment
    start: Moment
    by: list[HoldingPartition]
    more: int
    paused: int


Published = msgspec.defstruct(
    "Published",
    [(size.plural, int) for size in SIZES],
    namespace={"__doc__": "How many windows were published, zero rows included."},
)


class _Closed(msgspec.Struct):
    """The first part of Status."""

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


if TYPE_CHECKING:
    _Open = _Closed
else:
    _Open = msgspec.defstruct(
        "_Open", [(f"oldest_open_{size.name}", OpenWindow | None) for size in SIZES], bases=(_Closed,)
    )


class Status(_Open):
    """How a consumer group stands.

    Attributes:
        event_time: the newest of all event clocks.
        closed_through: windows that end at or before it are closed.
        closing_to: where a closing that has begun, and has not ended, goes; else null.
        is_open_known: false for the state of an earlier program, which does not tell what is open.
        oldest_open_second, oldest_open_minute: with why they are open; null where none is. Likewise of larger sizes.
        lag: of all partitions; null where one is not known.
        losses: what a run would need and is gone, a line each: it would refuse to begin.
        last_minute: null where no run has told.
        held_open: null where windows close in time.
    """

    lag: int | None
    frames: Frames
    partitions: list[PartitionStatus]
    losses: list[str]
    last_minute: LastMinute | None = None
    held_open: HeldOpen | None = None

    def published_of(self, size: Size) -> int:
        """Return how many windows of a size were published."""
        return int(getattr(self.published, size.plural))

    def oldest_open(self) -> dict[Size, OpenWindow]:
        """Return the oldest open window of each size that has one."""
        windows = {size: getattr(self, f"oldest_open_{size.name}") for size in SIZES}
        return {size: window for size, window in windows.items() if window is not None}


def describe(seen: Seen) -> Status:
    """Say how a group stands by what was seen of it."""
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
        RulesStatus(state.rules.lateness_s, state.rules.future_limit_s, seen.idle_s),
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
        last_minute(total, seen.signs),
        held_open(seen.signs.hold) if seen.activity is Activity.ACTIVE else None,
    )


def last_minute(total: Tally, signs: Signs) -> LastMinute | None:
    """Say what the last minute was, by the tally of all partitions at its end."""
    if signs.before is None:
        return None
    lately = total.since(signs.before)
    return LastMinute(Moment.of(signs.minute_began_s), lately.decided, _error(lately), is_wrong(lately))


def held_open(hold: Hold | None) -> HeldOpen | None:
    """Say what holds windows open for too long."""
    if hold is None:
        return None
    by = [HoldingPartition(number, cause) for number, cause in hold.partitions]
    return HeldOpen(Moment.of(hold.since_s), Moment.of(hold.second), by, hold.more, hold.paused)


def _partition(number: int, at: PartitionState, seen: Seen, *, is_idle: bool) -> PartitionStatus:
    place = seen.places.get(number)
    return PartitionStatus(
        number,
        at.position,
        place.end if place else None,
        place.unread if place else None,
        place.end - place.stable_end if place else None,
        _moment(at.newest),
        _moment(at.watermark or -1),
        is_idle,
        Cause.NEW if number in seen.new else waits_for(at, place),
        at.held_at if at.held_at >= 0 else None,
        _stamp(place.read_at_ms if place else None),
        _stamp(place.unread_at_ms if place else None),
        _frames(at.tally, at.open),
    )


def waits_for(at: PartitionState, place: Place | None) -> Cause:
    """Tell what a partition's event clock waits for: the first thing that has to happen."""
    if place is None:
        return Cause.UNKNOWN
    if place.unread:
        return Cause.LAG
    if place.end > place.stable_end:
        return Cause.TRANSACTION
    if at.tally.held:
        return Cause.HELD
    return Cause.IDLE if at.newest >= 0 else Cause.EMPTY


def _frames(tally: Tally, of_open_seconds: int) -> Frames:
    return Frames(
        tally.consumed,
        tally.counted,
        of_open_seconds,
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
