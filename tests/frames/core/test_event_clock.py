from metrics.frames.core.event_clock import EventClock, common_watermark, end_of_input
from metrics.frames.sizes import MINUTE


def clock(newest: int = -1, moved_at_s: float = 0.0, idle_at_s: float | None = None) -> EventClock:
    made = EventClock(lateness_s=5, now_s=moved_at_s)
    if newest >= 0:
        made.advance(newest)
        made.see(moved_at_s)
    made.idle_at_s = idle_at_s
    return made


def test_a_minute_starts_at_a_multiple_of_60() -> None:
    assert [MINUTE.start_of(second) for second in (0, 59, 60, 1468244384)] == [0, 0, 60, 1468244340]


def test_the_watermark_follows_the_newest_frame_by_the_lateness() -> None:
    assert clock().watermark == 0
    assert clock(100).watermark == 95
    assert clock(3).watermark == 0


def test_a_watermark_never_goes_back() -> None:
    raised = clock(100)
    raised.watermark = 200
    raised.advance(150)
    assert raised.watermark == 200


def test_the_slowest_partition_decides() -> None:
    assert common_watermark([clock(100), clock(50), clock(70)], now_s=0) == 45


def test_a_partition_without_frames_keeps_windows_open_until_it_is_idle() -> None:
    assert common_watermark([clock(100), clock()], now_s=1000) == 0
    assert common_watermark([clock(100), clock(idle_at_s=1000)], now_s=1000) == 95


def test_when_all_are_idle_wall_time_moves_the_one_that_is_furthest() -> None:
    #  partition 0: ts 100, came at 10 s: event time 104 at 14.9 s
    #  partition 1: ts  90, came at  0 s: event time 104 at 14.9 s, 105 at 15 s
    for now_s, watermark in ((14.9, 99), (15.0, 100)):
        clocks = [clock(100, 10, idle_at_s=now_s), clock(90, 0, idle_at_s=now_s)]
        assert common_watermark(clocks, now_s) == watermark


def test_wall_time_counts_as_far_as_idle_time_is_known() -> None:
    #  both idle, one as of 14.9 s, the other as of 16 s; what came after 14.9 s is not known yet
    assert common_watermark([clock(100, 10, idle_at_s=14.9), clock(90, 0, idle_at_s=16)], now_s=16) == 99


def test_an_idle_partition_is_no_longer_known_to_be_idle_after_the_process_was_suspended() -> None:
    #  idle at 20 s; the process is stopped until 1000 s, and has not asked since
    stopped = clock(90, 0, idle_at_s=20)
    assert common_watermark([clock(100), stopped], now_s=22) == 95
    assert common_watermark([clock(100), stopped], now_s=1000) == 85


def test_wall_time_moves_it_no_further_than_the_end_of_the_newest_frames_minute() -> None:
    assert common_watermark([clock(100, idle_at_s=1e6)], now_s=1e6) == 120
    assert end_of_input([clock(100), clock(59)]) == 120


def test_without_any_frame_there_is_no_event_time() -> None:
    assert common_watermark([clock(idle_at_s=1e6), clock(idle_at_s=1e6)], now_s=1e6) == 0
    assert end_of_input([clock(), clock()]) == 0


def test_a_partition_whose_clock_advances_is_not_idle() -> None:
    moved = clock(100, idle_at_s=6.0)
    moved.advance(101)
    moved.see(7.0)
    assert (moved.is_idle(7.0), moved.moved_at_s) == (False, 7.0)


def test_what_does_not_move_the_clock_says_nothing_about_time() -> None:
    standing = clock(100, moved_at_s=1.0, idle_at_s=6.0)
    standing.see(7.0)
    assert (standing.is_idle(7.0), standing.moved_at_s) == (True, 1.0)
