"""Sets a group to read from elsewhere: worked out first, and then done, offsets and state in one transaction."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from itertools import chain, islice
from threading import Event
from typing import NamedTuple, cast

import msgspec
from confluent_kafka import Consumer, Message

from metrics.errors import FencedError, SettingsError, StateError
from metrics.frames.event_clock import MINUTE_S
from metrics.frames.frame import FrameMessage, Reason, read_frame
from metrics.frames.open_windows import Moment
from metrics.frames.reset import (
    NEVER,
    Replay,
    Stretches,
    as_published,
    closed_through,
    never_published,
    published_again,
    skipping,
    with_counters_anew,
    with_rows_of_0,
    without_open_windows,
)
from metrics.frames.state import PartitionState, State, Tally
from metrics.frames.windows import SECOND_S, Series, rfc3339
from metrics.kafka import topics
from metrics.kafka.checkpoint import Checkpoint, TransactionLostError
from metrics.kafka.clients import open_admin, open_reader, open_transactional_producer
from metrics.kafka.extents import Extent, extents
from metrics.kafka.onlooker import last_commit, look
from metrics.kafka.pace import Pace
from metrics.kafka.patience import Patience
from metrics.kafka.rejected import read_rejected
from metrics.kafka.resuming import saved_state
from metrics.kafka.saved_state import SavedState
from metrics.kafka.status import Activity, InstanceStatus, Seen
from metrics.kafka.streams import Span, Streams
from metrics.kafka.topics import TopicsInUse
from metrics.recount.published import Published, read_record
from metrics.recount.staying import staying
from metrics.recount.whole import FIRST_FRAMES, whole_from
from metrics.settings import Settings

CHUNK_FRAMES = 100
LOOKED_THROUGH = 3  # of a window there may be as many records, where the group was set back before
LAST_OFFSET = 2**63 - 1


class Edge(StrEnum):
    """An edge of what the topic holds."""

    EARLIEST = "earliest"
    LATEST = "latest"


class Offset(NamedTuple):
    """The same offset of each partition."""

    offset: int

    def __str__(self) -> str:
        return f"offset:{self.offset}"


class Since(NamedTuple):
    """Where the windows are open that end after a second of event time."""

    second: int

    def __str__(self) -> str:
        return rfc3339(self.second)


Target = Edge | Offset | Since


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
        closed_through: windows that end at or before it stay as they are; null where none is.
        twice: the topics that will hold records a second time, and how many; null where that is not known.
        is_whole: whether the topic holds all frames that were read; else counters of late and rejected frames begin
            anew.
        has_other_averages: the outputs do not bear out what was published of the windows that stay; averages go on
            from what the frames say.
        has_changes: false where the group stands there already.
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
    closed_through: Moment | None
    published_again: Stretches
    never_published: Stretches
    twice: dict[str, int | None]
    is_whole: bool
    has_other_averages: bool
    has_changes: bool
    is_done: bool = False


class Reset:
    """A reset of one group, to be worked out, and then done.

    Attributes:
        frames: about how many frames are read to work it out, at the most.
    """

    def __init__(
        self,
        consumer: Consumer,
        settings: Settings,
        in_use: TopicsInUse,
        seen: Seen,
        held: Mapping[int, Extent],
        target: Target,
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._in_use = in_use
        self._seen = seen
        self._before = self._after = seen.state
        self._positions = {number: at.position for number, at in seen.state.partitions.items()}
        self._held = held
        self._target = target
        self._goals = self._goals_of(target)
        self._is_whole = True
        self._has_other_averages = False
        self._knows_windows = True
        self._on_progress: Callable[[int], None] = lambda _: None
        self._read = 0
        self.frames = self._frames_to_read()

    def _goals_of(self, target: Target) -> dict[int, int]:
        """Return the position that each partition is to get, as far as that is known before the frames are read.

        Raises:
            SettingsError: it has none such.
        """
        if isinstance(target, Since):
            self._require_published(target)
            return self._positions
        if isinstance(target, Offset):
            self._require_range(target)
            return dict.fromkeys(self._held, target.offset)
        return {number: at.low if target is Edge.EARLIEST else at.high for number, at in self._held.items()}

    def _require_published(self, target: Since) -> None:
        through = closed_through(self._before)
        if target.second >= through:
            raise SettingsError(
                f"--to {target}: no window that ends after it is published yet, so none can be published again",
                why=f"the group has closed windows through {rfc3339(through)}" if through else "none is published",
                now="give an earlier time; to skip frames, --to latest or --to offset:N",
            )

    def _require_range(self, target: Offset) -> None:
        outside = [
            f"{self._settings.input_topic}/{number} holds offsets {low:,} to {high:,}"
            for number, (low, high) in self._held.items()
            if not low <= target.offset <= high
        ]
        if outside:
            raise SettingsError(
                f"--to {target}: not every partition has this offset",
                why="\n".join(outside),
                now="give an offset that all of them have, or a time: --to 2016-07-11T13:40:00Z",
            )

    def _goes_back(self) -> bool:
        return isinstance(self._target, Since) or any(self._goals[n] < at for n, at in self._positions.items())

    def _frames_to_read(self) -> int:
        again = sum(max(0, end - self._held[number].low) for number, end in self._ends().items())
        skipped = sum(max(0, self._goals[number] - at) for number, at in self._positions.items())
        return (again if self._goes_back() else 0) + skipped

    def _ends(self) -> dict[int, int]:
        """Return how far frames are counted once more: to where each partition is to stand, or stands."""
        return {n: max(self._held[n].low, min(self._goals[n], at)) for n, at in self._positions.items()}

    def work_out(self, on_progress: Callable[[int], None]) -> Plan:
        """Find the state that the group is to have, and tell what follows from it.

        Raises:
            BrokerError: the input cannot be read.
        """
        self._on_progress = on_progress
        state = self._back() if self._goes_back() else self._before
        goes_on = any(self._goals[number] > at for number, at in self._positions.items())
        self._after = self._ahead(state) if goes_on else state
        return self._plan()

    def _back(self) -> State:
        """Count the frames once more from the first that the topic holds, at least to where windows lack none."""
        cut = [number for number, at in self._before.partitions.items() if not self._holds_all(number, at)]
        self._is_whole = not cut
        whole, through = self._whole_from(cut), closed_through(self._before)
        until = self._target.second if isinstance(self._target, Since) else NEVER
        state = self._counted_again(self._ends(), until, min(until, through))
        if closed_through(state) < whole:
            if whole > through:
                raise StateError(
                    f"{self._settings.input_topic} no longer holds frames that open windows need",
                    why=f"from {rfc3339(whole)} on windows are whole, and through {rfc3339(through)} they are closed",
                    now="to go on without them: python app.py --accept-loss; to skip them: --to latest",
                )
            state = self._counted_again(self._positions, whole, whole)
        if self._is_whole:
            state = with_rows_of_0(state, self._before, self._settings.gap_limit_s)
        else:
            state = with_counters_anew(state)
        return self._as_published(state)

    def _counted_again(self, ends: Mapping[int, int], until: int, close_to: int) -> State:
        lows = {number: at.low for number, at in self._held.items()}
        replay = Replay(
            State.fresh(lows, self._before.rules),
            ends,
            holding={number for number, end in ends.items() if end < self._positions[number]},
            until=until,
            close_to=close_to,
            gap_limit_s=self._settings.gap_limit_s,
        )
        return self._run(replay, lows, ends)

    def _as_published(self, state: State) -> State:
        """Go on from what was published of the windows that stay, if the outputs bear it out."""
        if not closed_through(state):
            return state
        self._knows_windows = self._is_whole
        settings, before, through = self._settings, self._before, closed_through(state)
        seconds = self._staying(settings.sec_metrics_output_topic, SECOND_S, before.seconds, through)
        minutes = self._staying(settings.min_metrics_output_topic, MINUTE_S, before.minutes, through)
        self._has_other_averages = seconds is None or minutes is None
        if seconds is None or minutes is None:
            return state
        self._knows_windows = True
        rejected = read_rejected(self._records(settings.rejected_topic), settings.input_topic, state)
        late = {number: rejected.records[number, str(Reason.LATE)] for number in state.partitions}
        return as_published(state, seconds, minutes, late)

    def _staying(self, topic: str, size_s: int, before: Series, through: int) -> Series | None:
        """Return what was published of windows that end at or before a second; None where the topic does not tell."""
        start = through - through % size_s
        most = max(0, before.last - start) // size_s + FIRST_FRAMES
        messages = self._records(topic, LOOKED_THROUGH * most)
        records = (read_record(size_s, message.key(), message.value(), "") for message in messages)
        return staying(before, (at for at in records if isinstance(at, Published)), start, through)

    def _records(self, topic: str, most: int = LAST_OFFSET) -> Iterator[Message]:
        """Yield the last records of each partition of an output topic."""
        held = extents(open_admin(self._settings), topic, self._in_use.limits[topic].partitions)
        spans = [Span(topic, number, max(low, high - most), high) for number, (low, high) in held.items()]
        streams = Streams(self._consumer, spans)
        return chain.from_iterable(streams.of(topic, span.partition) for span in spans)

    def _ahead(self, state: State) -> State:
        """Skip frames: they are read for their event time alone. Ends of transactions are no frames."""
        starts = {number: max(at.position, self._held[number].low) for number, at in state.partitions.items()}
        ends = {number: max(start, self._goals[number]) for number, start in starts.items()}
        removed = [number for number, at in state.partitions.items() if starts[number] > at.position]
        given_up, whole, read = without_open_windows(state), self._whole_from(removed), self._read
        ahead = self._run(Replay(given_up, ends, gap_limit_s=self._settings.gap_limit_s), starts, ends)
        return skipping(given_up, ahead, whole) if removed or self._read > read else state

    def _run(self, replay: Replay, starts: Mapping[int, int], ends: Mapping[int, int]) -> State:
        topic = self._settings.input_topic
        streams = Streams(self._consumer, [Span(topic, number, starts[number], ends[number]) for number in ends])
        while (number := replay.next()) is not None:
            messages = cast("list[FrameMessage]", list(islice(streams.of(topic, number), CHUNK_FRAMES)))
            if messages:
                replay.take(number, messages)
            else:
                replay.end(number)
            self._read += len(messages)
            self._on_progress(self._read)
        return replay.state()

    def _whole_from(self, cut: list[int]) -> int:
        """Return from where on windows are whole by some partitions that lost frames before their first; 0 for none."""
        topic, whole = self._settings.input_topic, 0
        if not cut:
            return whole
        streams = Streams(self._consumer, [Span(topic, number, *self._held[number]) for number in cut])
        for number in cut:
            first = [read_frame(message.value()) for message in streams.first(topic, number, FIRST_FRAMES)]
            whole = max(whole, whole_from(first, self._before.partitions[number].newest, self._before.rules))
        return whole

    def _holds_all(self, number: int, at: PartitionState) -> bool:
        low = self._held[number].low
        return low == 0 or (not at.tally.lost and at.position - low >= at.tally.consumed)

    def _plan(self) -> Plan:
        before, after, seen = self._before, self._after, self._seen
        moves = [_move(number, at, after.partitions[number].position) for number, at in self._positions.items()]
        again = published_again(before, after, is_known=self._knows_windows)
        read_again = sum(move.read_again for move in moves)
        return Plan(
            seen.group,
            seen.topic,
            str(self._target),
            InstanceStatus(seen.instance_id, seen.activity),
            moves,
            read_again,
            sum(move.skipped for move in moves),
            max(0, _tally(after).lost - _tally(before).lost),
            Moment.of(through) if (through := closed_through(after)) else None,
            again,
            never_published(before, after),
            self._twice(again, read_again),
            self._is_whole,
            self._has_other_averages,
            after != before,
        )

    def _twice(self, again: Stretches, read_again: int) -> dict[str, int | None]:
        """Return the topics that will hold records twice, and how many."""
        settings, twice = self._settings, dict[str, int | None]()
        if again.seconds is not None:
            twice[settings.sec_metrics_output_topic] = again.seconds.windows
        if again.minutes is not None:
            twice[settings.min_metrics_output_topic] = again.minutes.windows
        rejected = sum(_tally(self._before).rejected.values()) - sum(_tally(self._after).rejected.values())
        if read_again and (rejected > 0 or not self._is_whole):
            twice[settings.rejected_topic] = rejected if self._is_whole else None
        if read_again and settings.output_stream is not None:
            twice[settings.output_stream] = read_again
        return twice

    def require_no_instance(self) -> None:
        """See that nobody counts for the group.

        Raises:
            FencedError: an instance is active.
        """
        _require_inactive(self._seen)

    def execute(self) -> None:
        """Commit offsets and state in one transaction, under the transactional id of the job.

        An instance that has begun since then is fenced by it, or fences it: one of both has no effect.

        Raises:
            FencedError: an instance has begun since it was worked out; nothing is changed.
            BrokerError: the broker does not answer, or refuses.
        """
        settings = self._settings
        self._require_unmoved(last_commit(open_admin(settings), settings, self._in_use.input_partitions))
        batch_bytes = min(limits.size_bytes for limits in self._in_use.limits.values())
        producer = open_transactional_producer(settings, batch_bytes)
        patience = Patience(settings.broker_timeout_s, Event())
        try:
            checkpoint = Checkpoint(
                producer, self._consumer, settings, self._in_use, patience, Pace(), secrets.token_hex(4)
            )
            self._require_unmoved(saved_state(self._consumer, settings.input_topic, self._in_use.input_partitions))
            checkpoint.retire(self._after)
        except TransactionLostError as lost:
            raise (_moved(settings, lost.cause.why) if lost.is_fenced else lost.cause) from None

    def _require_unmoved(self, saved: SavedState | None) -> None:
        """See that nobody has counted since the new state was worked out."""
        known = {number: at for number, at in self._before.partitions.items() if number not in self._seen.new}
        before = msgspec.structs.replace(self._before, partitions=known)
        expected = (before, self._in_use.input_id, self._seen.instance_id)
        if saved is None or (saved.state, saved.topic_id, saved.instance.id) != expected:
            raise _moved(self._settings, "the group has another state by now")


def _move(number: int, position: int, new: int) -> Move:
    return Move(number, position, new, max(0, position - new), max(0, new - position))


def _tally(state: State) -> Tally:
    total = Tally()
    for partition in state.partitions.values():
        total.add(partition.tally)
    return total


def _require_inactive(seen: Seen) -> None:
    if seen.activity is Activity.ACTIVE:
        raise FencedError(
            f"instance {seen.instance_id} of the group {seen.group} is active, so nothing is reset",
            why="it was seen to commit, and would count on from where it stands",
            now="stop it, and those that stand by, and try again",
        )


def _moved(settings: Settings, why: str) -> FencedError:
    return FencedError(
        f"an instance has begun to count for the group {settings.consumer_group_id}; nothing is reset",
        why=why,
        now="stop it, and those that stand by, and try again",
    )


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
            now="a run begins with the first frame that the topic holds: python app.py",
        )
    if not seen.is_same_topic:
        raise StateError(
            f"the topic {seen.topic} was deleted and made anew; the group's offsets are of the one before",
            now="to begin with the frames of the new one: python app.py --accept-loss",
        )
    rules = seen.state.rules
    if rules != settings.rules():
        raise StateError(
            f"the group's frames were judged by {rules}, and would be by {settings.rules()}",
            why="windows would not be as they were published, so what a reset does cannot be told",
            now=f"reset it by its own: {rules} python app.py reset-offsets …\n"
            "or count anew by others, with another CONSUMER_GROUP_ID and other topics",
        )
    admin = open_admin(settings)
    in_use = topics.check(admin, settings)
    held = extents(admin, seen.topic, len(seen.state.partitions))
    consumer = open_reader(settings)
    try:
        yield Reset(consumer, settings, in_use, seen, held, target)
    finally:
        consumer.close()
