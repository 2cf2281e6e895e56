"""A reset of one group: worked out first, then done."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import cast

import msgspec
from confluent_kafka import Consumer

from metrics.errors import StateError
from metrics.frames import topics_in_use
from metrics.frames.core.frame import FrameMessage
from metrics.frames.core.state import Rules, State
from metrics.frames.reset import commit
from metrics.frames.reset.replay import Replay
from metrics.frames.reset.state import begun_again, closed_through, lost_frames, skipping, without_windows
from metrics.frames.reset.target import Offset, Since, Target, goals
from metrics.frames.settings import Settings
from metrics.frames.sizes import SECOND
from metrics.frames.status.facts import Activity, InstanceStatus, Seen
from metrics.frames.status.observe import look
from metrics.frames.topics_in_use import TopicsInUse
from metrics.frames.verify.wholeness import windows_whole_from
from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.offsets import OffsetRange, offset_ranges
from metrics.kafka.reader import PartitionRange, Progress, Streams
from metrics.times import Moment, rfc3339

CHUNK_FRAMES = 100


class Move(msgspec.Struct):
    """How one partition moves: offsets that were read and will be again, and those that never will be."""

    partition: int
    position: int
    new_position: int
    read_again: int
    skipped: int


class Plan(msgspec.Struct):
    """What a reset does; its names are part of what users see.

    Attributes:
        to: where the group is set.
        lost: frames of open windows, or held, that are given up.
        closed_before: windows that end at or before it were closed; null if none was.
        closed_through: windows that end at or before it will be closed, and those up to `closed_before` stay as they
            are; null if none is.
        averages_since: the first second that averages, and counters, then run over; null if they run over all.
        twice: topics that will hold records a second time.
        is_whole: whether the topic holds all frames; else, no window that lacks some can be published again.
        has_changes: false if the group is there already.
        is_done: whether it was done.
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
    averages_since: Moment | None
    twice: list[str]
    is_whole: bool
    has_changes: bool
    is_done: bool = False


