"""The state as committed offsets: it comes back as it was, and fits its place."""

import json

import pytest
from confluent_kafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.core.counter import Counter
from metrics.frames.core.frame import Reason
from metrics.frames.core.partition import KEPT_RESOLUTIONS
from metrics.frames.core.shape import Shape, TsFormat, UidFormat
from metrics.frames.core.state import JUDGING_VERSION, MovedOver, PartitionState, Rules, State, Tally
from metrics.frames.core.windows import Series
from metrics.frames.saved_state import Handover, SavedState, from_offsets, to_offsets
from metrics.frames.sizes import MINUTE
from metrics.frames.stream_health import OverdueWindows, StreamHealth
from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.process import Process
from metrics.time.moments import LAST_SECOND
from metrics.wording.errors import StateError
from tests.frames.core.message import message

MOST = 2**63 - 1
INSTANCE = Instance("89abcdef")
RULES = Rules(lateness_s=5, future_limit_s=3600)

numbers = st.integers(0, MOST)
seconds = st.integers(-1, LAST_SECOND)
series = st.builds(Series, seconds, numbers, numbers, seconds)
tallies = st.builds(
    Tally,
    numbers,
    numbers,
    numbers,
    numbers,
    numbers,
    numbers,
    st.dictionaries(st.sampled_from([*Reason]).map(str), numbers),
)
partition_states = st.builds(
    PartitionState,
    *[numbers] * 2,
    *[seconds] * 3,
    *[numbers] * 2,
    seconds,
    tallies,
    st.integers(-1, MOST),
    *[seconds] * 4,
    st.lists(st.tuples(numbers, numbers), max_size=8),
    st.dictionaries(st.sampled_from([1, 60, 3600]), st.integers(0, LAST_SECOND)),
    st.just(MovedOver()) | st.builds(MovedOver, *[numbers] * 4),
    st.just(0) | numbers,
    st.booleans(),
)
states = st.builds(
    State,
    seconds,
    st.builds(Rules, numbers, numbers),
    st.fixed_dictionaries({1: series, 60: series}, optional={3600: series}),
    st.dictionaries(st.integers(0, 1000), partition_states, min_size=1, max_size=4),
)
slow = st.lists(st.tuples(numbers, st.text()), max_size=3).map(tuple)
health = st.builds(
    StreamHealth, numbers, st.none() | tallies, st.none() | st.builds(OverdueWindows, numbers, seconds, slow)
)
processes = st.builds(Process, st.text(), numbers, st.text(), numbers, st.text(), numbers)
instances = st.builds(Instance, st.text(), numbers, st.booleans(), st.none() | processes, st.booleans())
saved_states = st.builds(SavedState, states, st.text(), instances, health, st.none())
outputs = st.dictionaries(st.sampled_from([1, 60]), st.dictionaries(st.integers(0, 9), numbers))


@st.composite
def handed_over(draw: st.DrawFn) -> SavedState:
    saved = draw(saved_states)
    ends = st.dictionaries(st.sampled_from(sorted(saved.state.partitions)), numbers)
    return saved._replace(handover=Handover(draw(outputs), draw(ends)))


@given(saved_states | handed_over())
def test_a_state_comes_back_from_its_offsets_as_it_was(saved: SavedState) -> None:
    assert from_offsets(to_offsets(saved, "frames")) == saved


def test_the_offset_of_a_partition_is_its_restart_offset() -> None:
    state = State(60, RULES, {1: Series(), 60: Series()}, {3: PartitionState(position=17, restart_offset=5)})
    [offset] = to_offsets(SavedState(state, "id", INSTANCE), "frames")
    assert (offset.topic, offset.partition, offset.offset) == ("frames", 3, 5)


@pytest.mark.parametrize(
    ("shape", "bound"),  # of 4,096, offset.metadata.max.bytes
    [
        (Shape(), 2_700),
        (Shape("\U0001f600" * 128, '"' * 128, TsFormat.MILLISECONDS, UidFormat.TEXT), 3_600),
    ],
)
def test_the_metadata_stays_within_what_brokers_store_at_its_worst(shape: Shape, bound: int) -> None:
    tally = Tally(MOST, MOST, MOST, MOST, MOST, MOST, {str(reason): MOST for reason in Reason})
    worst = PartitionState(
        *(MOST, MOST, LAST_SECOND, LAST_SECOND, LAST_SECOND, MOST, MOST, MOST, tally),
        *(MOST, LAST_SECOND, LAST_SECOND, MOST, MOST),
        resolutions=[(MOST, LAST_SECOND)] * KEPT_RESOLUTIONS,
        oldest={1: LAST_SECOND, 60: LAST_SECOND},
        moved_over=MovedOver(MOST, MOST, MOST, MOST),
        judged_since=MOST,
        is_paused=True,
    )
    series = Series(LAST_SECOND, MOST, MOST, LAST_SECOND)
    state = State(LAST_SECOND, Rules(MOST, MOST, 3, shape), {1: series, 60: series}, {0: worst, 1: worst})
    seen = StreamHealth(MOST, tally, OverdueWindows(MOST, LAST_SECOND, ((10_000, "transaction"),) * 3, 10_000, 10_000))
    process = Process("h" * 64, 2**22, "0d6b0b8e-6f0c-4c1d-9b7f-2f9a6c0d4e11", 2**32, "0123456789abcdef", MOST)
    instance = Instance("89abcdef", MOST, process=process)
    handover = Handover({1: {0: MOST}, 60: {0: MOST}}, {0: MOST, 1: MOST})
    for offset in to_offsets(SavedState(state, "2Vfa-TIlTRmkzGXRUf0ZkQ", instance, seen, handover), "frames"):
        assert offset.metadata is not None
        assert len(offset.metadata.encode()) < bound


