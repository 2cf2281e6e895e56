"""States that are set back or forward, on timelines worked out by hand. Each letter is a user; `|` is the reset."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from metrics.frames.core.counter import Counter
from metrics.frames.core.state import MovedOver, PartitionState, Rules, State, Tally
from metrics.frames.core.windows import Series
from metrics.frames.records import Record
from metrics.frames.reset.replay import NEVER, Replay
from metrics.frames.reset.state import begun_again, moved_over_by, skipping, without_windows
from metrics.frames.sizes import MINUTE, SECOND
from tests.frames.core.message import Message
from tests.frames.core.test_counter import Stream, T, live

RULES = Rules(lateness_s=5, future_limit_s=300)
GAP_LIMIT_S = 3600

Frames = Sequence[tuple[int, str]]


def messages(frames: Frames) -> list[Message]:
    return [live(offset, after_s, uid) for offset, (after_s, uid) in enumerate(frames)]


def played(replay: Replay, partitions: Mapping[int, list[Message]]) -> State:
    """Give each partition its frames one by one, and return the state that they lead to."""

    def read(number: int) -> list[Message]:
        messages = partitions[number][:1]
        del partitions[number][:1]
        return messages

    return replay.run(read)


def set_back(partitions: Mapping[int, Frames], ends: Mapping[int, int], close_to: int, until: int = NEVER) -> State:
    continued = [number for number, frames in partitions.items() if ends[number] < len(frames)]
    begin = State.fresh(dict.fromkeys(partitions, 0), RULES)
    replay = Replay.of(begin, ends, continued=continued, until=until, close_to=close_to)
    return played(replay, {number: messages(frames)[: ends[number]] for number, frames in partitions.items()})


def back_at(frames: Frames, after_s: int) -> tuple[State, State]:
    """Return the state of one partition before, and as it is set back to a time after T."""
    before = Stream().frames(*frames).counter.state()
    state = set_back({0: frames}, {0: len(frames)}, close_to=T + after_s, until=T + after_s)
    return before, begun_again(state, before)


def skipped(before: State, partitions: Mapping[int, Frames], goals: Mapping[int, int]) -> State:
    """Return a state as it is set forward; where a goal is behind a position, that partition is set back."""
    begin = without_windows(before, dict.fromkeys(partitions, 0), goals)
    starts = {number: at.position for number, at in begin.partitions.items()}
    left = {number: messages(frames)[starts[number] : goals[number]] for number, frames in partitions.items()}
    return skipping(before, played(Replay.of(begin, goals), left))


def run(state: State, partitions: Mapping[int, Frames]) -> tuple[list[Record], State]:
    """Run from a state to the end; returns what is published, and the state then."""
    counter = Counter(state, RULES, gap_limit_s=GAP_LIMIT_S, now_s=0)
    for number, at in state.partitions.items():
        for one in messages(partitions[number])[at.restart_offset : at.position]:
            counter.partitions[number].rebuild(one)
    counter.resume()
    for number, at in state.partitions.items():
        counter.partitions[number].count(messages(partitions[number])[at.position :])
        counter.partitions[number].read_to(len(partitions[number]), 0)
    records = list(counter.close_all())
    assert counter.tally().is_conserved()
    return records, counter.state()


def run_on(state: State, frames: Frames) -> list[Record]:
    """Run from a state of one partition to the end, and return what is published."""
    return run(state, {0: frames})[0]


def seconds_of(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.size is SECOND]


def minutes_of(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.size is MINUTE]


def since(records: Sequence[Record], start: int) -> list[Record]:
    """Return the records of one size from a start on, with the averages that they have if these begin there."""
    left, total = [record for record in records if record.start >= start], 0
    for number, record in enumerate(left, 1):
        total += record.number
        left[number - 1] = record._replace(average=round(total / number, 3))
    return left


def test_set_back_to_a_time_what_ends_later_is_published_again_with_the_same_counts() -> None:
    #  offset    0    1    2    3     4     5     6
    #  frames   a@0  b@1  c@0  d@64  e@68  f@69  g@140
    #  back to 62: e proves that all before is closed; d and e are open
    frames = [(0, "a"), (1, "b"), (0, "c"), (64, "d"), (68, "e"), (69, "f"), (140, "g")]
    _, state = back_at(frames, 62)
    at = state.partitions[0]
    assert (state.closing_to - T, at.position, at.restart_offset, at.open, at.tally.consumed) == (62, 5, 3, 2, 2)
    assert state.series[1] == Series(T + 1, closed_through=T + 62, since=T + 2)
    assert state.series[60] == Series(T, closed_through=T + 62, since=T + 60)
    once, again = Stream().frames(*frames).end(), run_on(state, frames)
    assert seconds_of(again) == since(once.seconds, T + 2)  # with the rows of 0 from 2 on
    assert minutes_of(again) == since(once.minutes, T + 60)
    assert [record.average for record in minutes_of(again)] == [3, 2]  # d, e and f; then g


def test_set_back_into_a_minute_its_users_from_before_count_as_they_did() -> None:
    #  a@0 b@10 c@30 | d@40 e@70      back to 20: the minute 0 is open, so it is read from its first frame on
    frames = [(0, "a"), (10, "b"), (30, "c"), (40, "d"), (70, "e")]
    _, state = back_at(frames, 20)
    assert (state.partitions[0].position, state.partitions[0].restart_offset, state.partitions[0].open) == (3, 0, 1)
    once, again = Stream().frames(*frames).end(), run_on(state, frames)
    assert seconds_of(again) == since(once.seconds, T + 11)
    assert minutes_of(again) == once.minutes


def test_set_back_before_a_gap_too_long_for_zero_rows_the_next_record_reports_it_again() -> None:
    #  a@0 b@10000 c@10010      back to 5000: nothing is between
    frames = [(0, "a"), (10_000, "b"), (10_010, "c"), (10_100, "d")]
    _, state = back_at(frames, 5_000)
    assert state.series[1] == Series(T, closed_through=T + 5_000, since=T + 1)
    again = seconds_of(run_on(state, frames))
    assert again == since(Stream().frames(*frames).end().seconds, T + 1)
    assert again[0].gap_s == 9_999


def test_set_back_to_offsets_what_the_slowest_partition_proves_is_closed() -> None:
    #  partition 0   a@0  b@20 | c@30        is behind: its watermark is 15
    #  partition 1   d@1  e@90               stays where it was: it holds nothing
    partitions = {0: [(0, "a"), (20, "b"), (30, "c")], 1: [(1, "d"), (90, "e")]}
    state = set_back(partitions, {0: 2, 1: 2}, close_to=T + 25)
    assert state.closing_to - T == 15
    assert (state.series[1].windows, state.series[1].total, state.series[60].windows) == (2, 2, 0)
    assert [at.position for at in state.partitions.values()] == [2, 2]


def test_set_back_nothing_is_closed_that_was_not_published() -> None:
    #  partition 0   a@0                was idle, so that it held nothing
    #  partition 1   b@1  c@40  d@60    35 was closed when the state was saved
    partitions = {0: [(0, "a")], 1: [(1, "b"), (40, "c"), (60, "d")]}
    state = set_back(partitions, {0: 1, 1: 3}, close_to=T + 35)
    assert [state.closing_to - T, *(at.watermark - T for at in state.partitions.values())] == [35, 35, 55]


def test_the_partition_with_the_lowest_event_time_is_read_first() -> None:
    left, order = {0: [live(0, 10, "a")], 1: [live(0, 20, "b")]}, []

    def read(number: int) -> list[Message]:
        order.append(number)
        return [left[number].pop()] if left[number] else []

    Replay.of(State.fresh({0: 0, 1: 0}, RULES), {0: 2, 1: 2}).run(read)
    assert order == [0, 1, 0, 1]


def test_set_forward_windows_that_lack_frames_are_not_published_even_as_zero_rows() -> None:
    #  offset    0    1      2    3       4      5      6
    #  frames   a@0  b@10 | c@20 d@70 | e@119  f@130  g@200     c and d are skipped: the minutes 0 and 60 lack them
    frames = [(0, "a"), (10, "b"), (20, "c"), (70, "d"), (119, "e"), (130, "f"), (200, "g")]
    before = Stream().frames(*frames[:2]).counter.state()
    assert (before.series[1].closed_through - T, before.partitions[0].open) == (5, 1)
    after = skipped(before, {0: frames}, {0: 4})
    assert (after.partitions[0].position, after.partitions[0].restart_offset) == (4, 4)
    assert (after.partitions[0].newest, after.partitions[0].newest_at_restart) == (T + 70, T + 70)
    assert after.partitions[0].tally == Tally(consumed=1, lost=1)
    records = run_on(after, frames)
    counts = {record.start - T: record.frames for record in seconds_of(records)}
    assert counts == {second: int(second in (130, 200)) for second in range(120, 201)}
    assert [record.start - T for record in minutes_of(records)] == [120, 180]


def test_set_forward_held_frames_are_not_skipped() -> None:
    ahead = State.fresh({0: 9}, RULES)
    ahead.partitions[0] = PartitionState(9, 7, T + 3, T + 3, held_at=7)
    after = skipping(State.fresh({0: 0}, RULES), ahead)
    assert (after.partitions[0].position, after.partitions[0].restart_offset) == (7, 7)
    assert (after.closing_to, after.partitions[0].watermark) == (T + 60, T + 60)


histories = st.lists(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12), st.sampled_from("abc")), max_size=30),
    min_size=1,
    max_size=3,
)


def frames_of(steps: Sequence[tuple[int, int, str]]) -> list[tuple[int, str]]:
    """Return frames of a partition: event time moves on by a step, and a frame is some seconds behind it."""
    event_time = accumulate(step for step, _, _ in steps)
    return [(max(0, at - behind), uid) for at, (_, behind, uid) in zip(event_time, steps, strict=True)]


def draw_set_back(data: st.DataObject, partitions: Mapping[int, Frames], before: State) -> State:
    """Set a state of partitions that were read to their ends back, to a time or to offsets."""
    through = before.series[1].closed_through
    if data.draw(st.booleans(), "to a time"):
        ends = {number: len(frames) for number, frames in partitions.items()}
        until = data.draw(st.integers(T, max(T, through)))
    else:
        ends = {number: data.draw(st.integers(0, len(frames))) for number, frames in partitions.items()}
        until = NEVER
    return begun_again(set_back(partitions, ends, min(until, through), until), before)


def without_moves(state: State) -> State:
    partitions = {number: replace(at, moved_over=MovedOver()) for number, at in state.partitions.items()}
    return replace(state, partitions=partitions)


def without_counters(state: State) -> State:
    partitions = {number: replace(at, tally=Tally()) for number, at in without_moves(state).partitions.items()}
    series = {size_s: Series(at.last, 0, 0, at.closed_through) for size_s, at in state.series.items()}
    return State(state.closing_to, state.rules, series, partitions)


@given(histories, st.data())
def test_after_any_reset_back_a_run_publishes_the_same_and_ends_in_the_same_state(
    history: list[list[tuple[int, int, str]]], data: st.DataObject
) -> None:
    partitions = {number: frames_of(steps) for number, steps in enumerate(history)}
    once, before = run(State.fresh(dict.fromkeys(partitions, 0), RULES), partitions)
    after = draw_set_back(data, partitions, before)
    again, state = run(after, partitions)
    assert without_counters(state) == without_counters(before)
    if not after.closing_to:
        assert (again, without_moves(state)) == (once, before)
    for of, size_s, series in ((seconds_of, 1, after.series[1]), (minutes_of, 60, after.series[60])):
        assert of(again) == since(of(once), series.since)
        assert all(record.frames == 0 for record in of(again) if record.start + size_s <= after.closing_to)


@given(histories, st.data())
def test_windows_that_were_closed_early_are_published_again_in_full(
    history: list[list[tuple[int, int, str]]], data: st.DataObject
) -> None:
    """An input ended somewhere, and went on."""
    partitions = {number: frames_of(steps) for number, steps in enumerate(history)}
    parts = {number: frames[: data.draw(st.integers(0, len(frames)))] for number, frames in partitions.items()}
    fresh = State.fresh(dict.fromkeys(partitions, 0), RULES)
    _, ended = run(fresh, parts)
    _, before = run(ended, partitions)
    after = draw_set_back(data, partitions, before)
    again, _ = run(after, partitions)
    in_full, _ = run(fresh, partitions)
    for of, series in ((seconds_of, after.series[1]), (minutes_of, after.series[60])):
        assert of(again) == since(of(in_full), series.since)


@given(histories, st.data())
def test_after_any_reset_forward_windows_are_published_whole_or_not_at_all(
    history: list[list[tuple[int, int, str]]], data: st.DataObject
) -> None:
    partitions = {number: frames_of(steps) for number, steps in enumerate(history)}
    positions, goals = (
        {number: data.draw(st.integers(0, len(frames))) for number, frames in partitions.items()} for _ in range(2)
    )
    fresh = State.fresh(dict.fromkeys(partitions, 0), RULES)
    before = set_back(partitions, positions, NEVER)  # to positions in the middle, nothing is closed early there
    after = skipped(before, partitions, goals)
    records, _ = run(after, partitions)
    in_full, _ = run(fresh, partitions)
    for of in (seconds_of, minutes_of):
        assert {record.start: record.frames for record in of(records) if record.frames} == {
            record.start: record.frames for record in of(in_full) if record.frames and record.start >= after.closing_to
        }


def test_frames_that_were_lost_before_stay_lost() -> None:
    lost = State(T, RULES, {1: Series(), 60: Series()}, {0: PartitionState(9, 9, tally=Tally(5, 2, lost=3))})
    closed = Series(T - 60, 4, 9, T)
    replayed = State(T, RULES, {1: closed, 60: closed}, {0: PartitionState(9, 7, open=2, tally=Tally(9, 8, held=1))})
    after = begun_again(replayed, lost)
    assert after.partitions[0].tally == Tally(6, 2, held=1, lost=3)
    assert (after.series[1].since, after.series[60].since, after.counted_since) == (T - 59, T, T - 59)


@pytest.mark.parametrize(("position", "judged_since"), [(0, 0), (5, 5), (9, 7), (20, 7)])
def test_a_reset_keeps_where_the_rules_began_unless_frames_before_are_read_again(
    position: int, judged_since: int
) -> None:
    before = State(T, RULES, {1: Series(), 60: Series()}, {0: PartitionState(9, 9, judged_since=7)})
    reached = replace(before, partitions={0: PartitionState(position, position)})
    after = skipping(before, reached) if position > 9 else begun_again(reached, before)
    assert after.partitions[0].judged_since == judged_since


def test_each_reset_adds_to_what_resets_moved_over() -> None:
    #  position 9 | forward to 20 | back to 15, with windows open from 12 on | forward to 30 | back to 5, open from 3 on
    at = PartitionState(9, 6)
    for position, start, moved_over in (
        (20, 20, MovedOver(0, 0, 9, 20)),
        (15, 12, MovedOver(12, 20, 9, 15)),
        (30, 30, MovedOver(12, 20, 9, 30)),
        (5, 3, MovedOver(3, 30)),
    ):
        before, at = at, PartitionState(position, start)
        at = replace(at, moved_over=moved_over_by(before, at))
        assert at.moved_over == moved_over
    held = replace(at, position=40, restart_offset=37, held_at=38)
    assert moved_over_by(held, PartitionState(50, 50)) == MovedOver(3, 30, 38, 50)