class Reset:
    """A reset of one group, to be worked out, and then done.

    Attributes:
        frames: about how many frames are read to work it out, at most.
    """

    def __init__(
        self,
        consumer: Consumer,
        settings: Settings,
        in_use: TopicsInUse,
        seen: Seen,
        held: Mapping[int, OffsetRange],
        target: Target,
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._in_use = in_use
        self._seen = seen
        self._before = self._after = seen.state
        self._held = held
        self._lows = {number: at.low for number, at in held.items()}
        self._positions = {number: at.position for number, at in seen.state.partitions.items()}
        self._target = target
        self._goals = goals(target, seen.topic, held, self._positions, closed_through(seen.state))
        moves = {number: goal - self._positions[number] for number, goal in self._goals.items()}
        self._skips = any(move > 0 for move in moves.values())
        self._goes_back = isinstance(target, Since) or any(move < 0 for move in moves.values())
        again = sum(max(0, self._positions[number] - low) for number, low in self._lows.items())
        self.frames = sum(max(0, move) for move in moves.values()) + (again if self._goes_back else 0)

    def work_out(self, on_progress: Callable[[int], None]) -> Plan:
        """Find the state that the group is to have, and say what follows from it.

        Raises:
            StateError: frames are gone that open windows need.
            BrokerError: the topic cannot be read.
        """
        progress = Progress(on_progress)
        if self._skips:
            self._after = self._ahead(progress)
        elif self._goes_back:
            self._after = self._back(progress)
        return self._plan()

    def _back(self, progress: Progress) -> State:
        """Count the frames again from the first that the topic holds, to where no open window lacks one."""
        before, through = self._before, closed_through(self._before)
        whole = self._whole_from(self._cut())
        if whole > through:
            raise StateError(
                f"{self._seen.topic} no longer holds frames that open windows need",
                why=f"from {rfc3339(whole)} on windows are whole, and through {rfc3339(through)} they are closed",
                hint="to go on without them: python app.py --accept-loss; to skip them: --to latest",
            )
        fresh = State.fresh(self._lows, before.rules)
        if isinstance(self._target, Offset):
            holding = [number for number, goal in self._goals.items() if goal < self._positions[number]]
            replay = Replay(fresh, self._goals, holding=holding, close_to=through)
            state = self._replayed(replay, self._lows, self._goals, progress)
            if closed_through(state) >= whole:
                return begun_again(state, before)
        until = max(whole, self._target.second if isinstance(self._target, Since) else 0)
        ends = {number: max(low, self._positions[number]) for number, low in self._lows.items()}
        replay = Replay(fresh, ends, until=until, close_to=until)
        state = self._replayed(replay, self._lows, ends, progress)
        return begun_again(state, before) if whole or state.series[SECOND.size_s].last >= 0 else fresh

    def _ahead(self, progress: Progress) -> State:
        """Read what is skipped for its event time alone. Ends of transactions are no frames."""
        begin = without_windows(self._before, self._lows, self._goals)
        starts = {number: at.position for number, at in begin.partitions.items()}
        ends = {number: max(start, self._goals[number]) for number, start in starts.items()}
        ahead = self._replayed(Replay(begin, ends), starts, ends, progress)
        removed = [number for number, at in self._positions.items() if self._lows[number] > at]
        if not removed and not any(at.tally.consumed for at in ahead.partitions.values()):
            return self._before
        return skipping(self._before, ahead, self._whole_from(removed))

    def _replayed(
        self, replay: Replay, starts: Mapping[int, int], ends: Mapping[int, int], progress: Progress
    ) -> State:
        topic = self._seen.topic
        spans = [PartitionRange(topic, number, starts[number], ends[number]) for number in ends]
        streams = Streams(self._consumer, spans)
        records = {span.partition: progress.over(span, streams.of(topic, span.partition)) for span in spans}

        def read(partition: int) -> list[FrameMessage]:
            return cast("list[FrameMessage]", list(islice(records[partition], CHUNK_FRAMES)))

        return replay.run(read)

    def _cut(self) -> list[int]:
        """Return the partitions whose first frames are gone."""
        return [number for number, low in self._lows.items() if low > 0]

    def _whole_from(self, cut: Collection[int]) -> int:
        """Return from where on windows lack no frame of some partitions that lost their first ones; 0 for none."""
        ranges = [PartitionRange(self._seen.topic, number, *self._held[number]) for number in cut]
        return windows_whole_from(Streams(self._consumer, ranges), ranges, self._before)

    def _plan(self) -> Plan:
        before, after, seen = self._before, self._after, self._seen
        moves = [_move(number, at, after.partitions[number].position) for number, at in self._positions.items()]
        read_again = sum(move.read_again for move in moves)
        return Plan(
            seen.group,
            seen.topic,
            str(self._target),
            InstanceStatus(seen.instance_id, seen.activity),
            moves,
            read_again,
            sum(move.skipped for move in moves),
            max(0, lost_frames(after) - lost_frames(before)),
            _moment(closed_through(before)),
            _moment(closed_through(after)),
            _moment(after.counted_since),
            self._twice(is_read_again=read_again > 0),
            not self._cut(),
            after != before,
        )

    def _twice(self, *, is_read_again: bool) -> list[str]:
        settings = self._settings
        is_published_again = closed_through(self._after) < closed_through(self._before)
        results = settings.result_topics() if is_published_again else ()
        frames = (settings.rejected_topic, settings.output_stream) if is_read_again else ()
        return [topic for topic in (*results, *frames) if topic is not None]

    def require_no_instance(self) -> None:
        """See that no instance counts for the group.

        Raises:
            FencedError: one is active.
        """
        commit.require_inactive(self._seen)

    def execute(self) -> None:
        """Commit offsets and state in one transaction.

        Raises:
            FencedError: an instance has begun since it was worked out; nothing is changed.
            BrokerError: the broker does not answer, or refuses.
        """
        commit.commit(self._consumer, self._settings, self._in_use, self._seen, self._after)


def _move(number: int, position: int, new: int) -> Move:
    return Move(number, position, new, max(0, position - new), max(0, new - position))


def _moment(second: int) -> Moment | None:
    return Moment.of(second) if second else None


@contextmanager
def opened(settings: Settings, target: Target) -> Iterator[Reset]:
    """Open a reset of the group as it stands now.

    Raises:
        SettingsError: the partitions have no such place.
        StateError: the group has no state that could be reset, has one by other rules, or its topic was made anew.
        MetricsError: the broker or a topic does not let it begin.
    """
    seen = look(settings)
    if seen.activity is Activity.NEVER_RAN:
        raise StateError(
            f"the group {settings.consumer_group_id} has no state: there is nothing to reset",
            why="it never ran, or the broker forgot its offsets (offsets.retention.minutes)",
            hint="a run begins with the first frame that the topic holds: python app.py",
        )
    if not seen.is_same_topic:
        raise StateError(
            f"the topic {seen.topic} was deleted and recreated; the group's offsets are of the one before",
            hint="to begin with the frames of the new one: python app.py --accept-loss",
        )
    _require_same_rules(seen.state.rules, settings.rules())
    admin = open_admin(settings)
    in_use = topics_in_use.check(admin, settings)
    held = offset_ranges(admin, seen.topic, len(seen.state.partitions))
    consumer = open_reader(settings)
    try:
        yield Reset(consumer, settings, in_use, seen, held, target)
    finally:
        consumer.close()


def _require_same_rules(by: Rules, now: Rules) -> None:
    """See that the frames before a reset would be judged again as they were.

    Raises:
        StateError: they would not.
    """
    otherwise = "count anew with another CONSUMER_GROUP_ID and other topics"
    why = "windows would not be as they were published, so what a reset does cannot be told"
    if by.version != now.version:
        raise StateError(
            "the group's frames were judged by an earlier version of this program", why=why, hint=otherwise
        )
    if by != now:
        raise StateError(
            f"the group's frames were judged by {by}, and would be by {now}",
            why=why,
            hint=f"reset it by its own: {by} python app.py reset-offsets …\nor {otherwise}",
        )
