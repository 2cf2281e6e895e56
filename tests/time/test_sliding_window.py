"""The value a minute ago; monotonic time begins at 0."""

from metrics.time.sliding_window import SlidingWindow


def test_a_window_of_a_minute_begins_with_the_run_and_later_a_minute_ago() -> None:
    #  wall time   0     1 … 130       a frame a second
    minute = SlidingWindow(60.0, 5.0, 0, 0)
    for now_s in range(1, 31):
        minute.add(now_s, now_s)
    assert minute.beginning() == (0, 0)
    for now_s in range(31, 131):
        minute.add(now_s, now_s)
    assert minute.beginning() == (70, 70)
