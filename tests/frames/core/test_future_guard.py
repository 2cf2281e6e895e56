"""The future guard on timelines drawn by hand: seconds after event time, and a letter for the user.

The allowed lateness is 5 s, the limit 300 s. Each frame that is decided gets a letter: m moves event time, a counts
ahead of it, r is rejected.
"""

from metrics.frames.core.event_clock import EventClock
from metrics.frames.core.frame import Frame
from metrics.frames.core.future_guard import Decision, FutureGuard, Ruling
from tests.frames.core.message import message

T = 1468244340
LATER = 1_800_000_000  # when history is fed
LETTERS = {Ruling.MOVES: "m", Ruling.AHEAD: "a", Ruling.REJECTED: "r"}
HOUR_S, DAY_S = 3600, 86_400


class Judging:
    """A guard whose event time is T, recorded at T, or that has none yet."""

    def __init__(self, *, is_first: bool = False, recorded_s: int = T) -> None:
        self.clock = EventClock(lateness_s=5, now_s=0)
        if not is_first:
            self.clock.advance(T, recorded_s)
        self.guard = FutureGuard(self.clock, 300, self._follow)
        self.decided = ""

    def frames(self, *frames: str, recorded: float | None = LATER) -> str:
        """Take frames such as `24a`; return what was decided so far."""
        for offset, frame in enumerate(frames):
            ts, uid = T + int(frame[:-1]), frame[-1]
            self.guard.hold(Frame(ts, uid), message(offset, ts, uid, recorded))
        return self.decided

    def end(self, near: int) -> str:
        """Take the input to end; return what was decided."""
        self.guard.resolve(T + near)
        assert not self.guard.held
        return self.decided

    def _follow(self, decision: Decision) -> None:
        self.decided += LETTERS[decision.ruling]
        ts = decision.held.frame.ts
        if decision.ruling is Ruling.MOVES and ts > self.clock.newest:
            self.clock.advance(ts, -1)


def judged(*frames: str, recorded: float | None = LATER) -> str:
    return Judging().frames(*frames, recorded=recorded)


def first(*frames: str, recorded: float | None = LATER) -> str:
    return Judging(is_first=True).frames(*frames, recorded=recorded)


def test_a_step_that_makes_no_frame_late_needs_no_proof() -> None:
    assert judged("5a", "10a", "-3a") == "mmm"
    assert judged("6a") == ""


def test_wall_time_that_passed_between_the_records_explains_a_jump() -> None:
    assert judged("86400a", recorded=T + DAY_S) == "m"
    assert judged("86400a", recorded=T + DAY_S - 5) == "m"
    assert judged("86400a", recorded=T + DAY_S - 6) == ""


def test_timestamps_that_are_all_wrong_by_the_same_amount_explain_it_too() -> None:
    assert Judging(recorded_s=T - 365 * DAY_S).frames("86400a", recorded=T - 364 * DAY_S) == "m"


def test_a_jump_much_shorter_than_the_wall_time_that_passed_is_history_and_not_explained() -> None:
    assert judged("86400a", recorded=T + DAY_S + 300) == "m"
    assert judged("86400a", recorded=T + DAY_S + 301) == ""


