from metrics.frames.event_clock import EventClock, common_watermark, end_of_input, minute_of


def clock(newest: int = -1, heard_at_s: float = 0.0, *, silent: bool = False) -> EventClock:
    made = EventClock(lateness_s=5, now_s=heard_at_s)
    if newest >= 0:
        made.advance(newest)
    made.silent = silent
    return made


def test_a_minute_starts_at_a_multiple_of_60() -> None:
    assert [minute_of(second) for second in (0, 59, 60, 1468244384)] == [0, 0, 60, 1468244340]


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


def test_a_partition_without_frames_holds_all_back_until_it_is_silent() -> None:
    assert common_watermark([clock(100), clock()], now_s=1000) == 0
    assert common_watermark([clock(100), clock(silent=True)], now_s=1000) == 95


def test_when_all_are_silent_wall_time_moves_the_one_that_is_furthest() -> None:
    #  partition 0: ts 100, heard at 10 s: event time 104 at 14.9 s
    #  partition 1: ts  90, heard at  0 s: event time 104 at 14.9 s, 105 at 15 s
    clocks = [clock(100, 10, silent=True), clock(90, 0, silent=True)]
    assert common_watermark(clocks, now_s=14.9) == 99
    assert common_watermark(clocks, now_s=15.0) == 100


def test_wall_time_moves_it_no_further_than_the_end_of_the_newest_frames_minute() -> None:
    assert common_watermark([clock(100, silent=True)], now_s=1e6) == 120
    assert end_of_input([clock(100), clock(59)]) == 120


def test_without_any_frame_there_is_no_event_time() -> None:
    assert common_watermark([clock(silent=True), clock(silent=True)], now_s=1e6) == 0
    assert end_of_input([clock(), clock()]) == 0


def test_a_partition_that_speaks_is_not_silent() -> None:
    heard = clock(100, silent=True)
    heard.hear(7.0)
    assert (heard.silent, heard.heard_at_s) == (False, 7.0)