@pytest.mark.parametrize("later", [1, 5, 8])
def test_a_state_of_an_earlier_version_without_the_fields_for_status_can_be_read(later: int) -> None:
    state = State(60, RULES, {1: Series(), 60: Series()}, {0: PartitionState(position=17, restart_offset=5)})
    [offset] = to_offsets(SavedState(state, "id", INSTANCE), "frames")
    version, partition, windows = json.loads(offset.metadata or "")
    earlier = json.dumps([version, partition[:-later], windows[:-1]])
    saved = from_offsets([TopicPartition("frames", 0, 5, metadata=earlier)])
    assert saved is not None
    assert saved.state == state


def test_an_instance_of_an_earlier_version_without_a_process_can_be_read_and_may_run() -> None:
    state = State(60, RULES, {1: Series(), 60: Series()}, {0: PartitionState(position=17, restart_offset=5)})
    [offset] = to_offsets(SavedState(state, "id", Instance("89abcdef", 7)), "frames")
    version, partition, windows = json.loads(offset.metadata or "")
    windows[1] = ["89abcdef", 7, True]
    saved = from_offsets([TopicPartition("frames", 0, 5, metadata=json.dumps([version, partition, windows]))])
    assert saved is not None
    assert saved.instance == Instance("89abcdef", 7)
    assert not saved.instance.is_gone()
    assert str(saved.instance) == "instance 89abcdef"


def test_a_state_that_is_handed_over_has_a_version_of_its_own_which_earlier_programs_refuse() -> None:
    saved = SavedState(State.fresh({0: 0, 1: 0}, RULES), "id", INSTANCE)
    versions = [
        [json.loads(offset.metadata or "")[0] for offset in to_offsets(saved._replace(handover=handover), "frames")]
        for handover in (None, Handover({1: {0: 7}, 60: {0: 1}}, {}))
    ]
    assert versions == [[2, 2], [3, 3]]


def test_no_offsets_are_no_state() -> None:
    assert from_offsets([]) is None


@pytest.mark.parametrize("metadata", ["", "someone else's", "[1,2,3]", "{}"])
def test_offsets_of_another_program_are_an_error(metadata: str) -> None:
    with pytest.raises(StateError, match="contains no state of this program"):
        from_offsets([TopicPartition("frames", 0, 5, metadata=metadata)])


def test_offsets_without_those_of_the_first_partition_are_an_error() -> None:
    saved = SavedState(State.fresh({0: 0, 1: 0}, RULES), "id", INSTANCE)
    with pytest.raises(StateError, match="incomplete"):
        from_offsets(to_offsets(saved, "frames")[1:])


# As the program of 2026-11-27 saved it: two partitions, of which the minute at 13:40 is open in both.
SAVED_EARLIER = (
    (
        '[2,[7,2,1468244398,1468244415,1468244410,3,0,0,[7,5,2,0,0,0,{"late":2}],1468244401,1468244400,-1,0,1468244415,'
        '1468244415,1468244398,[]],["2Vfa-TIlTRmkzGXRUf0ZkQ",["89abcdef",7,true,null,false],[5,3600,2],1468244401,'
        "[1468244399,10,3,1468244401],[1468244340,1,3,1468244401],[0,null,null]]]"
    ),
    (
        '[2,[3,1,1468244399,1468244406,1468244401,1,0,0,[3,2,1,0,0,0,{"late":1}],1468244406,1468244400,-1,0,1468244406,'
        "1468244406,1468244399,[]],null]"
    ),
)
T = 1468244340  # 2016-07-11T13:39:00Z


def offsets_of(*metadata: str) -> list[TopicPartition]:
    return [TopicPartition("frames", number, 1, metadata=text) for number, text in enumerate(metadata)]


def test_a_state_saved_by_an_earlier_version_is_resumed() -> None:
    #  offset         0    1    2    3    4    5    6         restart offset 2
    #  partition 0   50a  58b  61c  70d  57h   0i  75a
    #  partition 1   59e  66f  53g                            restart offset 1
    saved = from_offsets(offsets_of(*SAVED_EARLIER))
    assert saved is not None
    rules = Rules(5, 3600, JUDGING_VERSION)
    counter = Counter(saved.state, rules, gap_limit_s=3600, now_s=0)
    for partition, offset, after_s, uid in (
        *((0, 2, 61, "c"), (0, 3, 70, "d"), (0, 4, 57, "h"), (0, 5, 0, "i"), (0, 6, 75, "a")),
        *((1, 1, 66, "f"), (1, 2, 53, "g")),
    ):
        counter.partitions[partition].rebuild(message(offset, T + after_s, uid, T + after_s))
    counter.resume()
    again = to_offsets(SavedState(counter.state(), saved.topic_id, saved.instance), "frames")
    assert [json.loads(offset.metadata or "")[1] for offset in again] == [json.loads(text)[1] for text in SAVED_EARLIER]
    minutes = [record for record in counter.close_all() if record.size is MINUTE]
    assert [(at.start - T, at.number, at.frames, at.average) for at in minutes] == [(60, 4, 4, 3.5)]


def test_with_two_sizes_the_metadata_is_as_it_always_was() -> None:
    saved = from_offsets(offsets_of(*SAVED_EARLIER))
    assert saved is not None
    first, second = (json.loads(offset.metadata or "") for offset in to_offsets(saved, "frames"))
    earlier, other = map(json.loads, SAVED_EARLIER)
    assert (first[1], second) == (earlier[1], other)
    kept = {2: 3, 4: 4, 5: 4}  # only the fields that the rules and both sizes had then
    assert [part[: kept[number]] if number in kept else part for number, part in enumerate(first[2])] == earlier[2]
