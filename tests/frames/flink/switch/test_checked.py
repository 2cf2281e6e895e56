"""A group that goes to Flink and back, against an application that is never interrupted; Flink is a plain model."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from math import inf

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.frames.core.counter import Counter
from metrics.frames.core.partition import RejectedFrame
from metrics.frames.core.state import Rules, State
from metrics.frames.flink.script import Begin
from metrics.frames.flink.switch.checked import CheckedReplay, Published
from metrics.frames.flink.switch.handover import begin_of
from metrics.frames.records import Record
from metrics.frames.sizes import SIZES, Counts, Size
from metrics.wording.errors import StateError
from tests.examples import examples
from tests.frames.core.message import Message, message

T = 1468244340
RULES = Rules(lateness_s=5, future_limit_s=300)
GAP_LIMIT_S = 150

Timeline = Sequence[tuple[int, str]]
Values = dict[int, list[Published]]


def live(offset: int, frame: tuple[int, str]) -> Message:
    """Return a frame that was written when it happened; one without a user is no frame."""
    return message(offset, *frame, recorded_at_s=frame[0]) if frame[1] else Message(offset, b"{}", frame[0])


def place(rejected: RejectedFrame) -> tuple[int, bytes | None]:
    return rejected.message.offset(), rejected.message.value()


class App:
    """The application's core: what it publishes, and the offsets of its dead letters."""

    def __init__(self, partitions: Mapping[int, Timeline], saved: State) -> None:
        self.partitions = partitions
        self.values: Values = {size.size_s: [] for size in SIZES}
        self.dead: list[tuple[int, bytes | None]] = []
        self.counter = Counter(saved, RULES, gap_limit_s=GAP_LIMIT_S, now_s=0)
        for number, at in saved.partitions.items():
            for offset in range(at.restart_offset, at.position):
                self.counter.partitions[number].rebuild(live(offset, partitions[number][offset]))
        self.counter.resume()
        self.take(self.counter.close(0))

    def read(self, number: int, frames: int) -> None:
        partition = self.counter.partitions[number]
        start = partition.position
        chosen = self.partitions[number][start : start + frames]
        partition.count([live(offset, frame) for offset, frame in enumerate(chosen, start)])
        partition.read_to(start + len(chosen), 0)
        self.take(self.counter.close(0))

    def idle(self, number: int, for_s: float) -> None:
        """Let a partition be idle for a moment."""
        self.counter.mark_idle(number, for_s)
        self.take(self.counter.close(for_s))
        self.counter.mark_active(number)

    def end(self) -> None:
        """Read the rest, by turns, and close all."""
        while any(at.position < len(self.partitions[number]) for number, at in self.counter.partitions.items()):
            for number in self.partitions:
                self.read(number, 7)
        self.counter.resolve()
        self.take(self.counter.close_all())

    def take(self, records: Iterable[Record]) -> None:
        for record in records:
            self.values[record.size.size_s].append(Published(record.start, record.value()))
        for partition in self.counter.partitions.values():
            self.dead += map(place, partition.take_rejected())

    def state(self) -> State:
        return msgspec.json.decode(msgspec.json.encode(self.counter.state()), type=State)


def on_flink(begin: Begin, partitions: Mapping[int, Timeline], ends: Mapping[int, int], watermark: float) -> Values:
    """Return what the statements publish: frames judged by their partition alone, windows closed by the watermark."""
    windows: dict[int, defaultdict[int, list[str]]] = {size.size_s: defaultdict(list) for size in SIZES}
    for number, start in begin.offsets.items():
        newest = begin.newest[number]
        for ts, uid in partitions[number][start : ends[number]]:
            if not uid:
                continue
            newest = max(newest, ts)
            for size in SIZES:
                if size.end_of(ts) > max(newest - RULES.lateness_s, begin.series[size.size_s].closed_through):
                    windows[size.size_s][size.start_of(ts)].append(uid)
    return {size.size_s: [*_written(begin, size, windows[size.size_s], watermark)] for size in SIZES}


def _written(begin: Begin, size: Size, windows: Mapping[int, list[str]], watermark: float) -> Iterator[Published]:
    series = copy(begin.series[size.size_s])
    for start, uids in sorted(windows.items()):
        if size.end_of(start) > watermark:
            return
        gap_s = series.gap_s(start, size.size_s)
        for empty in range(start - gap_s, start, size.size_s) if gap_s <= GAP_LIMIT_S else ():
            yield Published(empty, Record(size, empty, 0, 0, series.append(empty, 0)).value())
        gap_s = series.gap_s(start, size.size_s)
        number = len(uids) if size.counts is Counts.FRAMES else len(set(uids))
        yield Published(start, Record(size, start, number, len(uids), series.append(start, number), gap_s).value())


