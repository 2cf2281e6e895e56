"""The frames of one partition: judged by its own event clock, logged and tallied."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from metrics.frames.core.event_clock import EventClock
from metrics.frames.core.frame import Frame, Reason, Rejection
from metrics.frames.core.frame_log import FrameLog, Pointer
from metrics.frames.core.future_guard import Decision, FutureGuard, Ruling, recorded_s
from metrics.frames.core.reading import reader
from metrics.frames.core.state import PartitionState, Rules, Tally
from metrics.frames.core.windows import AllWindows
from metrics.frames.sizes import SECOND, largest
from metrics.messages.interface import KafkaMessage

KEPT_RESOLUTIONS = 16  # decisions without proof that the saved state has room for


class RejectedFrame(NamedTuple):
    """A frame for the dead letter topic: it does not count, or could not be republished.

    Attributes:
        ts: of the frame, if it was rejected for its time; otherwise -1.
        event_time: of its partition when it was judged; -1 before the first frame.
    """

    message: KafkaMessage
    rejection: Rejection
    ts: int = -1
    event_time: int = -1

    def is_invalid(self) -> bool:
        """Return whether it was rejected for its content, not for its time."""
        return self.rejection.reason not in {Reason.LATE, Reason.FUTURE}


class PartitionCounter:
    """Counter of the frames of one partition, with its event clock, log and tally.

    Attributes:
        rejected: rejected frames that were not yet taken.
    """

    def __init__(self, windows: AllWindows, saved: PartitionState, rules: Rules, now_s: float) -> None:
        self.windows = windows
        self.clock = EventClock(rules.lateness_s, now_s)
        if saved.newest_at_restart >= 0:
            self.clock.advance(saved.newest_at_restart, saved.recorded_s_at_restart)
        self.guard = FutureGuard(self.clock, rules.future_limit_s, self._count_decided)
        self.log = FrameLog()
        self.position = saved.restart_offset
        self.resolved_at, self.resolved_against = saved.resolved_at, saved.resolved_against
        self.resolutions = saved.resolutions
        self.rejected: list[RejectedFrame] = []
        self.current = -1  # the newest second while it is open: the second of nearly every frame
        # The end of the closed seconds in the saved state; used until `resume`, afterwards the clock has it.
        self._closed_before = windows.series[SECOND.size_s].closed_through
        self._saved = saved
        self._read = reader(rules.shape)
        self._tally = Tally()
        self._counted_before = 0  # frames counted before a restart, which were never in this log

    def count(self, messages: Sequence[KafkaMessage]) -> None:
        """Count, hold or reject each of the next frames: the hot path.

        Nearly every frame is in the newest second, and takes one comparison and one append.
        """
        self._tally.consumed += len(messages)
        read, log_user, current = self._read, self.log.uids.append, self.current
        for message in messages:
            frame = read(message)
            if frame.ts == current:
                log_user(frame.uid)
            else:
                self._judge(frame, message)
                current = self.current

    def reject(self, message: KafkaMessage, rejection: Rejection) -> None:
        """Reject the next frame without reading it."""
        self._tally.consumed += 1
        self._reject(message, rejection)

    def take_rejected(self) -> list[RejectedFrame]:
        """Return the frames rejected since the last call, in the order of the decisions."""
        taken, self.rejected = self.rejected, []
        return taken

    def _judge(self, frame: Frame | Rejection, message: KafkaMessage) -> None:
        if isinstance(frame, Rejection):
            self._reject(message, frame)
        elif self.guard.held or self.guard.is_jump(frame.ts):
            self.guard.hold(frame, message)
            self._find_current()
        else:
            self._count_frame(frame, message)

    def resolve(self, near: int) -> None:
        """Resolve the held frames without further followers; `near` is event time of the whole input."""
        if self.guard.held:
            self.resolved_at, self.resolved_against = self.position, near
            self.resolutions = [*self.resolutions, (self.position, near)][-KEPT_RESOLUTIONS:]
            self.guard.resolve(near)
            self._find_current()

    def resolve_before(self, watermark: int) -> None:
        """Resolve held frames before other partitions or wall time close the windows that they may be in.

        Each such decision is saved, so that a restart repeats it, up to KEPT_RESOLUTIONS of them that a restart needs.
        Beyond that, frames stay held, and may become late.
        """
        is_passed = self.clock.watermark < watermark and any(held.frame.ts < watermark for held in self.guard.held)
        if is_passed and self._resolutions_needed() < KEPT_RESOLUTIONS - 1:
            self.resolve(watermark)

    def _resolutions_needed(self) -> int:
        """Return the number of positions at which frames were resolved that a restart would read again."""
        restart_offset = self._restart_at().offset
        return sum(at > restart_offset for at, _ in self.resolutions)

    def _count_decided(self, decision: Decision) -> None:
        frame, message = decision.held
        if decision.ruling is Ruling.MOVES:
            self._count_frame(frame, message)
        elif decision.ruling is Ruling.AHEAD:
            self._count_ahead(frame, message)
        else:
            self._reject(message, Rejection(Reason.FUTURE, self._compared(decision)), frame.ts)

    def _compared(self, decision: Decision) -> str:
        """Describe what a frame that is too far ahead was compared with."""
        (frame, message), _, agreeing, against = decision
        newest, written_s = self.clock.newest, recorded_s(message)
        ahead = f"ahead of event time, {newest}" if newest >= 0 else "the first of its partition"
        written = f"its Kafka timestamp is {written_s}" if written_s >= 0 else "it has no Kafka timestamp"
        return f"ts {frame.ts} is {ahead}; {written}; of the frames after it {agreeing} agreed, {against} did not"

    def _count_frame(self, frame: Frame, message: KafkaMessage) -> None:
        ts, clock, pointer = frame.ts, self.clock, self._pointer(message)
        if ts > clock.newest:
            clock.advance(ts, recorded_s(message))
            if ts >= clock.watermark and ts >= self._closed_before:
                self.current = ts
                self.log.start_second(ts, frame.uid, pointer)
                return
        if ts < clock.watermark or ts < self._closed_before:
            self._count_late(frame, message, pointer)
        elif ts == self.current:
            self.log.uids.append(frame.uid)
        else:
            self.log.add_straggler(ts, frame.uid, pointer)

    def _count_ahead(self, frame: Frame, message: KafkaMessage) -> None:
        """Count a frame ahead of event time, without advancing it."""
        clock, pointer = self.clock, self._pointer(message)
        if frame.ts < clock.watermark or frame.ts < self._closed_before:
            self._count_late(frame, message, pointer)
        else:
            clock.furthest = max(clock.furthest, frame.ts)
            self.log.add_straggler(frame.ts, frame.uid, pointer)

    def _count_late(self, frame: Frame, message: KafkaMessage, pointer: Pointer) -> None:
        """Count a late frame in its minute, or a larger window, if one is open by the partition's own watermark."""
        self._tally.late += 1
        size = self.windows.join(frame.ts, (frame.uid,), self.clock.watermark)
        if size is not None:
            self._tally.late_in_minute += 1
            self.log.point_to(frame.ts, pointer, size.size_s)
        else:
            newest, name = self.clock.newest, largest().name
            detail = f"ts {frame.ts} came when event time was {newest}; its {name} was closed"
            self._reject(message, Rejection(Reason.LATE, detail), frame.ts)

    def _reject(self, message: KafkaMessage, rejection: Rejection, ts: int = -1) -> None:
        """Note a frame that does not count."""
        rejected = self._tally.rejected
        rejected[rejection.reason] = rejected.get(rejection.reason, 0) + 1
        self.rejected.append(RejectedFrame(message, rejection, ts, self.clock.newest))

    def _pointer(self, message: KafkaMessage) -> Pointer:
        return Pointer(message.offset(), self.clock.newest, self.clock.recorded_s)

    def _find_current(self) -> None:
        """Allow the hot path for the newest second if that is open, in the log, and no frame is held.

        The second is not in the log if its frames were written off; its next frame is a straggler then.
        """
        clock = self.clock
        is_open = clock.newest >= clock.watermark and self.log.newest_second() == clock.newest
        self.current = clock.newest if is_open and not self.guard.held else -1

    def rebuild(self, message: KafkaMessage) -> None:
        """Replay a frame between restart offset and position, as it was judged when the state was saved.

        The clock starts from its value at the restart offset, so the guard decides as before. Only idle time cannot be
        read from the input topic; but what it closed is known from the saved state.
        """
        self._resolve_again(message.offset())
        self._judge(self._read(message), message)
        self.rejected.clear()  # they were published before

    def _resolve_again(self, offset: int) -> None:
        """Resolve held frames at the positions where they were resolved before."""
        for at, near in self.resolutions or [(self.resolved_at, self.resolved_against)]:
            held = self.guard.held
            if held and held[0].message.offset() < at <= offset:
                self.guard.resolve(near)
                self._find_current()

    def read_to(self, position: int, now_s: float) -> None:
        """Note that the partition was read up to a position; its clock may have advanced."""
        self.position = position
        self.clock.see(now_s)

    def pass_by(self, position: int) -> None:
        """Note that no frame is left before a position: transaction markers have offsets but no frames."""
        self.position = max(self.position, position)

    def raise_watermark(self, watermark: int) -> None:
        """Raise the watermark to one given by other partitions or wall time."""
        self.clock.watermark = max(self.clock.watermark, watermark)
        if self.current < watermark:
            self.current = -1

    def tally(self) -> Tally:
        """Return what became of the frames so far; the result does not change afterwards."""
        total = Tally(counted=self._counted_before + self.log.taken + len(self.log), held=len(self.guard.held))
        total.add(self._tally)
        return total

    def end_rebuild(self) -> None:
        """Note that all frames from restart offset to position were passed to `rebuild`."""
        self._resolve_again(self._saved.position)

    def missing(self) -> int:
        """Return how many frames that were open or held in the saved state were not rebuilt."""
        saved = self._saved
        return saved.open - len(self.log) + saved.tally.held - len(self.guard.held)

    def difference(self) -> str:
        """Describe how the rebuilt frames differ from those of the saved state; empty if they do not."""
        saved, opened, held = self._saved, len(self.log), len(self.guard.held)
        if (opened, held) == (saved.open, saved.tally.held):
            return ""
        return f"{opened:,} of {saved.open:,} frames in open seconds, {held:,} of {saved.tally.held:,} held frames"

    def write_off(self) -> None:
        """Count the missing frames as lost, so that the rest can continue."""
        saved, opened = self._saved, len(self.log)
        lost, counted = saved.tally.lost + self.missing(), saved.tally.counted + opened - saved.open
        tally = replace(saved.tally, lost=lost, counted=counted, held=len(self.guard.held))
        self._saved = replace(saved, open=opened, tally=tally)

    def closed_frames(self) -> int:
        """Return the number of frames counted in closed seconds."""
        return self.tally().counted - len(self.log)

    def _restart_at(self) -> Pointer:
        """Return the earliest frame that an open window needs or that is held; without one, the position."""
        start = self.log.restart_at(Pointer(self.position, self.clock.newest, self.clock.recorded_s))
        return min(start, self._pointer(self.guard.held[0].message)) if self.guard.held else start

    def state(self) -> PartitionState:
        """Return the state that a restart needs."""
        start = self._restart_at()
        held_at = self.guard.held[0].message.offset() if self.guard.held else -1
        tally = self.tally()
        assert tally.is_conserved(), "every frame consumed has exactly one outcome"
        clock = self.clock
        return PartitionState(
            self.position,
            start.offset,
            start.newest,
            clock.newest,
            clock.watermark,
            len(self.log),
            self.resolved_at,
            self.resolved_against,
            tally,
            held_at=held_at,
            furthest=clock.furthest,
            recorded_s=clock.recorded_s,
            recorded_s_at_restart=start.recorded_s,
            resolutions=self.resolutions,
            oldest=self.log.oldest(),
            moved_over=self._saved.moved_over,
            judged_since=self._saved.judged_since,
        )

    def resume(self) -> None:
        """Continue from the saved state, after the frames from restart offset to position were rebuilt."""
        saved = self._saved
        self.position = saved.position
        self.rejected.clear()
        self._closed_before = 0
        self.clock.newest, self.clock.recorded_s = saved.newest, saved.recorded_s
        self.clock.furthest = max(saved.newest, saved.furthest)
        self.clock.watermark = saved.watermark
        self._find_current()
        self._tally = Tally()
        self._tally.add(saved.tally)
        self._tally.counted = self._tally.held = 0  # log and guard count these
        self._counted_before = saved.tally.counted - self.log.taken - len(self.log)
