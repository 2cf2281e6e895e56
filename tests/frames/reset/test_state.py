"""States that are set back or forward, on timelines worked out by hand. Each letter is a user; `|` is the reset."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.core.counter import Counter
from metrics.frames.core.state import PartitionState, Rules, State, Tally
from metrics.frames.core.windows import MinuteRecord, Record, SecondRecord, Series
from metrics.frames.records import Published
from metrics.frames.reset.published_windows import WindowsThere, going_on
from metrics.frames.reset.state import (
    NEVER,
    Replay,
    Stretch,
    as_published,
    skipping,
    with_counters_anew,
    with_rows_of_0,
    without_open_windows,
)
from metrics.times import Moment
from tests.frames.core.message import Message
from tests.frames.core.test_counter import Stream, T, live

RULES = Rules(lateness_s=5, future_limit_s=300)
GAP_LIMIT_S = 3600

Frames = Sequence[tuple[int, str]]


def messages(frames: Frames) -> list[Message]:
    return [live(offset, after_s, uid) for offset, (after_s, uid) in enumerate(frames)]


def played(replay: Replay, partitions: Mapping[int, list[Message]]) -> State:
    """Give each partition its frames one by one, and return the state that they lead to."""
    while (number := replay.next()) is not None:
        if partitions[number]:
            replay.take(number, [partitions[number].pop(0)])
        else:
            replay.end(number)
    return replay.state()


def set_back(partitions: Mapping[int, Frames], ends: Mapping[int, int], close_to: int, until: int = NEVER) -> State:
    holding = [number for number, frames in partitions.items() if ends[number] < len(frames)]
    begin = State.fresh(dict.fromkeys(partitions, 0), RULES)
    replay = Replay(begin, ends, holding=holding, until=until, close_to=close_to, gap_limit_s=GAP_LIMIT_S)
    return played(replay, {number: messages(frames)[: ends[number]] for number, frames in partitions.items()})


def back_at(frames: Frames, after_s: int) -> tuple[State, State]:
    """Return the state of one partition before, and as it is set back to a time after T."""
    before = Stream().frames(*frames).counter.state()
    state = set_back({0: frames}, {0: len(frames)}, close_to=T + after_s, until=T + after_s)
    return before, with_rows_of_0(state, before, GAP_LIMIT_S)


def run(state: State, partitions: Mapping[int, Frames]) -> tuple[list[Record], State]:
    """Run from a state to the end; returns what is published, and the state then."""
    counter = Counter(state, RULES, gap_limit_s=GAP_LIMIT_S, now_s=0)
    for number, at in state.partitions.items():
        for one in messages(partitions[number])[at.low_water : at.position]:
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
    return [record for record in records if isinstance(record, SecondRecord)]


def minutes_of(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if isinstance(record, MinuteRecord)]


def test_set_back_to_a_time_what_ends_later_is_published_again_with_the_same_values() -> None:
    #  offset    0    1    2    3     4     5     6
    #  frames   a@0  b@1  c@0  d@64  e@68  f@69  g@140
    #  back to 62: e proves that all before is closed; d and e are open
    frames = [(0, "a"), (1, "b"), (0, "c"), (64, "d"), (68, "e"), (69, "f"), (140, "g")]
    _, state = back_at(frames, 62)
    at = state.partitions[0]
    assert (state.closing_to - T, at.position, at.low_water, at.open, at.tally.consumed) == (62, 5, 3, 2, 5)
    assert (state.seconds.windows, state.seconds.total, state.minutes.windows, state.minutes.total) == (62, 3, 1, 3)
    once, again = Stream().frames(*frames).end(), run_on(state, frames)
    assert seconds_of(again) == [second for second in once.seconds if second.start >= T + 62]
    assert minutes_of(again) == [minute for minute in once.minutes if minute.start >= T + 60]


def test_set_back_into_a_minute_its_users_from_before_count_as_they_did() -> None:
    #  a@0 b@10 c@30 | d@40 e@70      back to 20: the minute 0 is open, so it is read from its first frame on
    frames = [(0, "a"), (10, "b"), (30, "c"), (40, "d"), (70, "e")]
    _, state = back_at(frames, 20)
    assert (state.partitions[0].position, state.partitions[0].low_water, state.partitions[0].open) == (3, 0, 1)
    once, again = Stream().frames(*frames).end(), run_on(state, frames)
    assert seconds_of(again) == once.seconds[20:]
    assert minutes_of(again) == once.minutes


def test_set_back_before_a_gap_too_long_for_rows_the_next_record_tells_it_again() -> None:
    #  a@0 b@10000 c@10010      back to 5000: nothing is between
    frames = [(0, "a"), (10_000, "b"), (10_010, "c"), (10_100, "d")]
    _, state = back_at(frames, 5_000)
    assert (state.seconds.last, state.seconds.windows) == (T, 1)
    assert seconds_of(run_on(state, frames)) == Stream().frames(*frames).end().seconds[1:]


def test_set_back_to_offsets_what_the_slowest_partition_proves_is_closed() -> None:
    #  partition 0   a@0  b@20 | c@30        is behind: its watermark is 15
    #  partition 1   d@1  e@90               stays where it was: it holds nothing
    partitions = {0: [(0, "a"), (20, "b"), (30, "c")], 1: [(1, "d"), (90, "e")]}
    state = set_back(partitions, {0: 2, 1: 2}, close_to=T + 25)
    assert state.closing_to - T == 15
    assert (state.seconds.windows, state.seconds.total, state.minutes.windows) == (2, 2, 0)
    assert [at.position for at in state.partitions.values()] == [2, 2]


def test_set_back_nothing_is_closed_that_was_not_published() -> None:
    #  partition 0   a@0                was silent, so that it held nothing
    #  partition 1   b@1  c@40  d@60    35 was closed when the state was saved
    partitions = {0: [(0, "a")], 1: [(1, "b"), (40, "c"), (60, "d")]}
    state = set_back(partitions, {0: 1, 1: 3}, close_to=T + 35)
    assert [state.closing_to - T, *(at.watermark - T for at in state.partitions.values())] == [35, 35, 55]


def test_a_replay_goes_on_to_other_ends_as_if_it_had_not_stopped() -> None:
    partitions = {0: [(0, "a"), (20, "b"), (30, "c"), (90, "d")], 1: [(1, "e"), (90, "f"), (170, "g")]}
    begin, ends = State.fresh({0: 0, 1: 0}, RULES), {0: 4, 1: 3}
    through = played(
        Replay(begin, ends, close_to=T + 120, gap_limit_s=GAP_LIMIT_S),
        {number: messages(frames) for number, frames in partitions.items()},
    )
    replay = Replay(begin, {0: 2, 1: 3}, holding=[0], until=T + 60, close_to=T + 60, gap_limit_s=GAP_LIMIT_S)
    left = {number: messages(frames) for number, frames in partitions.items()}
    played(replay, {0: left[0][:2], 1: left[1][:2]})
    assert replay.positions() == {0: 2, 1: 2}
    closed: list[Record] = []
    replay.go_on(ends, T + 120, closed.append)
    assert played(replay, {0: left[0][2:], 1: left[1][2:]}) == through
    assert [record.start - T for record in seconds_of(closed)] == list(range(2, 91))
    assert [record.start - T for record in minutes_of(closed)] == [0, 60]


def test_the_partition_that_is_behind_in_event_time_goes_on_first() -> None:
    replay = Replay(State.fresh({0: 0, 1: 0}, RULES), {0: 2, 1: 2}, gap_limit_s=GAP_LIMIT_S)
    replay.take(0, [live(0, 10, "a")])
    assert replay.next() == 1
    replay.take(1, [live(0, 20, "b")])
    assert replay.next() == 0
    replay.end(0)
    assert replay.next() == 1
    replay.end(1)
    assert replay.next() is None


def test_set_forward_no_window_that_lacks_frames_is_published_not_even_as_a_row_of_0() -> None:
    #  offset    0    1      2    3       4      5      6
    #  frames   a@0  b@10 | c@20 d@70 | e@119  f@130  g@200     c and d are skipped: the minutes 0 and 60 lack them
    frames = [(0, "a"), (10, "b"), (20, "c"), (70, "d"), (119, "e"), (130, "f"), (200, "g")]
    before = Stream().frames(*frames[:2]).counter.state()
    assert (before.seconds.closed_through - T, before.partitions[0].open) == (5, 1)
    given_up = without_open_windows(before)
    tally = given_up.partitions[0].tally
    assert (tally.consumed, tally.counted, tally.lost, given_up.partitions[0].low_water) == (2, 1, 1, 2)
    ahead = played(Replay(given_up, {0: 4}, gap_limit_s=GAP_LIMIT_S), {0: messages(frames)[2:4]})
    after = skipping(given_up, ahead)
    assert (after.partitions[0].position, after.partitions[0].low_water) == (4, 4)
    records = run_on(after, frames)
    counts = {record.start - T: record.frames for record in seconds_of(records)}
    assert counts == {second: int(second in (130, 200)) for second in range(120, 201)}
    assert [record.start - T for record in minutes_of(records)] == [120, 180]


def test_set_forward_frames_that_wait_for_proof_are_not_skipped() -> None:
    ahead = State.fresh({0: 9}, RULES)
    ahead.partitions[0] = PartitionState(9, 7, T + 3, T + 3, held_at=7)
    after = skipping(State.fresh({0: 0}, RULES), ahead)
    assert (after.partitions[0].position, after.partitions[0].low_water) == (7, 7)
    assert (after.closing_to, after.partitions[0].watermark) == (T + 60, T + 60)


def test_a_stretch_tells_its_windows_or_only_where_it_ends() -> None:
    assert Stretch.between(T + 60, T + 180, 60) == Stretch(Moment.of(T + 60), Moment.of(T + 120), 2)
    assert Stretch.between(0, T + 60, 60) == Stretch(None, Moment.of(T), None)
    assert Stretch.between(T, T, 1) is None


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
    through = before.seconds.closed_through
    if data.draw(st.booleans(), "to a time"):
        ends = {number: len(frames) for number, frames in partitions.items()}
        until = data.draw(st.integers(T, max(T, through)))
    else:
        ends = {number: data.draw(st.integers(0, len(frames))) for number, frames in partitions.items()}
        until = NEVER
    return with_rows_of_0(set_back(partitions, ends, min(until, through), until), before, GAP_LIMIT_S)


@given(histories, st.data())
def test_wherever_it_is_set_back_a_run_publishes_what_it_did_and_ends_in_the_same_state(
    history: list[list[tuple[int, int, str]]], data: st.DataObject
) -> None:
    partitions = {number: frames_of(steps) for number, steps in enumerate(history)}
    once, before = run(State.fresh(dict.fromkeys(partitions, 0), RULES), partitions)
    after = draw_set_back(data, partitions, before)
    again, state = run(after, partitions)
    assert state == before
    for of, size_s in ((seconds_of, 1), (minutes_of, 60)):
        assert of(again) == [record for record in of(once) if record.start + size_s > after.closing_to]


@given(histories, st.data())
def test_after_windows_were_closed_early_averages_and_counters_go_on_from_what_was_published(
    history: list[list[tuple[int, int, str]]], data: st.DataObject
) -> None:
    """An input ended somewhere, and went on."""
    partitions = {number: frames_of(steps) for number, steps in enumerate(history)}
    parts = {number: frames[: data.draw(st.integers(0, len(frames)))] for number, frames in partitions.items()}
    once, state = run(State.fresh(dict.fromkeys(partitions, 0), RULES), parts)
    more, before = run(state, partitions)
    after = draw_set_back(data, partitions, before)
    through = after.closing_to
    seconds = going_on(there(1, once + more), after.seconds, before.seconds, through, is_whole=True)
    minutes = going_on(there(60, once + more), after.minutes, before.minutes, through, is_whole=True)
    assert seconds is not None
    assert minutes is not None
    again, state = run(as_published(after, seconds, minutes, {}), partitions)
    for of, series in ((seconds_of, state.seconds), (minutes_of, state.minutes)):
        numbers = {at.start: at.number for at in [*published(of(once + more)), *published(of(again))]}
        assert (series.windows, series.total) == (len(numbers), sum(numbers.values()))
        for at in published(of(again)):
            so_far = [number for start, number in numbers.items() if start <= at.start]
            assert at.average == round(sum(so_far) / len(so_far), 3)


def there(size_s: int, records: Sequence[Record]) -> WindowsThere:
    windows = WindowsThere(size_s)
    for record in published((seconds_of if size_s == 1 else minutes_of)(records)):
        windows.add(record)
    return windows


def published(records: Sequence[Record]) -> list[Published]:
    return [
        Published(at.start, at.users if isinstance(at, MinuteRecord) else at.frames, at.average, at.gap_s, at.frames)
        for at in records
    ]


def test_frames_that_came_after_their_windows_were_closed_early_were_late_as_the_rejected_topic_tells() -> None:
    #  partition   counted  open  rejected       published are 7 in all; so 4 of the 11 that are closed came later
    #      0             6     1   2 as late     of these, the topic tells that 2 were rejected, the others joined
    #      1             7     1   1 as late
    partitions = {number: PartitionState(counted, 0, open=1) for number, counted in ((0, 6), (1, 7))}
    for at in partitions.values():
        at.tally = Tally(at.position, at.position)
    state = State(T, RULES, Series(), Series(), partitions)
    seconds, minutes = Series(T - 1, 5, 7, T), Series(T - 60, 1, 3, T)
    tallies = [at.tally for at in as_published(state, seconds, minutes, {0: 2, 1: 1}).partitions.values()]
    assert [(at.counted, at.late, at.joined, at.rejected) for at in tallies] == [
        (3, 3, 1, {"late": 2}),
        (6, 1, 0, {"late": 1}),
    ]
    assert all(tally.is_conserved() for tally in tallies)
    assert state.partitions[0].tally == Tally(6, 6)


def test_frames_that_are_gone_count_as_they_were_published() -> None:
    state = with_counters_anew(
        State(T, RULES, Series(), Series(), {0: PartitionState(9, 7, open=2, tally=Tally(5, 5))})
    )
    assert state.partitions[0].tally == Tally(2, 2)
    after = as_published(state, Series(T - 1, 5, 7, T), Series(T - 60, 1, 3, T), {})
    assert after.partitions[0].tally == Tally(9, 9)
