"""The future guard on timelines drawn by hand. Ts are hours after the first frame; the limit is one hour."""

from metrics.frames.event_clock import EventClock
from metrics.frames.frame import Frame
from metrics.frames.future_guard import FutureGuard
from tests.frames.message import message

HOUR_S = 3600
T = 1468244340
LATER = 1_800_000_000  # when history is fed


def judged(
    *hours: float, clock_at: float | None = 0, recorded: float | None = LATER, ends_near: float | None = None
) -> str:
    """Give frames to a guard; return a letter for each that was decided, in order: counted, rejected."""
    clock = EventClock(lateness_s=5, now_s=0)
    if clock_at is not None:
        clock.advance(int(T + clock_at * HOUR_S))
    guard = FutureGuard(clock, HOUR_S)
    decided = ""
    for offset, hour in enumerate(hours):
        ts = int(T + hour * HOUR_S)
        for held, counts in guard.hold(Frame(ts, "a"), message(offset, ts, "a", recorded)):
            decided += "c" if counts else "r"
            if counts:
                clock.newest = max(clock.newest, held.frame.ts)
    if ends_near is not None:
        for held, counts in guard.settle(int(T + ends_near * HOUR_S)):
            decided += "c" if counts else "r"
            if counts:
                clock.newest = max(clock.newest, held.frame.ts)
    assert len(decided) + len(guard.held) == len(hours)
    return decided


def test_a_frame_within_the_limit_counts_at_once() -> None:
    assert judged(0.5, 1, 2, -3) == "cccc"


def test_a_frame_near_its_own_record_is_live_traffic_and_counts_at_once() -> None:
    assert judged(50, recorded=T + 50 * HOUR_S) == "c"
    assert judged(50, clock_at=None, recorded=T + 51 * HOUR_S) == "c"


def test_a_frame_far_beyond_its_own_record_is_rejected_at_once() -> None:
    assert judged(50, recorded=T) == "r"
    assert judged(50, clock_at=None, recorded=T) == "r"


def test_a_frame_near_event_time_counts_however_wrong_its_records_timestamp_is() -> None:
    assert judged(0.5, recorded=0) == "c"


def test_history_is_held_until_two_frames_agree_that_it_was_a_true_gap() -> None:
    assert judged(24) == ""
    assert judged(24, 24.1) == ""
    assert judged(24, 24.1, 24.2) == "ccc"


def test_a_frame_near_the_old_event_time_refutes_it() -> None:
    assert judged(24, 0.1) == "rc"
    assert judged(24, 24.1, 0.1) == "rrc"


def test_a_burst_that_disagrees_is_refuted() -> None:
    assert judged(500, 9000, 70, 0.1) == "rrrc"
    assert judged(500, 9000, 500.1, 0.2) == "rrrc"


def test_two_frames_far_below_refute_it_though_the_gap_is_true() -> None:
    #  event time 0, a wild 5000, then a true gap of a day
    assert judged(5000, 24, 24.1, 24.2) == "rccc"


def test_a_wild_first_frame_is_refuted_by_what_follows() -> None:
    assert judged(5000, 0, 0.1, 0.2, clock_at=None) == "rccc"


def test_sparse_history_counts_once_five_followers_only_rise() -> None:
    assert judged(24, 48, 72, 96, 120) == ""
    assert judged(24, 48, 72, 96, 120, 144) == "c"
    assert judged(24, 48, 72, 96, 120, 144, 168) == "cc"


def test_without_a_timestamp_of_its_record_a_frame_needs_proof() -> None:
    assert judged(24, recorded=None) == ""
    assert judged(24, 24, 24, recorded=None) == "ccc"


def test_an_end_of_the_input_rejects_what_is_not_proved() -> None:
    assert judged(24, 24.1, ends_near=24) == "rr"


def test_a_partition_of_one_or_two_frames_is_held_against_event_time_of_the_others() -> None:
    assert judged(24, clock_at=None, ends_near=24) == "c"
    assert judged(24, 24.1, clock_at=None, ends_near=30) == "cc"
    assert judged(24, 5000, clock_at=None, ends_near=24) == "cr"
    assert judged(5000, 24, clock_at=None, ends_near=24) == "rc"
