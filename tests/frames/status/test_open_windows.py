"""Which partitions keep a window open, by states made by hand. Seconds count from T; the allowed lateness is 5 s."""

from metrics.frames.core.state import PartitionState, Rules, State
from metrics.frames.core.windows import Series
from metrics.frames.sizes import MINUTE, SECOND
from metrics.frames.status.open_windows import OpenWindow, SlowPartition, idle_partitions, open_window

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute
LATENESS_S = 5


def at(clock: int | None, watermark: int | None = None, minute: int | None = None, added: int = -T) -> PartitionState:
    """Return a partition by its event clock, its watermark where idle time raised it, and its oldest open minute.

    Args:
        added: where closing stood when it was added.
    """
    newest = -1 if clock is None else T + clock
    raised = None if watermark is None else T + watermark
    own = max(0, newest - LATENESS_S)
    oldest = {} if minute is None else {60: T + minute}
    return PartitionState(
        1, 0, -1, newest, own if raised is None else raised, oldest=oldest, added_at_watermark=T + added
    )


def state(closing_to: int | None, *partitions: PartitionState, closed_through: int | None = None) -> State:
    closing = 0 if closing_to is None else T + closing_to
    closed = closing if closed_through is None else T + closed_through
    series = Series(closed_through=closed)
    return State(closing, Rules(LATENESS_S, 3600), {1: series, 60: series}, dict(enumerate(partitions)))


def minute(of: State) -> OpenWindow:
    window = open_window(of, MINUTE)
    assert window is not None
    return window


def kept_open_by(of: State) -> list[tuple[int, int | None]]:
    return [(slow.partition, slow.lacks_s) for slow in minute(of).kept_open_by]


def test_without_open_frames_no_window_is_open() -> None:
    assert open_window(state(20, at(25), at(30)), MINUTE) is None
    assert open_window(state(None), MINUTE) is None


def test_the_oldest_window_of_all_partitions_has_the_event_time_that_closes_it() -> None:
    window = minute(state(25, at(130, minute=60), at(30, minute=0)))
    assert (window.start.datetime, window.start.timestamp) == ("2016-07-11T13:39:00Z", T)
    assert window.end.datetime == "2016-07-11T13:40:00Z"
    assert window.closes_at.datetime == "2016-07-11T13:40:05Z"
    assert not window.is_closing


def test_the_partitions_that_have_not_passed_its_end_keep_a_window_open() -> None:
    #  minute  0 ......... 60 | 65: every clock has to be here
    #  clocks  1:30  2:50        0:70
    assert kept_open_by(state(25, at(70, minute=0), at(30), at(50))) == [(1, 35), (2, 15)]


def test_a_clock_one_second_short_keeps_a_window_open_and_one_that_has_arrived_does_not() -> None:
    assert kept_open_by(state(59, at(64, minute=0), at(65))) == [(0, 1)]


def test_a_partition_without_a_first_frame_is_the_first_that_keeps_a_window_open() -> None:
    assert kept_open_by(state(None, at(30, minute=0), at(None))) == [(1, None), (0, 35)]


def test_a_partition_raised_by_idle_time_beside_an_active_one_keeps_nothing_open() -> None:
    #  partition 0 speaks and stands at 25; 1 was idle at 3, and closing raised it to 25; 2 never sent a frame
    of = state(25, at(30, minute=0), at(3, watermark=25), at(None, watermark=25))
    assert idle_partitions(of) == {1, 2}
    assert kept_open_by(of) == [(0, 35)]


def test_a_partition_with_new_frames_behind_what_idle_time_closed_keeps_windows_open() -> None:
    #  partition 1 was raised to 25 once; partition 0 went on to 40, and closing did not follow: 1 is not idle
    of = state(25, at(45, minute=0), at(3, watermark=25))
    assert idle_partitions(of) == set()
    assert kept_open_by(of) == [(1, 62), (0, 20)]


def test_when_all_are_idle_none_keeps_the_window_open_and_wall_time_closes_it() -> None:
    of = state(40, at(30, watermark=40, minute=0), at(3, watermark=40), at(None, watermark=40))
    assert idle_partitions(of) == {0, 1, 2}
    assert minute(of).kept_open_by == []
    assert minute(of).closes_in_s == 20


def test_while_one_partition_keeps_a_window_open_wall_time_closes_nothing() -> None:
    assert minute(state(25, at(30, minute=0), at(3, watermark=25))).closes_in_s is None


def test_a_partition_added_at_the_common_watermark_is_not_idle_and_is_the_first_to_keep_windows_open() -> None:
    #  partition 0 stands at 25 by its own clock, 1 was idle at 3; 2 is new, and begins where closing stands
    of = state(25, at(30, minute=0), at(3, watermark=25), at(None, watermark=25, added=25))
    assert idle_partitions(of) == {1}
    assert kept_open_by(of) == [(2, None), (0, 35)]


def test_an_added_partition_is_idle_once_closing_has_advanced_without_it() -> None:
    assert idle_partitions(state(40, at(45, minute=0), at(None, watermark=40, added=25))) == {1}


def test_a_partition_that_was_added_after_all_had_been_idle_lets_wall_time_close_nothing() -> None:
    #  idle time had moved partition 0 to 40; whether it has spoken since is not known: nothing shows it while 1 holds
    of = state(40, at(30, watermark=40, minute=0), at(None, watermark=40, added=40))
    assert idle_partitions(of) == set()
    assert kept_open_by(of) == [(1, None), (0, 35)]
    assert minute(of).closes_in_s is None


def test_a_partition_whose_first_frames_are_older_than_what_was_closed_when_it_was_added_is_not_idle() -> None:
    assert idle_partitions(state(25, at(30, minute=0), at(3, watermark=25, added=25))) == set()


def test_a_group_that_has_read_nothing_knows_of_no_idle_time() -> None:
    assert idle_partitions(state(None, at(None), at(None))) == set()


def test_a_window_whose_closing_was_interrupted_is_kept_open_by_nothing() -> None:
    window = minute(state(130, at(135, minute=0), at(3, watermark=130), closed_through=10))
    assert window.is_closing
    assert window.kept_open_by == []
    assert window.closes_in_s is None


def test_times_that_rfc3339_cannot_write_are_the_nearest_that_it_can() -> None:
    last = 253_402_300_799  # 9999-12-31T23:59:59Z
    of = State(0, Rules(5, 3600), {}, {0: PartitionState(1, 0, -1, last, last - 5, oldest={1: last})})
    window = open_window(of, SECOND)
    assert window is not None
    assert (window.end.timestamp, window.end.datetime) == (last + 1, "9999-12-31T23:59:59Z")
    assert window.kept_open_by == [SlowPartition(0, 6)]
