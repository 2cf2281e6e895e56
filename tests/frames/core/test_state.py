"""What the state has for status: the oldest open windows, and the offset from which frames are held."""

import msgspec

from metrics.frames.core.counter import Counter
from metrics.frames.core.state import PartitionState, Rules, State
from metrics.frames.settings import Settings
from metrics.frames.status.open_windows import idle_partitions
from tests.frames.core.message import message
from tests.frames.core.test_counter import Stream, T, live


def oldest(at: PartitionState) -> tuple[int, int]:
    """Return the oldest open second and minute as seconds after T."""
    return at.oldest[1] - T, at.oldest[60] - T


def state(stream: Stream, partition: int = 0) -> PartitionState:
    return stream.counter.state().partitions[partition]


def test_the_state_has_the_oldest_open_second_and_minute_of_each_partition() -> None:
    #  partition 0   a@50 b@58 c@64        watermark 59
    #  partition 1   d@61                  watermark 56: it holds both minutes open
    stream = Stream(partitions=2)
    assert (state(stream).oldest, state(stream).held_at) == ({}, -1)
    stream.frames((50, "a"), (58, "b"), (64, "c")).frames((61, "d"), partition=1)
    assert [record.start - T for record in stream.seconds] == [50]
    assert oldest(state(stream, 0)) == (58, 0)
    assert oldest(state(stream, 1)) == (61, 60)
    stream.end()
    assert state(stream).oldest == {}


def test_a_minute_stays_the_oldest_open_one_when_all_of_its_seconds_are_closed() -> None:
    #  a@0 | idle time: second 0 is closed, its minute is not
    stream = Stream().frames((0, "a")).idle(0, now_s=6)
    assert state(stream).oldest == {60: T}


def test_the_state_has_the_offset_of_the_first_held_frame_and_a_restart_finds_it_again() -> None:
    #  offset   0     1          2        fed as history: the record of offset 1 is stamped long after it
    #  frame   a@0  b@100000  c@100001
    frames = [
        message(0, T, "a", recorded_at_s=T),
        message(1, T + 100_000, "b", recorded_at_s=T + 10_000_000),
        message(2, T + 100_001, "c", recorded_at_s=T + 10_000_000),
    ]
    stream = Stream()
    counter = stream.counter.partitions[0]
    counter.count(frames)
    counter.read_to(3, now_s=0)
    assert (state(stream).held_at, state(stream).tally.held) == (1, 2)
    assert oldest(state(stream)) == (0, 0)
    saved = stream.counter.state()
    again = Counter(saved, saved.rules, gap_limit_s=3600, now_s=0)
    for one in frames:
        again.partitions[0].rebuild(one)
    again.resume()
    assert again.state() == saved


def test_an_added_partition_is_distinguished_from_one_raised_by_idle_time_also_after_a_restart() -> None:
    #  partition 0   a@0  b@20                      c@40
    #  partition 1                | added: at 15         | idle: moved to 35
    stream = Stream().frames((0, "a"), (20, "b"))
    stream.counter.add_partition(1, 0, now_s=0)
    saved = stream.counter.state()
    assert (saved.partitions[1].watermark - T, saved.partitions[1].newest) == (15, -1)
    assert idle_partitions(saved) == set()
    assert restarted(saved) == saved
    saved = stream.frames((40, "c")).idle(1, now_s=10).counter.state()
    assert saved.partitions[1].watermark - T == 35
    assert idle_partitions(saved) == {1}
    assert idle_partitions(restarted(saved)) == {1}


def test_a_partition_that_a_restart_finds_is_not_idle() -> None:
    saved = Stream().frames((0, "a"), (20, "b")).counter.state()
    saved.partitions[1] = PartitionState(0, 0)
    state = restarted(saved)
    assert state.partitions[1] == PartitionState.added(0, state.closing_to)
    assert idle_partitions(state) == set()


def restarted(saved: State) -> State:
    """Return the state of a counter that went on from a state, whose open frames are among a@0, b@20 and c@40."""
    again = Counter(saved, saved.rules, gap_limit_s=3600, now_s=0)
    for offset, after_s, uid in ((0, 0, "a"), (1, 20, "b"), (2, 40, "c")):
        if saved.partitions[0].restart_offset <= offset < saved.partitions[0].position:
            again.partitions[0].rebuild(live(offset, after_s, uid))
    again.resume()
    return again.state()


def test_rules_without_a_version_have_the_first() -> None:
    assert msgspec.json.decode(b"[5,3600]", type=Rules) == Rules(5, 3600, version=1)
    assert Settings.load({}).rules() == Rules(5, 300, version=3)
