"""Handover of a group to Flink, and its return."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from metrics.frames import topics_in_use
from metrics.frames.core.counter import Counter
from metrics.frames.core.state import State
from metrics.frames.flink.script import Begin
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.switch import published
from metrics.frames.flink.switch.checked import LET_FLINK_CONTINUE, CheckedReplay
from metrics.frames.job.outputs import FrameSink
from metrics.frames.job.rebuild import rebuilt
from metrics.frames.job.takeover import require_inactive, taken_over
from metrics.frames.reset.replay import frames_between
from metrics.frames.saved_state import AFRESH, Handover, SavedState
from metrics.frames.sizes import SIZES
from metrics.frames.start_state import begin, compared
from metrics.frames.status.observe import last_commit, look
from metrics.frames.topics_in_use import TopicsInUse
from metrics.kafka import topics
from metrics.kafka.clients import open_admin, open_reader
from metrics.kafka.job.commits import MAX_RESULTS
from metrics.kafka.offsets import end_offsets, offset_ranges
from metrics.kafka.reader import Progress
from metrics.wording.errors import SettingsError, StateError
from metrics.wording.text import numbered

OnProgress = Callable[[int], None]


class HandedOver(NamedTuple):
    """Handover that is committed.

    Attributes:
        begin: where Flink has to begin.
        remarks: what Flink will judge otherwise than the application would have, a line each.
    """

    begin: Begin
    remarks: list[str]


class Returned(NamedTuple):
    """Return that is committed: numbers of records that Flink had not published, and of dead letters."""

    missing: int
    dead_letters: int


class _Group(NamedTuple):
    """A group without an active instance; `saved` is None if it has no state."""

    settings: FlinkSettings
    admin: AdminClient
    consumer: Consumer
    in_use: TopicsInUse
    saved: SavedState | None

    def is_unmoved(self, found: SavedState | None) -> bool:
        """Return whether the group still has the state that it had."""
        return found == self.saved


def hand_over(settings: FlinkSettings, on_progress: OnProgress, *, until_end: bool) -> HandedOver:
    """Hand the group over to Flink; no job of Flink may run.

    The application is fenced, and refuses to run until the group is brought back. A group that is handed over already
    is handed over once more, as of the last window that Flink has published: without Flink's own state.

    Args:
        on_progress: called with the number of offsets read so far.
        until_end: whether Flink is to end at the present end of the input.

    Raises:
        FencedError: an instance of the group is active, or has started meanwhile.
        SettingsError: OUTPUT_STREAM is set.
        StateError: frames or results that the group needs are gone; or see `bring_back`.
        MetricsError: the broker or a topic prevents it.
    """
    _require_no_stream(settings)
    with _opened(settings) as group, taken_over(group.consumer, settings, group.in_use, group.is_unmoved) as sink:
        if group.saved is not None and group.saved.handover is not None:
            state, remarks = _published_by_flink(group, group.saved, group.saved.handover, sink, on_progress)[0], []
        else:
            counter = _completed(group, sink)
            state, remarks = counter.state(), _remarks(counter)
        sink.commit(state)  # before the ends of the outputs are asked for
        ends = _ends_of_input(group) if until_end else {}
        sink.hand_over(state, Handover(_ends_of_outputs(group), ends))
    return HandedOver(begin_of(state, ends), remarks)


def bring_back(settings: FlinkSettings, on_progress: OnProgress) -> Returned:
    """Bring the group back from Flink; no job of Flink may run.

    The application's core counts the frames since the handover once more. In one transaction, its state becomes the
    group's, and what Flink does not publish is published: dead letters, and windows of one size up to where the others
    were when a job was killed.

    Raises:
        FencedError: another command has changed the group meanwhile.
        StateError: the group is not handed over; frames since the handover are gone; or Flink has published a record
            that the application would not have.
        MetricsError: the broker or a topic prevents it.
    """
    with _opened(settings) as group:
        if group.saved is None or group.saved.handover is None:
            raise _not_handed_over(settings, group.saved)
        with taken_over(group.consumer, settings, group.in_use, group.is_unmoved) as sink:
            state, returned = _published_by_flink(group, group.saved, group.saved.handover, sink, on_progress)
            sink.retire(state)
    return returned


def is_handed_over(settings: FlinkSettings) -> bool:
    """Return whether the group is handed over; without an input topic, or a state, it is not."""
    saved = _saved(settings)
    return saved is not None and saved.handover is not None


def _saved(settings: FlinkSettings) -> SavedState | None:
    partitions = topics.partition_counts(open_admin(settings)).get(settings.input_topic, 0)
    return last_commit(settings, partitions) if partitions else None


def require_own(settings: FlinkSettings) -> None:
    """Check that the group is the application's.

    Raises:
        StateError: it is handed over: what Flink counts goes into the application's topics.
    """
    if is_handed_over(settings):
        raise StateError(
            f"the group {settings.consumer_group_id} is handed over to Flink",
            why="a job that writes into Flink's own topics would have the name of its job",
            hint="to continue: python app.py flink run --from-group\n"
            "to bring it back: python app.py flink stop --to-group",
        )


def require_handed_over(settings: FlinkSettings) -> None:
    """Check that the group is handed over.

    Raises:
        StateError: it is the application's.
    """
    saved = _saved(settings)
    if saved is None or saved.handover is None:
        raise _not_handed_over(settings, saved)


def require_ready(settings: FlinkSettings) -> None:
    """Check what a handover needs, as far as it can be seen before Flink is started.

    Raises:
        FencedError: an instance of the group is active.
        SettingsError: OUTPUT_STREAM is set.
        TopicError, BrokerError: the broker or a topic prevents it.
    """
    _require_no_stream(settings)
    require_inactive(look(settings))
    topics_in_use.check(open_admin(settings), settings)


def _require_no_stream(settings: FlinkSettings) -> None:
    if settings.output_stream is not None:
        raise SettingsError(
            "OUTPUT_STREAM is set, and Flink republishes no frames",
            hint="unset it, or let the application continue: python app.py",
        )


def begin_again(settings: FlinkSettings) -> Begin:
    """Return where a job of the group began, which one that is restored from its savepoint must know.

    Raises:
        StateError: the group is not handed over, or the job had an end.
    """
    saved = last_commit(settings, topics_in_use.input_partitions(open_admin(settings), settings))
    if saved is None or saved.handover is None:
        raise _not_handed_over(settings, saved)
    if saved.handover.ends:
        raise StateError(
            "the job of the group ends with the input, and such a job never ends once it was restored (FLINK-31006)",
            hint="begin without a savepoint: python app.py flink run --from-group",
        )
    return begin_of(saved.state, {})


def _not_handed_over(settings: FlinkSettings, saved: SavedState | None) -> StateError:
    is_unknown = saved is None
    return StateError(
        f"the group {settings.consumer_group_id} is not handed over to Flink",
        why="it has no state: it never ran, or the broker expired its offsets (offsets.retention.minutes)"
        if is_unknown
        else "",
        hint=f"if it was, let Flink's job run on: it needs no group; to count without Flink, {AFRESH}"
        if is_unknown
        else "the application continues by itself: python app.py",
    )


def begin_of(state: State, ends: dict[int, int]) -> Begin:
    """Return where Flink has to begin: each partition at its restart offset, where the open windows begin."""
    partitions = state.partitions.items()
    return Begin(
        {number: at.restart_offset for number, at in partitions},
        {number: at.newest_at_restart for number, at in partitions},
        state.series,
        ends,
    )


@contextmanager
def _opened(settings: FlinkSettings) -> Iterator[_Group]:
    require_inactive(look(settings))
    admin = open_admin(settings)
    in_use = topics_in_use.check(admin, settings)
    consumer = open_reader(settings)
    try:
        yield _Group(settings, admin, consumer, in_use, last_commit(settings, in_use.input_partitions))
    finally:
        consumer.close()


def _completed(group: _Group, sink: FrameSink) -> Counter:
    """Return the group's counter, after it has published the windows that an interrupted run had begun to close."""
    settings = group.settings
    state = begin(group.admin, group.consumer, settings, group.in_use).accepted()
    counter = rebuilt(group.consumer, settings, state, lambda: None)
    counter.resume()
    for number, record in enumerate(counter.close_to(state.closing_to), 1):
        sink.publish(record)
        if number % MAX_RESULTS == 0:
            sink.commit(counter.state())
    for partition in counter.partitions.values():
        for rejected in partition.take_rejected():
            sink.reject(rejected)
    return counter


