"""The state of the core at a commit: all that a restart needs besides the input topic."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from metrics.frames.core.frame import Reason
from metrics.frames.core.shape import Shape
from metrics.frames.core.windows import Series
from metrics.frames.sizes import SECOND, SIZES, Size

# The share of late or rejected frames above which something is wrong with the stream; a few frames prove nothing.
WRONG_SHARE, MIN_WRONG = 0.05, 3


class Tally(msgspec.Struct, array_like=True):
    """Numbers of frames of one or several partitions, by what became of them.

    The law of conservation: consumed = counted + late + invalid + future + held + lost.

    Attributes:
        consumed: frames read, each counted once, even if a restart read it again.
        counted: frames that count in their second, and in every larger window that contains it.
        late: frames that came after their second was closed.
        late_in_minute: late frames that still counted in their minute, or in another larger window.
        held: frames that wait for proof of a ts far ahead.
        lost: frames that were counted or held, but gone from the topic before their second was closed.
        rejected: rejected frames by reason; of late frames only those that do not count anywhere.
    """

    consumed: int = 0
    counted: int = 0
    late: int = 0
    late_in_minute: int = 0
    held: int = 0
    lost: int = 0
    rejected: dict[str, int] = {}

    @property
    def future(self) -> int:
        """Frames whose ts was too far ahead."""
        return self.rejected.get(Reason.FUTURE, 0)

    @property
    def invalid(self) -> int:
        """Messages that are not valid frames."""
        return sum(self.rejected.values()) - self.rejected.get(Reason.LATE, 0) - self.future

    @property
    def decided(self) -> int:
        """Frames that were decided on: all except held ones."""
        return self.consumed - self.held

    @property
    def wrong(self) -> int:
        """Late, invalid and future frames."""
        return self.late + self.invalid + self.future

    @property
    def error_rate(self) -> float:
        """Late, invalid and future frames as a share of those decided on: 0 to 1."""
        return self.wrong / self.decided if self.decided else 0.0

    def is_wrong(self) -> bool:
        """Return whether so large a share is wrong that something is wrong with the stream."""
        return self.wrong >= MIN_WRONG and self.error_rate > WRONG_SHARE

    def is_conserved(self) -> bool:
        """Return whether the law of conservation is satisfied."""
        late_lost = self.rejected.get(Reason.LATE, 0)
        parts = self.counted + self.late + self.invalid + self.future + self.held + self.lost
        return self.consumed == parts and self.late == self.late_in_minute + late_lost

    def add(self, other: "Tally") -> None:
        """Add another partition's frames."""
        self.consumed += other.consumed
        self.counted += other.counted
        self.late += other.late
        self.late_in_minute += other.late_in_minute
        self.held += other.held
        self.lost += other.lost
        for reason, frames in other.rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + frames

    def since(self, before: "Tally") -> "Tally":
        """Return what came after another tally of the same frames; held or lost may be below 0."""
        rejected = {reason: frames - before.rejected.get(reason, 0) for reason, frames in self.rejected.items()}
        return Tally(
            self.consumed - before.consumed,
            self.counted - before.counted,
            self.late - before.late,
            self.late_in_minute - before.late_in_minute,
            self.held - before.held,
            self.lost - before.lost,
            {reason: frames for reason, frames in rejected.items() if frames},
        )


# Version 1 held only jumps beyond future_limit_s. Version 2 rejected times with a fraction or exponent as wrong_ts.
JUDGING_VERSION = 3


class Rules(msgspec.Struct, array_like=True, frozen=True):
    """Rules that frames are judged by.

    Attributes:
        lateness_s: the allowed lateness, in seconds of event time.
        future_limit_s: how far ahead of its partition's event time an unproved frame still counts, in seconds.
        version: of this judging; 1 for states without one.
        shape: of the frames.
    """

    lateness_s: int
    future_limit_s: int
    version: int = 1
    shape: Shape = Shape()

    def __str__(self) -> str:
        return self.beside(Rules(self.lateness_s, self.future_limit_s))

    def beside(self, others: "Rules") -> str:
        """Return the settings, as for a shell in which those of other rules may be set."""
        shape = self.shape.beside(others.shape)
        return f"LATENESS_S={self.lateness_s} FUTURE_LIMIT_S={self.future_limit_s} {shape}".rstrip()


class MovedOver(msgspec.Struct, array_like=True, frozen=True):
    """Frames that resets moved a group over, as two half-open offset ranges.

    Attributes:
        again_from, again_to: contains all frames that were counted more than once.
        skipped_from, skipped_to: contains all frames that were never read, or given up while they were held.
    """

    again_from: int = 0
    again_to: int = 0
    skipped_from: int = 0
    skipped_to: int = 0

    def is_again(self, offset: int) -> bool:
        """Return whether a frame may have been counted more than once."""
        return self.again_from <= offset < self.again_to

    def is_skipped(self, offset: int) -> bool:
        """Return whether a frame may never have been judged."""
        return self.skipped_from <= offset < self.skipped_to