def watermark(begin: Begin, partitions: Mapping[int, Timeline], ends: Mapping[int, int]) -> float:
    """Return Flink's watermark: that of the slowest partition; one without frames holds all windows open."""
    newest = [
        max((ts for ts, uid in partitions[number][start : ends[number]] if uid), default=-inf)
        for number, start in begin.offsets.items()
    ]
    return min(newest) - RULES.lateness_s


@st.composite
def timelines(draw: st.DrawFn) -> dict[int, list[tuple[int, str]]]:
    """Draw partitions of some minutes, with gaps, frames in disorder and late ones, and some that are no frame."""
    random = draw(st.randoms(use_true_random=False))
    found = {}
    for number in range(draw(st.integers(1, 3))):
        now, frames = T + random.randrange(20), list[tuple[int, str]]()
        for _ in range(random.randrange(10, 60)):
            now += random.choice((0, 0, 1, 1, 2, 9, 31)) if random.random() < 0.98 else 200
            delay_s = random.choice((0, 0, 0, 1, 3, 5, 8, 40)) if frames else 0
            frames.append((now - delay_s, random.choice(("a", "b", "c", "d", ""))))
        found[number] = frames
    return found


def through_part_of(data: st.DataObject, app: App) -> None:
    """Let the application read some batches, and be idle now and then."""
    for number, frames, is_idle in data.draw(
        st.lists(st.tuples(st.sampled_from(sorted(app.partitions)), st.integers(0, 12), st.booleans()), max_size=5)
    ):
        app.read(number, frames)
        if is_idle and app.partitions[number]:
            app.idle(number, data.draw(st.integers(0, 100)))


def returned(app: App, saved: State, partitions: Mapping[int, Timeline], published: Values, bounded: bool) -> State:
    """Bring the group back, and let what is published for it be the application's."""
    before = App(partitions, saved)
    ends = {number: len(frames) for number, frames in partitions.items()}
    replay = CheckedReplay(before.counter, published, ends, ends if bounded else ())

    def read(number: int) -> list[Message]:
        start = before.counter.partitions[number].position
        return [live(offset, frame) for offset, frame in enumerate(partitions[number][start : start + 3], start)]

    state = replay.run(read)
    for size_s, records in published.items():
        app.values[size_s] += records
    app.take(replay.missing)
    app.dead += map(place, replay.dead_letters)
    return state