def _remarks(counter: Counter) -> list[str]:
    """Return what the future guard has decided, or not yet, about frames that Flink will read again without one."""
    return [
        f"partition {number}: {numbered(len(at.guard.held), 'frame')} far ahead "
        f"{'waits' if len(at.guard.held) == 1 else 'wait'} for proof; Flink needs none"
        for number, at in counter.partitions.items()
        if at.guard.held
    ] + [
        f"partition {number}: frames ahead of event time count, but have not moved it; on Flink they will"
        for number, at in counter.partitions.items()
        if at.clock.furthest > at.clock.newest and len(at.log)
    ]


def _published_by_flink(
    group: _Group, saved: SavedState, handover: Handover, sink: FrameSink, on_progress: OnProgress
) -> tuple[State, Returned]:
    """Count up to what Flink has published; return the state, after what Flink does not publish was sent."""
    settings, topic = group.settings, group.settings.input_topic
    published.abort_transactions(group.admin, settings, group.in_use)
    by_flink = published.read(group.admin, settings, group.in_use, handover)
    ranges = offset_ranges(group.admin, topic, group.in_use.input_partitions)
    beginning = compared(saved, topic, group.in_use.input_id, ranges)
    if beginning.losses:
        raise StateError(
            "frames since the handover to Flink are gone, so the application cannot count them again",
            why="\n".join(beginning.losses),
            hint=f"{LET_FLINK_CONTINUE}\nor {AFRESH}",
        )
    counter = rebuilt(group.consumer, settings, beginning.state, lambda: None)
    counter.resume()
    positions = {number: at.position for number, at in counter.partitions.items()}
    ends = {
        number: max(positions[number], min(at.high, handover.ends.get(number, at.high)))
        for number, at in ranges.items()
    }
    replay = CheckedReplay(counter, by_flink, ends, handover.ends)
    state = replay.run(frames_between(group.consumer, topic, positions, ends, Progress(on_progress)))
    for record in replay.missing:
        sink.publish(record)
    for rejected in replay.dead_letters:
        sink.reject(rejected)
    return state, Returned(len(replay.missing), len(replay.dead_letters))


def _ends_of_outputs(group: _Group) -> dict[int, dict[int, int]]:
    topics = {size.size_s: group.settings.topic_of(size) for size in SIZES}
    limits = group.in_use.limits
    return {size_s: end_offsets(group.admin, topic, limits[topic].partitions) for size_s, topic in topics.items()}


def _ends_of_input(group: _Group) -> dict[int, int]:
    found = offset_ranges(group.admin, group.settings.input_topic, group.in_use.input_partitions)
    return {number: at.high for number, at in found.items()}
