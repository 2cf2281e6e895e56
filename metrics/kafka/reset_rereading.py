"""Reads the input and the outputs again, to tell what the state of a group is elsewhere; nothing is published."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import cast

from confluent_kafka import Consumer, Message

from metrics.errors import StateError
from metrics.frames.event_clock import MINUTE_S
from metrics.frames.frame import FrameMessage, Reason, read_frame
from metrics.frames.reset import (
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
from metrics.frames.state import PartitionState, State
from metrics.frames.windows import SECOND_S, Series, rfc3339
from metrics.kafka.clients import open_admin
from metrics.kafka.extents import Extent, extents
from metrics.kafka.rejected import read_rejected
from metrics.kafka.streams import Span, Streams
from metrics.kafka.topics import TopicsInUse
from metrics.recount.published import Published, read_record
from metrics.recount.staying import staying
from metrics.recount.whole import FIRST_FRAMES, whole_from
from metrics.settings import Settings

CHUNK_FRAMES = 100
LOOKED_THROUGH = 3  # of a window there may be as many records, where the group was set back before
LAST_OFFSET = 2**63 - 1


class Rereading:
    """What the state of one group is elsewhere, found by its input and what it published.

    Attributes:
        is_whole: whether the topic holds all frames that were read.
        has_other_averages: the outputs do not bear out what was published of the windows that stay.
        knows_windows: whether the new state counts the windows that stay.
        first_published: windows that are published for the first time when the frames that were read are counted
            again; None where that is not known.
    """

    def __init__(
        self, consumer: Consumer, settings: Settings, in_use: TopicsInUse, before: State, held: Mapping[int, Extent]
    ) -> None:
        self.is_whole = True
        self.has_other_averages = False
        self.knows_windows = True
        self.first_published: WindowCounts | None = WindowCounts(0, 0)
        self._consumer = consumer
        self._settings = settings
        self._in_use = in_use
        self._before = before
        self._positions = {number: at.position for number, at in before.partitions.items()}
        self._held = held
        self._lows = {number: at.low for number, at in held.items()}
        self._on_progress: Callable[[int], None] = lambda _: None
        self._read = 0

    def frames_back(self) -> int:
        """Return how many frames `back` reads, at the most."""
        return sum(max(0, at - self._lows[number]) for number, at in self._positions.items())

    def report_to(self, on_progress: Callable[[int], None]) -> None:
        """Tell the number of frames read from now on."""
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
        replay = self._replay(ends, until, min(until, through))
        state = self._run(replay, self._lows, ends)
        if closed_through(state) < whole:
            if whole > through:
                raise StateError(
                    f"{self._settings.input_topic} no longer holds frames that open windows need",
                    why=f"from {rfc3339(whole)} on windows are whole, and through {rfc3339(through)} they are closed",
                    now="to go on without them: python app.py --accept-loss; to skip them: --to latest",
                )
            state = self._run(self._replay(self._positions, whole, whole), self._lows, self._positions)
        if not self.is_whole:
            self.first_published = None
            return self._as_published(with_counters_anew(state))
        if until < NEVER and not state.seconds.windows:
            state = State.fresh(self._lows, self._before.rules)
        counted = with_rows_of_0(state, self._before, self._settings.gap_limit_s)
        state = self._as_published(counted)
        self.first_published = self._first_published(replay, counted, state)
        return state

    def ahead(self, state: State, goals: Mapping[int, int]) -> State:
        """Skip frames: they are read for their event time alone. Ends of transactions are no frames."""
        starts = {number: max(at.position, self._lows[number]) for number, at in state.partitions.items()}
        ends = {number: max(start, goals[number]) for number, start in starts.items()}
        removed = [number for number, at in state.partitions.items() if starts[number] > at.position]
        given_up, whole, read = without_open_windows(state), self._whole_from(removed), self._read
        ahead = self._run(Replay(given_up, ends, gap_limit_s=self._settings.gap_limit_s), starts, ends)
        return skipping(given_up, ahead, whole) if removed or self._read > read else state

    def _replay(self, ends: Mapping[int, int], until: int, close_to: int) -> Replay:
        return Replay(
            State.fresh(self._lows, self._before.rules),
            ends,
            holding={number for number, end in ends.items() if end < self._positions[number]},
            until=until,
            close_to=close_to,
            gap_limit_s=self._settings.gap_limit_s,
        )

    def _as_published(self, state: State) -> State:
        """Go on from what was published of the windows that stay, if the outputs bear it out."""
        if not closed_through(state):
            return state
        self.knows_windows = self.is_whole
        settings, before, through = self._settings, self._before, closed_through(state)
        seconds = self._staying(settings.sec_metrics_output_topic, SECOND_S, before.seconds, through)
        minutes = self._staying(settings.min_metrics_output_topic, MINUTE_S, before.minutes, through)
        self.has_other_averages = seconds is None or minutes is None
        if seconds is None or minutes is None:
            return state
        self.knows_windows = True
        rejected = read_rejected(self._records(settings.rejected_topic), settings.input_topic, state)
        late = {number: rejected.records[number, str(Reason.LATE)] for number in state.partitions}
        return as_published(state, seconds, minutes, late)

    def _first_published(self, replay: Replay, counted: State, state: State) -> WindowCounts | None:
        """Count on to where the group stands: of what is published on the way, some may never have been.

        Args:
            counted: the windows that stay, by the frames.
            state: the windows that stay, as they were published.
        """
        if self.has_other_averages:
            return None
        starts, before = replay.positions(), self._before
        replay.go_on(self._positions, closed_through(before))
        end = self._run(replay, starts, self._positions)
        return WindowCounts(
            max(0, end.seconds.windows - counted.seconds.windows - before.seconds.windows + state.seconds.windows),
            max(0, end.minutes.windows - counted.minutes.windows - before.minutes.windows + state.minutes.windows),
        )

    def _staying(self, topic: str, size_s: int, before: Series, through: int) -> Series | None:
        """Return what was published of windows that end at or before a second; None where the topic does not tell."""
        start = through - through % size_s
        most = max(0, before.last - start) // size_s + FIRST_FRAMES
        messages = self._records(topic, LOOKED_THROUGH * most)
        records = (read_record(size_s, message.key(), message.value(), "") for message in messages)
        return staying(before, (at for at in records if isinstance(at, Published)), size_s, start, through)

    def _records(self, topic: str, most: int = LAST_OFFSET) -> Iterator[Message]:
        """Yield the last records of each partition of an output topic."""
        held = extents(open_admin(self._settings), topic, self._in_use.limits[topic].partitions)
        spans = [Span(topic, number, max(low, high - most), high) for number, (low, high) in held.items()]
        streams = Streams(self._consumer, spans)
        return chain.from_iterable(streams.of(topic, span.partition) for span in spans)

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
        low = self._lows[number]
        return low == 0 or (not at.tally.lost and at.position - low >= at.tally.consumed)
