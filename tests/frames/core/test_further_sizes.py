"""A further size of windows is a row of the table: the core and the recount count it, and a state resumes with it."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.frames.core.counter import Counter
from metrics.frames.core.frame_log import Pointer
from metrics.frames.core.state import JUDGING_VERSION, Rules, State
from metrics.frames.records import Record
from metrics.frames.saved_state import SavedState, from_offsets, to_offsets
from metrics.frames.sizes import MINUTE, SECOND, Size, largest
from metrics.frames.verify.recount.findings import Kind
from metrics.kafka.job.heartbeat import Instance
from tests.examples import examples
from tests.frames.core.message import message
from tests.frames.core.simulation import Run
from tests.frames.core.test_counter_against_reference import read_in_any_way, timelines
from tests.frames.core.test_simulation import live_through
from tests.frames.further_sizes import HOUR, QUARTER, added
from tests.frames.verify.audited import audited
from tests.reference import Sent, Timeline

T = 1468242000  # 2016-07-11T13:00:00Z
RULES = Rules(5, 3600, JUDGING_VERSION)
TABLES = st.sampled_from([(HOUR,), (QUARTER, HOUR), (QUARTER,)])


@pytest.fixture
def hour() -> Iterator[None]:
    with added(HOUR):
        yield


@settings(max_examples=examples(300), deadline=None)
@given(TABLES, st.lists(timelines(), min_size=1, max_size=3), st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.5]))
def test_every_reading_gives_the_reference_answer(
    rows: tuple[Size, ...], drawn: list[Timeline], seed: int, crash_probability: float
) -> None:
    with added(*rows):
        read_in_any_way(drawn, seed, crash_probability)


@pytest.mark.parametrize("rows", [(HOUR,), (QUARTER, HOUR)])
def test_histories_are_counted_as_by_the_reference_and_the_recount_contradicts_nothing(rows: tuple[Size, ...]) -> None:
    compared = 0
    with added(*rows):
        for seed in range(300):
            findings = audited(live_through(seed))
            assert findings.agrees, (seed, findings.kept)
            compared += findings.compared[largest()]
    assert compared > 300


def counter(saved: State) -> Counter:
    made = Counter(saved, RULES, gap_limit_s=3_600, now_s=0)
    made.resume()
    return made


def fresh() -> Counter:
    return counter(State.fresh({0: 0}, RULES))


def closed_by(counter: Counter, *frames: tuple[int, str]) -> list[Record]:
    """Count frames given as (seconds after T, user), and return the records of what closes."""
    partition = counter.partitions[0]
    start = partition.position
    partition.count([message(start + at, T + after_s, uid, T + after_s) for at, (after_s, uid) in enumerate(frames)])
    partition.read_to(start + len(frames), 0)
    return list(counter.close(0))


@pytest.mark.usefixtures("hour")
def test_a_larger_window_closes_after_the_last_of_its_smaller_ones() -> None:
    #  a@13:00:00  b a@13:59:59 | c@14:00:05 closes all of them
    records = closed_by(fresh(), (0, "a"), (3_599, "b"), (3_599, "a"), (3_605, "c"))
    assert [(at.size, at.start - T) for at in records if at.number][-3:] == [
        (SECOND, 3_599),
        (MINUTE, 3_540),
        (HOUR, 0),
    ]
    assert records[-1].value() == (
        b'{"timestamp":1468242000,"datetime":"2016-07-11T13:00:00Z","end":1468245600,'
        b'"unique_users":2,"avg_users_per_hour":2.0,"num_of_frames":3}'
    )


@pytest.mark.usefixtures("hour")
def test_a_frame_that_is_late_for_its_minute_counts_for_its_hour() -> None:
    #  a@13:00:00  b@13:02:00 | c@13:00:10: its minute ended at 13:01:00, the watermark is 13:01:55
    made = fresh()
    closed_by(made, (0, "a"), (120, "b"))
    closed_by(made, (10, "c"))
    assert (made.tally().late, made.tally().late_in_minute, made.tally().rejected) == (1, 1, {})
    ends = [(at.size.name, at.start - T, at.number, at.frames) for at in made.close_all() if at.number]
    assert ends == [("second", 120, 1, 1), ("minute", 120, 1, 1), ("hour", 0, 3, 3)]


@pytest.mark.usefixtures("hour")
def test_a_frame_whose_hour_is_closed_is_rejected_and_says_so() -> None:
    made = fresh()
    closed_by(made, (3_599, "a"), (3_605, "b"))
    closed_by(made, (3_598, "c"))
    [rejected] = made.partitions[0].take_rejected()
    assert rejected.rejection.detail == f"ts {T + 3_598} came when event time was {T + 3_605}; its hour was closed"


@pytest.mark.usefixtures("hour")
def test_users_of_an_hour_are_kept_once_however_many_minutes_they_come_in() -> None:
    made = fresh()
    for minute in range(30):
        closed_by(made, *((60 * minute, f"user {number}") for number in range(100)))
    kept = [window.users for windows in made.windows.open.values() for window in windows.values()]
    assert sum(map(len, kept)) <= 200  # those of the hour, and of the minute that is open


@pytest.mark.usefixtures("hour")
def test_the_end_of_the_input_is_that_of_the_largest_open_window() -> None:
    made = fresh()
    closed_by(made, (60, "a"))
    assert [at.size for at in made.close_all()] == [SECOND, MINUTE, HOUR]
    assert made.windows.closed_through == T + 3_600


@pytest.mark.usefixtures("hour")
def test_a_restart_begins_with_the_first_frame_of_the_oldest_open_hour() -> None:
    made = fresh()
    closed_by(made, (60, "a"), (120, "b"), (600, "c"))
    saved = made.state()
    at = saved.partitions[0]
    assert (at.restart_offset, at.oldest) == (0, {1: T + 600, 60: T + 600, 3_600: T})
    [offset] = to_offsets(SavedState(saved, "id", Instance("89abcdef")), "frames")
    read = from_offsets([offset])
    assert read is not None
    assert read.state == saved


def test_a_size_that_is_added_to_a_group_begins_with_the_first_window_that_lacks_no_frame() -> None:
    #  two sizes:   a@13:58:00  b@14:00:10       closed through 14:00:05
    #  three:       c@14:30:00  d@15:00:00  e@16:00:05
    two = fresh()
    closed_by(two, (3_480, "a"), (3_610, "b"))
    offsets = to_offsets(SavedState(two.state(), "id", Instance("89abcdef")), "frames")
    with added(HOUR):
        read = from_offsets(offsets)
        assert read is not None
        three = Counter(read.state, RULES, gap_limit_s=3_600, now_s=0)
        three.partitions[0].rebuild(message(1, T + 3_610, "b", T + 3_610))
        three.resume()
        records = closed_by(three, (5_400, "c"), (7_200, "d"), (10_805, "e"))
        assert [(at.start - T, at.number) for at in records if at.size is HOUR] == [(7_200, 1)]
        assert [(at.start - T, at.number) for at in records if at.size is MINUTE and at.number] == [
            *((3_600, 1), (5_400, 1), (7_200, 1)),
        ]
        assert three.partitions[0].log.window_pointers[3_600] == {T + 10_800: Pointer(4, T + 7_200, T + 7_200)}


def test_the_recount_misses_no_window_of_a_size_from_before_it_was_added() -> None:
    #  two sizes:   a@13:58:00  b@14:00:10       closed through 14:00:05
    #  three:       c@14:30:00  d@15:00:00  e@16:00:05
    at_s = [3_480, 3_610, 5_400, 7_200, 10_805]
    run = Run({0: [Sent(T + s, uid, T + s) for s, uid in zip(at_s, "abcde", strict=True)]}, crashes=lambda: False)
    run.batch(0, 2)
    run.commit()
    with added(HOUR):
        state = msgspec.json.decode(run.committed, type=State)
        state.add_sizes()
        run.committed = msgspec.json.encode(state)
        run.start()
        run.batch(0, 3)
        run.commit()
        findings = audited(run)
        assert (findings.agrees, findings.kept, findings.compared[HOUR]) == (True, [], 1)
        without = audited(run, [record for record in run.kept if record.size is not HOUR])
        assert [(at.kind, at.of, at.window) for at in without.kept] == [(Kind.MISSING, "hour", T + 7_200)]


def test_frames_that_were_rejected_before_a_size_was_added_are_no_difference() -> None:
    #  two sizes:   a@13:58:00  b@13:59:10  c@13:58:01 is late for its minute, and rejected
    #  three:       d@13:59:30  e@13:58:02 is late, and rejected: that hour has no window  f@14:00:10  g@15:00:10
    at_s = [3_480, 3_550, 3_481, 3_570, 3_482, 3_610, 7_210]
    run = Run({0: [Sent(T + s, uid, T + s) for s, uid in zip(at_s, "abcdefg", strict=True)]}, crashes=lambda: False)
    run.batch(0, 3)
    run.commit()
    with added(HOUR):
        state = msgspec.json.decode(run.committed, type=State)
        state.add_sizes()
        run.committed = msgspec.json.encode(state)
        run.start()
        run.batch(0, 4)
        run.end_for_good()
        assert [record.message.offset() for record in run.rejected[0]] == [2, 4]
        findings = audited(run)
        assert (findings.agrees, findings.kept, findings.compared[HOUR]) == (True, [], 2)
