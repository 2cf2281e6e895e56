"""What became of frames in the last minutes."""

from collections import Counter

from metrics.frames.core.state import PartitionState, Rules, State, Tally
from metrics.frames.live.recent_frames import Lately, RecentFrames
from metrics.frames.status.describe import describe
from metrics.frames.status.facts import Activity, Seen, Status

T = 1468244340


def status(at_s: int, tally: Tally) -> Status:
    state = State.fresh({}, Rules(5, 300))
    state.partitions = {0: PartitionState(1_000, 900, tally=tally)}
    return describe(Seen("group", "frames", T + at_s, "89abcdef", Activity.ACTIVE, state, (), {}, [], 10))


def tally(valid: int, late: int = 0, in_minute: int = 0, not_json: int = 0) -> Tally:
    rejected = Counter({"late": late - in_minute, "not_json": not_json})
    return Tally(valid + late + not_json, valid, late, in_minute, 0, 0, dict(+rejected))


def test_nothing_is_known_before_the_first_status_and_no_frames_at_it() -> None:
    recent = RecentFrames()
    assert recent.lately() is None
    recent.add(status(0, tally(100, not_json=7)))
    assert recent.lately() == Lately(T, 0, Counter())


def test_rejected_frames_are_those_since_the_first_status_without_those_that_count_in_their_minute() -> None:
    recent = RecentFrames()
    recent.add(status(0, tally(100, late=3, not_json=7)))
    recent.add(status(2, tally(180, late=8, in_minute=4, not_json=17)))
    assert recent.lately() == Lately(T, 95, Counter({"not_json": 10, "late": 1}))


def test_only_the_last_five_minutes_count() -> None:
    recent = RecentFrames()
    for at_s in range(0, 400, 10):
        recent.add(status(at_s, tally(at_s, not_json=at_s // 100)))
    assert recent.lately() == Lately(T + 90, 300 + 3, Counter({"not_json": 3}))


def test_a_reset_of_the_group_begins_with_what_is_counted_since() -> None:
    recent = RecentFrames()
    recent.add(status(0, tally(1_000, not_json=7)))
    recent.add(status(1, tally(10)))
    recent.add(status(2, tally(20, not_json=1)))
    assert recent.lately() == Lately(T + 1, 11, Counter({"not_json": 1}))