class PartitionState(msgspec.Struct, array_like=True):
    """State of one partition at a commit: all that a restart needs besides the frames from the restart offset on.

    Attributes:
        position: offset of the next record to read.
        restart_offset: offset of the earliest frame that an open window needs or that is held.
        newest_at_restart: the event clock's newest ts before that frame was counted.
        newest: the event clock's largest ts, -1 before the first frame.
        watermark: the event clock's watermark, including what idle time closed.
        open: counted frames whose second is open; a restart must find the same number.
        resolved_at, resolved_against: the last of `resolutions`, as earlier versions saved it; 0 if there was none.
        tally: what became of the partition's frames before position.
        held_at: offset of the first held frame, -1 without any; a restart finds it by itself.
        added_at_watermark: the watermark of the input when the partition was added, with which its own began; 0 for
            partitions of the first run.
        furthest: the event clock's furthest ts that counts, -1 before the first frame.
        recorded_s: Kafka timestamp of the frame of `newest`, in seconds since the epoch; -1 if unknown.
        recorded_s_at_restart: the same for `newest_at_restart`.
        resolutions: the last decisions on held frames without proof: the position, and the event time of the whole
            input that they were compared with.
        oldest: the start of the earliest open window with frames of the partition, by the size in seconds; a restart
            finds it by itself.
        moved_over: what resets of the group moved over, for `verify`.
        judged_since: offset of the first frame that was judged by the rules of the state, for `verify`; 0 for all.
        is_paused: whether it was too far ahead of others to be read, for `status`; a restart finds it by itself.
    """

    position: int
    restart_offset: int
    newest_at_restart: int = -1
    newest: int = -1
    watermark: int = 0
    open: int = 0
    resolved_at: int = 0
    resolved_against: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)
    # For `status` only. States saved by earlier versions lack it and `oldest`, and can be resumed.
    held_at: int = -1
    added_at_watermark: int = 0
    # States of earlier versions lack these too: they had no frames ahead of event time.
    furthest: int = -1
    recorded_s: int = -1
    recorded_s_at_restart: int = -1
    resolutions: list[tuple[int, int]] = []
    oldest: dict[int, int] = {}
    moved_over: MovedOver = MovedOver()
    judged_since: int = 0
    is_paused: bool = False

    @classmethod
    def added(cls, start: int, closing_to: int) -> "PartitionState":
        """Return the state of a partition that was added to the topic: closed windows are closed for it, too."""
        return cls(start, start, watermark=closing_to, added_at_watermark=closing_to)


class State(msgspec.Struct):
    """State of the whole core at a commit.

    Attributes:
        closing_to: the watermark to close up to; windows that are open below it are closed next.
        rules: the rules that the frames of open windows were judged by.
        series: the windows published so far, by their size in seconds.
        partitions: the state of each partition.
    """

    closing_to: int
    rules: Rules
    series: dict[int, Series]
    partitions: dict[int, PartitionState]

    @classmethod
    def fresh(cls, starts: Mapping[int, int], rules: Rules) -> "State":
        """Return the state before anything was read; `starts` are the beginning offsets of the partitions."""
        partitions = {partition: PartitionState(at, at) for partition, at in starts.items()}
        return cls(0, rules, {size.size_s: Series() for size in SIZES}, partitions)

    @property
    def closed_through(self) -> int:
        """The end of the closed seconds."""
        return self.series[SECOND.size_s].closed_through

    def add_sizes(self) -> None:
        """Let each size that is new to the state begin with the first window after all closed seconds."""
        through = min(series.closed_through for series in self.series.values())
        for size in SIZES:
            if size.size_s not in self.series:
                begins = size.end_of(through - 1) if through else 0
                self.series[size.size_s] = Series(closed_through=begins, since=begins)

    @property
    def counted_since(self) -> int:
        """Start of the first second that averages and counters cover, after a reset; 0 if they cover all frames."""
        return self.series[SECOND.size_s].since

    def added_from(self, size: Size) -> int:
        """Return the start of the first window of a size that was added later than the others; otherwise 0."""
        since = self.series[size.size_s].since
        return since if since > size.end_of(self.counted_since - 1) else 0

    def last_end_of(self, second: int) -> int:
        """Return the end of the largest window that counts a second: none from before its size was added does."""
        return max(size.end_of(second) for size in SIZES if size.start_of(second) >= self.added_from(size))

    def is_judged_by(self, rules: Rules) -> bool:
        """Return whether the frames of open windows would be judged by these rules as they were."""
        rejected_ts = sum(at.tally.rejected.get(Reason.WRONG_TS, 0) for at in self.partitions.values())
        is_alike = self.rules.version == 2 and not rejected_ts
        return (replace(self.rules, version=JUDGING_VERSION) if is_alike else self.rules) == rules

    def needs_frames(self) -> bool:
        """Return whether a restart needs frames before the positions: windows are open, or frames are held."""
        return any(partition.restart_offset < partition.position for partition in self.partitions.values())
