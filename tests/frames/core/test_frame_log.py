from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.core.frame_log import FrameLog, Pointer
from metrics.frames.sizes import MINUTE


def logged(*frames: tuple[int, str]) -> FrameLog:
    """Log `(second, uid)` frames in their order; the offset of each is its place."""
    log, newest = FrameLog(), -1
    for offset, (second, uid) in enumerate(frames):
        if second > newest:
            log.start_second(second, uid, Pointer(offset, newest))
            newest = second
        elif second == newest:
            log.uids.append(uid)
        else:
            log.add_straggler(second, uid, Pointer(offset, newest))
    return log


def test_a_second_is_the_distance_between_two_pointers_and_its_stragglers() -> None:
    #  offset   0  1  2  3  4  5  6
    #  second  10 10 11 10 11 13 11       10 again is a straggler, and so is the last 11
    #  uid      a  b  c  d  e  f  g
    log = logged((10, "a"), (10, "b"), (11, "c"), (10, "d"), (11, "e"), (13, "f"), (11, "g"))
    assert list(log.second_pointers) == [(10, 0), (11, 2), (13, 4)]
    assert len(log) == 7
    assert log.take(10) == ["a", "b", "d"]
    assert log.take(11) == ["c", "e", "g"]
    assert log.take(12) == []
    assert len(log) == 1
    assert log.take(13) == ["f"]
    assert (len(log), log.taken) == (0, 7)


def test_the_first_second_is_the_earliest_that_has_frames() -> None:
    log = logged((12, "a"), (11, "straggler"), (10, "straggler"), (13, "b"))
    firsts = []
    while (second := log.first_second()) is not None:
        firsts.append(second)
        log.take(second)
    assert firsts == [10, 11, 12, 13]


def test_the_restart_offset_is_where_the_first_open_minute_begins() -> None:
    #  offset    0   1   2    3   4
    #  second   58  59  60  119  120
    log = logged((58, "a"), (59, "b"), (60, "c"), (119, "d"), (120, "e"))
    assert log.window_pointers == {60: {0: Pointer(0, -1), 60: Pointer(2, 59), 120: Pointer(4, 119)}}
    assert log.restart_at(Pointer(5, 120)) == Pointer(0, -1)
    log.forget(MINUTE, 59)
    assert log.restart_at(Pointer(5, 120)) == Pointer(0, -1)
    log.forget(MINUTE, 60)
    assert log.restart_at(Pointer(5, 120)) == Pointer(2, 59)
    log.forget(MINUTE, 180)
    assert log.restart_at(Pointer(5, 120)) == Pointer(5, 120)


def test_a_straggler_can_be_the_first_frame_of_its_minute() -> None:
    log = logged((61, "a"), (59, "straggler"))
    assert log.window_pointers == {60: {60: Pointer(0, -1), 0: Pointer(1, 61)}}
    assert log.restart_at(Pointer(2, 61)) == Pointer(0, -1)


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc")), max_size=40))
def test_taking_all_seconds_gives_every_frame_back_and_frees_the_log(frames: list[tuple[int, str]]) -> None:
    log = logged(*frames)
    assert len(log) == len(frames)
    for second in range(7):
        assert sorted(log.take(second)) == sorted(uid for at, uid in frames if at == second)
    assert (log.uids, log.stragglers, list(log.second_pointers)) == ([], {}, [])
