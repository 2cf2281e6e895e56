"""Facts about a group, from its committed state and the ends of its input; `describe.py` computes them.

The names of their fields are published, as JSON.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from metrics.frames.core.shape import TsFormat, UidFormat
from metrics.frames.core.state import State
from metrics.frames.sizes import SIZES, Size
from metrics.frames.status.open_windows import OpenWindow
from metrics.frames.stream_health import UNKNOWN, StreamHealth
from metrics.time.moments import Moment


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
