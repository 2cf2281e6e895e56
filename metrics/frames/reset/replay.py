"""Reads the input and the outputs again, to tell what the state of a group is elsewhere; nothing is published."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import cast

from confluent_kafka import Consumer, Message

from metrics.errors import StateError
from metrics.frames.core.frame import FrameMessage, Reason, read_frame
from metrics.frames.core.state import PartitionState, State
from metrics.frames.core.windows import SECOND_S, Record, SecondRecord
from metrics.frames.records import Unreadable, read_record
from metrics.frames.reset.published_windows import WindowsThere, going_on
from metrics.frames.reset.state import (
    NEVER,
    Replay,
    WindowCounts,
    as_published,
    closed_through,
    skipping,
    with_counters_anew,
    with_rows_of_0,
    without_open_windows,
)
from metrics.frames.results.rejected import read_rejected
from metrics.frames.settings import Settings
from metrics.frames.verify.complete_from import FIRST_FRAMES, whole_from
from metrics.frames.verify.wholeness import is_whole
from metrics.kafka.clients import open_admin
from metrics.kafka.offsets import Extent, extents
from metrics.kafka.reader import Span, Streams
from metrics.kafka.topics import TopicsInUse
from metrics.times import MINUTE_S, rfc3339

CHUNK_FRAMES = 100


class Rereading:
    """What the state of one group is elsewhere, found by its input and what it published.

    Attributes:
        is_whole: whether the topic holds all frames that were read.
        has_other_averages: the outputs lack windows that were published.
        there: the windows that the outputs hold, by their size in seconds.
    """

    def __init__(
        self, consumer: Consumer, settings: Settings, in_use: TopicsInUse, before: State, held: Mapping[int, Extent]
    ) -> None:
        self.is_whole = True
        self.has_other_averages = False
        self.there = {size_s: WindowsThere(size_s) for size_s in (SECOND_S, MINUTE_S)}
        self._consumer = consumer
        self._settings = settings
        self._in_use = in_use
        self._before = before
        self._positions = {number: at.position for number, at in before.partitions.items()}
        self._held = held
        self._lows = {number: at.low for number, at in held.items()}
        self._replay: Replay | None = None
        self._is_ahead = False
        self._late: dict[int, int] = {}
        self._on_progress: Callable[[int], None] = lambda _: None
        self._read = self._passed = 0

    def frames_back(self) -> int:
        """Return how many frames `back` and `first_published` read, at the most."""
        return sum(max(0, at - self._lows[number]) for number, at in self._positions.items())

    def report_to(self, on_progress: Callable[[int], None]) -> None:
        """Tell how many offsets were passed from now on."""
        self._on_progress = on_progress

    def back(self, ends: Mapping[int, int], until: int) -> State:
        """Count the frames once more from the first that the topic holds, at least to where windows lack none.

        Args:
            ends: how far each partition is read at the most.
            until: windows that end later are open, even where they were published.

        Raises:
            StateError: frames are gone that open windows need.
            BrokerError: the topics cannot be read.
        """
        cut = [number for number, at in self._before.partitions.items() if not self._holds_all(number, at)]
        self.is_whole = not cut
        whole, through = self._whole_from(cut), closed_through(self._before)
        replay = self._replay_of(ends, until, min(until, through))
        state = self._run(replay, self._lows, ends)
        if closed_through(state) < whole:
            if whole > through:
                raise StateError(
                    f"{self._settings.input_topic} no longer holds frames that open windows need",
                    why=f"from {rfc3339(whole)} on windows are whole, and through {rfc3339(through)} they are closed",
                    now="to go on without them: python app.py --accept-loss; to skip them: --to latest",
                )
            state = self._run(self._replay_of(self._positions, whole, whole), self._lows, self._positions)
        rejected = read_rejected(self._records(self._settings.rejected_topic), self._settings.input_topic, state)
        self._late = {number: rejected.records[number, str(Reason.LATE)] for number in state.partitions}
        if not self.is_whole:
            return with_counters_anew(state)
        self._replay = replay
        if until < NEVER and not state.seconds.windows:
            state = State.fresh(self._lows, self._before.rules)
        return with_rows_of_0(state, self._before, self._settings.gap_limit_s)

    def ahead(self, state: State, goals: Mapping[int, int]) -> State:
        """Skip frames: they are read for their event time alone. Ends of transactions are no frames."""
        starts = {number: max(at.position, self._lows[number]) for number, at in state.partitions.items()}
        ends = {number: max(start, goals[number]) for number, start in starts.items()}
        removed = [number for number, at in state.partitions.items() if starts[number] > at.position]
        given_up, whole, read = without_open_windows(state), self._whole_from(removed), self._read
        ahead = self._run(Replay(given_up, ends, gap_limit_s=self._settings.gap_limit_s), starts, ends)
        self._is_ahead = bool(removed) or self._read > read
        return skipping(given_up, ahead, whole) if self._is_ahead else state

    def as_published(self, state: State) -> State:
        """Let a state go on from the windows that the outputs hold, and that it does not publish again.

        The frames alone do not tell these: windows may have been closed early, or skipped, or be there by an earlier
        run that was set back. Where the outputs lack some, the state stays as it is.
        """
        for size_s, topic in zip(self.there, self._settings.result_topics(), strict=True):
            for message in self._records(topic):
                record = read_record(size_s, message.key(), message.value(), "")
                if not isinstance(record, Unreadable):
                    self.there[size_s].add(record)
        through = closed_through(state)
        if not through:
            return state
        seconds, minutes = (
            going_on(self.there[size_s], series, before, through, is_whole=self.is_whole, is_ahead=self._is_ahead)
            for size_s, series, before in (
                (SECOND_S, state.seconds, self._before.seconds),
                (MINUTE_S, state.minutes, self._before.minutes),
            )
        )
        self.has_other_averages = seconds is None or minutes is None
        return state if seconds is None or minutes is None else as_published(state, seconds, minutes, self._late)

    def first_published(self, state: State) -> WindowCounts | None:
        """Count on to where the group stands, and return how many windows are published that the outputs do not hold.

        None where the frames are not all there.
        """
        if not self.is_whole:
            return None
        first = dict.fromkeys(self.there, 0)
        if self._replay is not None:

            def look(record: Record) -> None:
                size_s = SECOND_S if isinstance(record, SecondRecord) else MINUTE_S
                if record.start + size_s > closed_through(state) and not self.there[size_s].holds(record.start):
                    first[size_s] += 1

            starts = self._replay.positions()
            self._replay.go_on(self._positions, closed_through(self._before), look)
            self._run(self._replay, starts, self._positions)
        return WindowCounts(first[SECOND_S], first[MINUTE_S])

    def _replay_of(self, ends: Mapping[int, int], until: int, close_to: int) -> Replay:
        return Replay(
            State.fresh(self._lows, self._before.rules),
            ends,
            holding={number for number, end in ends.items() if end < self._positions[number]},
            until=until,
            close_to=close_to,
            gap_limit_s=self._settings.gap_limit_s,
        )

    def _records(self, topic: str) -> Iterator[Message]:
        """Yield the records of an output topic, a partition after another."""
        held = extents(open_admin(self._settings), topic, self._in_use.limits[topic].partitions)
        streams = Streams(self._consumer, [Span(topic, number, low, high) for number, (low, high) in held.items()])
        return chain.from_iterable(streams.of(topic, number) for number in held)

    def _run(self, replay: Replay, starts: Mapping[int, int], ends: Mapping[int, int]) -> State:
        topic = self._settings.input_topic
        streams = Streams(self._consumer, [Span(topic, number, starts[number], ends[number]) for number in ends])
        reached = dict(starts)
        while (number := replay.next()) is not None:
            messages = cast("list[FrameMessage]", list(islice(streams.of(topic, number), CHUNK_FRAMES)))
            if messages:
                replay.take(number, messages)
            else:
                replay.end(number)
            self._read += len(messages)
            after = messages[-1].offset() + 1 if messages else ends[number]
            self._passed += max(0, after - reached[number])
            reached[number] = after
            self._on_progress(self._passed)
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
        low = self._lows[number]
        return low == 0 or is_whole(self._consumer, Span(self._settings.input_topic, number, low, at.position), at)