@settings(max_examples=examples(1000), deadline=None)
@given(timelines(), st.data())
def test_there_and_back_every_record_is_published_once_as_without_a_switch(
    partitions: dict[int, list[tuple[int, str]]], data: st.DataObject
) -> None:
    undisturbed = App(partitions, State.fresh(dict.fromkeys(partitions, 0), RULES))
    through_part_of(data, undisturbed)
    saved = undisturbed.state()
    switched = App(partitions, State.fresh(dict.fromkeys(partitions, 0), RULES))
    switched.values = {size_s: [*records] for size_s, records in undisturbed.values.items()}
    switched.dead = [*undisturbed.dead]
    undisturbed.end()

    begin = begin_of(saved, {})
    lengths = {number: len(frames) for number, frames in partitions.items()}
    is_ended = data.draw(st.booleans())
    unread = {number: lengths[number] - at.position for number, at in saved.partitions.items()}
    checkpoints = [
        {number: end - data.draw(st.integers(0, unread[number] // 2)) for number, end in lengths.items()} for _ in SIZES
    ]
    published = {}
    for size, ends in zip(SIZES, checkpoints, strict=True):  # when a job is killed, one size may be further
        if is_ended:
            published[size.size_s] = on_flink(begin, partitions, lengths, inf)[size.size_s]
        else:
            reached = watermark(begin, partitions, ends)
            published[size.size_s] = on_flink(begin, partitions, ends, reached)[size.size_s]
    state = returned(switched, saved, partitions, published, bounded=is_ended)
    back = App(partitions, state)
    back.end()
    for size in SIZES:
        assert switched.values[size.size_s] + back.values[size.size_s] == undisturbed.values[size.size_s]
    assert sorted(switched.dead + back.dead) == sorted(undisturbed.dead)
    assert back.counter.tally() == undisturbed.counter.tally()


#   offset  0  1  2  3  4   5   6   7   8      on Flink, 7 has closed the seconds that end at or before 62
#   ts      0  1  1  2  50  50  61  67  68     and the first minute
FRAMES = [(T + ts, uid) for ts, uid in zip((0, 1, 1, 2, 50, 50, 61, 67, 68), "abcabdbcc", strict=True)]
BEGIN = State.fresh({0: 0}, RULES)


def published_through(ts: int) -> Values:
    return on_flink(begin_of(BEGIN, {}), {0: FRAMES}, {0: len(FRAMES)}, T + ts)


def replayed(
    published: Values, frames: Timeline = FRAMES, bounded: Collection[int] = ()
) -> tuple[CheckedReplay, State]:
    app = App({0: frames}, BEGIN)
    replay = CheckedReplay(app.counter, published, {0: len(frames)}, bounded)
    left = [live(offset, frame) for offset, frame in enumerate(frames)]

    def read(_: int) -> list[Message]:
        taken = left[:1]
        del left[:1]
        return taken

    return replay, replay.run(read)


def test_a_group_comes_back_where_flink_has_published_its_last_window() -> None:
    replay, state = replayed(published_through(62))
    second, minute = state.series[1], state.series[60]
    assert (second.last - T, second.closed_through - T, second.total) == (61, 62, 7)
    assert (minute.last - T, minute.closed_through - T, minute.total) == (0, 62, 4)
    at = state.partitions[0]
    assert (at.position, at.restart_offset, at.open) == (8, 6, 1)  # 7 has moved the watermark to 62, so 8 is not read
    assert replay.missing == []


def test_nothing_that_flink_has_published_leaves_the_group_where_it_was() -> None:
    replay, state = replayed(published_through(0))
    assert state == BEGIN
    assert replay.missing == []


def test_what_a_killed_job_has_published_of_one_size_only_is_published_of_the_other() -> None:
    published = published_through(62)
    replay, state = replayed(published | {60: []})
    assert [Published(record.start, record.value()) for record in replay.missing] == published[60]
    assert state == replayed(published)[1]
    replay, state = replayed(published | {1: published[1][:3]})  # the minute is published, most of its seconds are not
    missing = [Published(record.start, record.value()) for record in replay.missing]
    assert missing == [record for record in published[1][3:] if record.start <= T + 50]
    assert state.closing_to == T + 60


def test_a_record_that_the_application_would_not_have_published_is_refused() -> None:
    published = published_through(62)
    first, second, *rest = published[1]
    changed = second._replace(value=second.value.replace(b'"num_of_frames":2', b'"num_of_frames":3'))
    with pytest.raises(StateError, match="Flink has published a second that the application would not have") as refused:
        replayed(published | {1: [first, changed, *rest]})
    moment = "2016-07-11T13:39:01Z"
    assert refused.value.why == (
        f"published: {moment} {changed.value.decode()}\nexpected:  {moment} {second.value.decode()}"
    )
    with pytest.raises(StateError, match="a second that"):
        replayed(published | {1: [first, first, second, *rest]})
    with pytest.raises(StateError, match="a minute that") as refused:
        replayed(published, FRAMES[:4])
    assert '"num_of_frames":6}' in refused.value.why
    extra = Published(T + 600, b"{}")
    with pytest.raises(StateError, match="a second that") as refused:
        replayed({1: [*published_through(99)[1], extra], 60: published_through(999)[60]})
    assert refused.value.why == "published: 2016-07-11T13:49:00Z {}\nexpected:  none"


def test_a_job_that_ends_with_the_input_has_closed_every_window() -> None:
    """The last frame jumps ahead without a timestamp that would explain it: at the end of the input, it counts."""
    frames = [*FRAMES[:6], (T + 90, "e")]
    published = on_flink(begin_of(BEGIN, {}), {0: frames}, {0: 7}, inf)
    app = App({0: frames}, BEGIN)
    replay = CheckedReplay(app.counter, published, {0: 7}, [0])
    batches = [[message(6, *frames[6])], [*map(live, range(6), frames)]]
    state = replay.run(lambda _: batches.pop() if batches else [])
    assert (state.series[1].last - T, state.closing_to - T) == (90, 120)
    assert state.partitions[0].tally.held == 0
