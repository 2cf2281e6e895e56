"""A saved state held against what its topic holds now, worked out by hand."""

from copy import deepcopy

import pytest

from metrics.frames.core.counter import Counter
from metrics.frames.core.frame import Reason
from metrics.frames.core.state import PartitionState, Rules, State
from metrics.frames.core.windows import Series
from metrics.frames.saved_state import SavedState
from metrics.frames.sizes import SECOND
from metrics.frames.start_state import compared
from metrics.kafka.job.heartbeat import Instance
from metrics.wording.errors import StateError
from tests.frames.core.message import message

T = 1468244340


def saved(**partitions: tuple[int, int]) -> SavedState:
    """Return a state with partitions as `p0=(restart_offset, position)`."""
    states = {int(name[1:]): PartitionState(position, low) for name, (low, position) in partitions.items()}
    return SavedState(State(0, Rules(5, 3600), {1: Series(), 60: Series()}, states), "id", Instance("89abcdef"))


def held(before: SavedState, topic_id: str = "id", **ranges: tuple[int, int]) -> tuple[dict[int, tuple[int, int]], str]:
    """Return where each partition begins now, as (restart_offset, position), and what is lost."""
    topic = {int(name[1:]): held for name, held in ranges.items()}
    state, losses = compared(before, "frames", topic_id, topic)
    return {number: (at.restart_offset, at.position) for number, at in state.partitions.items()}, "\n".join(losses)


def test_nothing_is_lost_if_the_topic_has_everything_from_the_restart_offset_on() -> None:
    assert held(saved(p0=(5, 8)), p0=(5, 8)) == ({0: (5, 8)}, "")
    assert held(saved(p0=(5, 8)), p0=(0, 100)) == ({0: (5, 8)}, "")


def test_a_partition_without_a_state_begins_with_its_first_record() -> None:
    assert held(saved(p0=(5, 8)), p0=(5, 8), p1=(3, 9)) == ({0: (5, 8), 1: (3, 3)}, "")


def test_frames_of_open_windows_that_retention_removed_are_lost() -> None:
    #  the state needs 5 6 7, the topic holds 7 … 19
    places, losses = held(saved(p0=(5, 8)), p0=(7, 20))
    assert places == {0: (7, 8)}
    assert losses == "frames/0: the topic holds offsets 7 to 20, open windows need 5 to 7"


def test_frames_that_were_never_read_are_lost_too() -> None:
    #  the state needs 5 6 7 and would read on from 8, the topic holds 12 … 19
    places, losses = held(saved(p0=(5, 8)), p0=(12, 20))
    assert places == {0: (12, 12)}
    assert losses.splitlines() == [
        "frames/0: the topic holds offsets 12 to 20, open windows need 5 to 8",
        "frames/0: the topic holds offsets 12 to 20, 8 to 12 were never read",
    ]


def test_a_topic_truncated_at_its_end_has_lost_frames_that_were_read() -> None:
    places, losses = held(saved(p0=(5, 8)), p0=(0, 6))
    assert places == {0: (5, 6)}
    assert losses == "frames/0: the topic holds offsets 0 to 6, but was read up to 8: 6 to 8 are gone"


def test_a_recreated_topic_is_read_from_its_beginning() -> None:
    places, losses = held(saved(p0=(5, 8), p1=(1, 1)), topic_id="another", p0=(0, 100), p1=(0, 3))
    assert places == {0: (0, 0), 1: (0, 0)}
    assert losses.startswith("the topic frames was deleted and recreated")


def test_positions_of_resolutions_are_dropped_with_the_offsets_that_are_gone() -> None:
    before = saved(p0=(5, 8))
    before.state.partitions[0].resolved_at = 7
    assert compared(deepcopy(before), "frames", "id", {0: (0, 9)}).state.partitions[0].resolved_at == 7
    assert compared(deepcopy(before), "frames", "id", {0: (0, 6)}).state.partitions[0].resolved_at == 6
    assert compared(deepcopy(before), "frames", "another", {0: (0, 9)}).state.partitions[0].resolved_at == 0


def test_frames_that_were_late_are_not_counted_when_those_that_made_them_late_are_gone() -> None:
    #  p0   a@10 b@10 | c@200  d@10 e@10     d and e are late, and rejected; all up to c is gone
    #  p1   f@5                              holds all windows open
    sent = [(T + 10, "a"), (T + 10, "b"), (T + 200, "c"), (T + 10, "d"), (T + 10, "e")]
    rules = Rules(5, 3600)
    counter = Counter(State.fresh({0: 0, 1: 0}, rules), rules, gap_limit_s=3600, now_s=0)
    counter.resume()
    frames = [message(offset, *frame, recorded_at_s=frame[0]) for offset, frame in enumerate(sent)]
    counter.partitions[0].count(frames)
    counter.partitions[0].read_to(5, 0)
    counter.partitions[1].count([message(0, T + 5, "f", recorded_at_s=T + 5)])
    counter.partitions[1].read_to(1, 0)
    assert list(counter.close(0)) == []
    assert counter.tally().rejected == {Reason.LATE: 2}
    beginning = compared(
        SavedState(counter.state(), "id", Instance("89abcdef")), "frames", "id", {0: (3, 5), 1: (0, 1)}
    )
    again = Counter(beginning.state, rules, gap_limit_s=3600, now_s=0)
    for late in frames[3:]:
        again.partitions[0].rebuild(late)
    again.partitions[1].rebuild(message(0, T + 5, "f", recorded_at_s=T + 5))
    assert again.write_off() == 3
    again.resume()
    seconds = [record for record in again.close_all() if record.size is SECOND]
    assert [(record.start - T, record.frames) for record in seconds] == [(5, 1)]


def test_what_is_lost_must_be_accepted() -> None:
    lost = compared(saved(p0=(5, 8)), "frames", "id", {0: (7, 20)})
    with pytest.raises(StateError, match="data that this run needs is gone") as caught:
        lost.accepted()
    assert "--accept-loss" in caught.value.hint
    whole = compared(saved(p0=(5, 8)), "frames", "id", {0: (5, 20)})
    assert whole.accepted() is whole.state