def test_a_stamp_never_refutes_a_jump() -> None:
    for absurd in (0, T // 1000, T, T + 10 * DAY_S, None):
        assert judged("86400a", "86400b", "86401a", recorded=absurd) == "mmm"


def test_the_first_frame_of_all_is_proved_by_a_stamp_near_it() -> None:
    assert first("0a", recorded=T) == "m"
    assert first("0a", recorded=T - 5) == "m"
    assert first("0a", recorded=T - 6) == ""
    assert first("0a", recorded=T + 300) == "m"
    assert first("0a", recorded=T + 301) == ""


def test_two_followers_that_would_be_on_time_prove_it() -> None:
    assert judged("100a", "95b") == ""
    assert judged("100a", "95b", "400a") == "mm"
    assert judged("86400a", "86400b", "86401c") == "mmm"


def test_two_followers_that_would_be_late_refute_it_and_it_counts_ahead_within_the_limit() -> None:
    assert judged("300a", "1b") == ""
    assert judged("300a", "1b", "2c") == "amm"
    assert judged("302a", "1b", "2c") == "amm"  # event time is 2 by then
    assert judged("303a", "1b", "2c") == "rmm"
    assert judged("3600a", "1b", "2b") == "rmm"


def test_the_first_two_that_agree_with_each_other_decide() -> None:
    assert judged("60a", "1b", "60c", "60d", "1e") == "mmmmm"  # 1b and 1e are late by it
    assert judged("60a", "60b", "1c", "2d") == "aamm"


def test_frames_of_one_user_do_not_prove_each_other() -> None:
    assert judged("600a", "600a", "601a") == ""
    assert judged("600a", "600a", "601a", "1b", "2c") == "rrrmm"
    assert judged("600a", "600a", "601a", "601b") == "mmmm"


def test_where_only_one_user_sends_twenty_followers_prove_it() -> None:
    frames = [f"{600 + number}a" for number in range(22)]
    assert judged(*frames[:20]) == ""
    assert judged(*frames[:21]) == "m" * 21
    assert judged("600a", "1b", *frames[:18]) == ""
    assert judged("600a", "1b", *frames[:19])[0] == "m"


def test_sparse_history_is_proved_by_five_followers_that_only_rise() -> None:
    days = [f"{day * DAY_S}{'ab'[day % 2]}" for day in range(1, 9)]
    assert judged(*days[:5]) == ""
    assert judged(*days[:6]) == "m"
    assert judged(*days[:7]) == "mm"


def test_a_burst_of_one_user_that_only_rises_proves_nothing() -> None:
    burst = [f"{day * DAY_S}a" for day in range(1, 9)]
    assert judged(*burst) == ""
    assert judged(*burst, "1b", "2c") == "r" * 8 + "mm"


def test_what_refutes_it_may_lie_beyond_the_limit_itself_and_then_it_counts_ahead_of_that() -> None:
    #  a true gap of a day, then two who are slower by a minute
    assert judged("86460a", "86400b", "86400c", "86400d") == "ammm"


def test_a_wild_first_frame_is_refuted_and_one_near_what_refutes_it_counts() -> None:
    assert first("5000000a", "0b", "1c", "2d") == "rmmm"
    assert first("256a", "0b", "1c", "2d") == "ammm"


def test_wild_frames_in_a_row_are_refuted_by_what_follows() -> None:
    assert judged("5000000a", "9000000b", "70000c", "1d", "2e") == "rrrmm"


def test_an_end_of_the_input_decides_what_is_held() -> None:
    for frames, near, decided in [
        (["60a"], 0, "a"),  # within the limit, nothing proves it
        (["301a"], 0, "r"),
        (["301a"], 1, "a"),  # other partitions are near
        (["86400a", "86401a"], 0, "rr"),
        (["86400a", "86401b"], 0, "mm"),  # somebody else agrees
        (["86400a", "86401a", "86402a"], 0, "mmm"),  # nobody else sends
        (["600a", "1b"], 0, "rm"),
        (["60a", "1b"], 0, "am"),
    ]:
        judging = Judging()
        judging.frames(*frames)
        assert judging.end(near) == decided, frames


def test_a_partition_of_one_or_two_frames_is_compared_with_the_event_time_of_the_others() -> None:
    for frames, near, decided in [
        (["0a"], 0, "m"),
        (["0a", "360a"], 21_600, "ma"),
        (["0a", "5000000a"], 0, "mr"),
        (["5000000a", "0a"], 0, "rm"),
        (["200a", "0b"], 0, "am"),
    ]:
        judging = Judging(is_first=True)
        judging.frames(*frames)
        assert judging.end(near) == decided, frames
