"""Reset of one group: planned first, then executed."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
from confluent_kafka import Consumer

from metrics.frames import topics_in_use
from metrics.frames.core.state import Rules, State
from metrics.frames.job.takeover import require_inactive
from metrics.frames.reset import commit
from metrics.frames.reset.replay import NEVER, Replay, frames_between
from metrics.frames.reset.replayed import number_replayed
from metrics.frames.reset.state import (
    all_closed_through,
    begun_again,
    lost_frames,
    read_again_by,
    skipping,
    without_windows,
)
from metrics.frames.reset.target import Offset, Since, Target, goals
from metrics.frames.settings import Settings
from metrics.frames.sizes import SECOND, SIZES, Size
from metrics.frames.start_state import handed_over
from metrics.frames.status.facts import Activity, InstanceStatus, Seen
from metrics.frames.status.observe import look
from metrics.frames.topics_in_use import TopicsInUse
from metrics.frames.verify.wholeness import windows_whole_from
from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.offsets import OffsetRange, offset_ranges
from metrics.kafka.reader import PartitionRange, Progress, Streams
from metrics.time.moments import Moment, rfc3339
from metrics.wording.errors import StateError


class Move(msgspec.Struct):
    """Move of one partition: numbers of offsets that will be read again, and that are skipped."""

    partition: int
    position: int
    new_position: int
    read_again: int
    skipped: int


class WindowRange(msgspec.Struct):
    """Windows of one size.

    Attributes:
        first: start of the first; null if it is the first that has frames.
        last: start of the last.
        windows: number of windows, including those in gaps without rows; null if unknown.
    """

    first: Moment | None
    last: Moment
    windows: int | None

    @classmethod
    def between(cls, start: int, end: int, size: Size) -> "WindowRange | None":
        """Return the windows of `[start, end)`, or all until its end if it starts at 0; None if there are none."""
        if end <= start:
            return None
        return cls(_moment(start), Moment.of(end - size.size_s), (end - start) // size.size_s if start else None)


class Plan(msgspec.Struct):
    """Effect of a reset; the names are those of the fields of `--json`.

    Attributes:
        to: the target position.
        lost: frames of open windows, and held ones, that are given up.
        closed_before: windows that end at or before it were closed; null if none was.
        closed_through: windows that end at or before it stay as they are, published or not; null if there are none.
        published_again: by size, the windows that were published, and will be again; null if there are none.
        never_published: by size, the windows that will not be published: each contains skipped or given-up frames, or
            is before or between such windows; null if there are none.
        averages_since: the first second of averages and counters after the reset; null if they run over everything.
        twice: topics that will contain records twice, each with their number at most; null if unknown.
        replayed: frames to be read again that `rejected replay` has sent a second time: they count twice if they are
            valid by the rules of the next run.
        is_whole: whether the topic still has all frames; if not, windows that lack some cannot be published again.
        has_changes: false if the group already has this position.
        is_done: whether the reset was executed.
    """

    group: str
    topic: str
    to: str
    instance: InstanceStatus
    partitions: list[Move]
    read_again: int
    skipped: int
    lost: int
    closed_before: Moment | None
    closed_through: Moment | None
    published_again: dict[str, WindowRange | None]
    never_published: dict[str, WindowRange | None]
    averages_since: Moment | None
    twice: dict[str, int | None]
    replayed: int
    is_whole: bool
    has_changes: bool
    is_done: bool = False


class Reset:
    """Reset of one group, to be planned and then executed.

    Attributes:
        frames: upper estimate of the number of frames and dead letters that planning reads.
    """

    def __init__(
        self,
        consumer: Consumer,
        settings: Settings,
        in_use: TopicsInUse,
        seen: Seen,
        ranges: Mapping[int, OffsetRange],
        letters: Sequence[PartitionRange],
        target: Target,
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._in_use = in_use
        self._seen = seen
        self._before = self._after = seen.state
        self._ranges = ranges
        self._letters = letters
        self._lows = {number: at.low for number, at in ranges.items()}
        self._positions = {number: at.position for number, at in seen.state.partitions.items()}
        self._target = target
        self._goals = goals(target, seen.topic, ranges, self._positions, all_closed_through(seen.state))
        moves = {number: goal - self._positions[number] for number, goal in self._goals.items()}
        self._skips = any(move > 0 for move in moves.values())
        self._goes_back = isinstance(target, Since) or any(move < 0 for move in moves.values())
        again = sum(max(0, self._positions[number] - low) for number, low in self._lows.items())
        again += sum(at.end - at.start for at in letters)
        self.frames = sum(max(0, move) for move in moves.values()) + (again if self._goes_back else 0)

    def work_out(self, on_progress: Callable[[int], None]) -> Plan:
        """Compute the new state of the group, and return its effect.

        Raises:
            StateError: frames that open windows need are gone.
            BrokerError: the topic cannot be read.
        """
        progress = Progress(on_progress)
        if self._skips:
            self._after = self._ahead(progress)
        elif self._goes_back:
            self._after = self._back(progress)
        again = read_again_by(self._before, self._after)
        topic = self._seen.topic
        replayed = number_replayed(self._consumer, self._letters, topic, again, progress) if again else 0
        return self._plan(replayed)

    def _back(self, progress: Progress) -> State:
        """Count the frames again from the first in the topic, to a point where no open window lacks one."""
        before, through = self._before, all_closed_through(self._before)
        whole = self._whole_from(self._cut())
        if whole > through:
            raise StateError(
                f"{self._seen.topic} no longer has frames that open windows need",
                why=f"windows are complete only from {rfc3339(whole)}, but closed only through {rfc3339(through)}",
                hint="to continue without them: python app.py --accept-loss; to skip them: --to latest",
            )
        fresh = State.fresh(self._lows, before.rules)
        if isinstance(self._target, Offset):
            continued = [number for number, goal in self._goals.items() if goal < self._positions[number]]
            replay = Replay.of(fresh, self._goals, continued=continued, close_to=through)
            state = self._replayed(replay, self._lows, self._goals, progress)
            if all_closed_through(state) >= whole:
                return begun_again(state, before)
        until = max(whole, self._target.second if isinstance(self._target, Since) else 0)
        ends = {number: max(low, self._positions[number]) for number, low in self._lows.items()}
        replay = Replay.of(fresh, ends, until=until, close_to=until)
        state = self._replayed(replay, self._lows, ends, progress)
        return begun_again(state, before) if whole or state.series[SECOND.size_s].last >= 0 else fresh

    def _ahead(self, progress: Progress) -> State:
        """Read the skipped frames for their event time only. Transaction markers are not frames."""
        begin = without_windows(self._before, self._lows, self._goals)
        starts = {number: at.position for number, at in begin.partitions.items()}
        ends = {number: max(start, self._goals[number]) for number, start in starts.items()}
        ahead = self._replayed(Replay.of(begin, ends), starts, ends, progress)
        removed = [number for number, at in self._positions.items() if self._lows[number] > at]
        if not removed and not any(at.tally.consumed for at in ahead.partitions.values()):
            return self._before
        return skipping(self._before, ahead, self._whole_from(removed))

    def _replayed(
        self, replay: Replay, starts: Mapping[int, int], ends: Mapping[int, int], progress: Progress
    ) -> State:
        return replay.run(frames_between(self._consumer, self._seen.topic, starts, ends, progress))

    def _cut(self) -> list[int]:
        """Return the partitions that have lost their first frames."""
        return [number for number, low in self._lows.items() if low > 0]

    def _whole_from(self, cut: Collection[int]) -> int:
        """Return the second from which windows lack no frame of partitions that lost their first ones; 0 for none."""
        ranges = [PartitionRange(self._seen.topic, number, *self._ranges[number]) for number in cut]
        return windows_whole_from(Streams(self._consumer, ranges), ranges, self._before)

    def _plan(self, replayed: int) -> Plan:
        before, after, seen = self._before, self._after, self._seen
        moves = [_move(number, at, after.partitions[number].position) for number, at in self._positions.items()]
        read_again = sum(move.read_again for move in moves)
        again = {size.plural: self._published_again(size) for size in SIZES}
        return Plan(
            seen.group,
            seen.topic,
            str(self._target),
            InstanceStatus(seen.instance_id, seen.activity),
            moves,
            read_again,
            sum(move.skipped for move in moves),
            max(0, lost_frames(after) - lost_frames(before)),
            _moment(all_closed_through(before)),
            _moment(all_closed_through(after)),
            again,
            {size.plural: self._never_published(size) for size in SIZES},
            _moment(after.counted_since),
            self._twice(again, read_again),
            replayed,
            not self._cut(),
            after != before,
        )

    def _published_again(self, size: Size) -> WindowRange | None:
        if all_closed_through(self._after) >= all_closed_through(self._before):
            return None
        before, since = self._before.series[size.size_s], self._after.series[size.size_s].since
        again = WindowRange.between(since, before.last + size.size_s, size) if before.last >= 0 else None
        if again is not None and not (since or before.since):
            again.windows = before.windows
        return again

    def _never_published(self, size: Size) -> WindowRange | None:
        through, before = all_closed_through(self._after), self._before.series[size.size_s]
        if through <= all_closed_through(self._before):
            return None
        oldest = (at.oldest.get(size.size_s, NEVER) for at in self._before.partitions.values())
        start = before.last + size.size_s if before.last >= 0 else min(oldest)
        return WindowRange.between(0 if start == NEVER else start, through, size)

    def _twice(self, again: Mapping[str, WindowRange | None], read_again: int) -> dict[str, int | None]:
        """Return the topics that will contain records twice, and how many at most."""
        settings = self._settings
        results = {settings.topic_of(size): found.windows for size in SIZES if (found := again[size.plural])}
        rejected = {settings.rejected_topic: None} if read_again else {}
        stream = {settings.output_stream: read_again} if read_again and settings.output_stream is not None else {}
        return {**results, **rejected, **stream}

    def require_no_instance(self) -> None:
        """Check that no instance of the group is active.

        Raises:
            FencedError: one is active.
        """
        require_inactive(self._seen)

    def execute(self) -> None:
        """Commit offsets and state in one transaction.

        Raises:
            FencedError: an instance has started since it was planned; nothing was changed.
            BrokerError: the broker does not answer, or refuses.
        """
        commit.commit(self._consumer, self._settings, self._in_use, self._seen, self._after)


def _move(number: int, position: int, new: int) -> Move:
    return Move(number, position, new, max(0, position - new), max(0, new - position))


def _moment(second: int) -> Moment | None:
    return Moment.of(second) if second else None


@contextmanager
def opened(settings: Settings, target: Target) -> Iterator[Reset]:
    """Open a reset of the group in its present state.

    Raises:
        SettingsError: the partitions have no such position.
        StateError: the group has no state, or one by other rules; its topic was recreated; it is handed over to Flink.
        MetricsError: the broker or a topic prevents it.
    """
    seen = look(settings)
    if seen.activity is Activity.NEVER_RAN:
        raise StateError(
            f"the group {settings.consumer_group_id} has no state: there is nothing to reset",
            why="it never ran, or the broker expired its offsets (offsets.retention.minutes)",
            hint="a run starts with the first frame in the topic: python app.py",
        )
    if seen.activity is Activity.ON_FLINK:
        raise handed_over(seen.group)
    if not seen.is_same_topic:
        raise StateError(
            f"the topic {seen.topic} was deleted and recreated; the group's offsets are for the old one",
            hint="to start with the frames of the new one: python app.py --accept-loss",
        )
    _require_same_rules(seen.state.rules, settings.rules())
    admin = open_admin(settings)
    in_use = topics_in_use.check(admin, settings)
    ranges = offset_ranges(admin, seen.topic, len(seen.state.partitions))
    rejected = settings.rejected_topic
    ends = offset_ranges(admin, rejected, in_use.limits[rejected].partitions)
    letters = [PartitionRange(rejected, number, *at) for number, at in ends.items()]
    consumer = open_reader(settings)
    try:
        yield Reset(consumer, settings, in_use, seen, ranges, letters, target)
    finally:
        consumer.close()


def _require_same_rules(by: Rules, now: Rules) -> None:
    """Check that the frames before a reset would be judged by the same rules as before.

    Raises:
        StateError: the rules have changed.
    """
    otherwise = "count again with another CONSUMER_GROUP_ID and other topics"
    why = "windows would differ from those published, so the effect of a reset cannot be determined"
    if by.version != now.version:
        raise StateError(
            "the group's frames were judged by an earlier version of this program", why=why, hint=otherwise
        )
    if by != now:
        raise StateError(
            f"the group's frames were judged by {by}, but the rules are now {now}",
            why=why,
            hint=f"reset it by its own rules: {by.beside(now)} python app.py reset-offsets …\nor {otherwise}",
        )
