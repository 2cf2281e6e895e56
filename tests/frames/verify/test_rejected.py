"""What the rejected topic tells of frames that count all the same, and of frames that were closed out early."""

from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.frames.core.frame import Reason
from metrics.frames.core.state import Rules, State
from metrics.frames.verify.recount.rejected import RejectedRecords
from metrics.frames.verify.run import read_rejected

if TYPE_CHECKING:
    from confluent_kafka import Message

T = 1468244340  # the start of a minute
LATENESS_S = 5
STATE = State.fresh({0: 100, 1: 100}, Rules(LATENESS_S, 300))
OLD_WORDING = f"ts {T} came when event time was {T}; its minute was closed"


class Record:
    """A record of the rejected topic, as far as its headers go."""

    def __init__(self, **headers: str | bytes) -> None:
        self._headers = [(name, at.encode() if isinstance(at, str) else at) for name, at in headers.items()]

    def headers(self) -> list[tuple[str, str | bytes | None]]:
        return list(self._headers)


def read(**headers: str | bytes) -> RejectedRecords:
    """Read one record about offset 7 of partition 0, where the state is past it."""
    record = Record(topic="frames", partition="0", offset="7", **headers)
    return read_rejected([cast("Message", record)], "frames", STATE)


def closed(rejected: RejectedRecords) -> set[int]:
    """Return the offsets of frames whose minute was closed before event time of their partition had passed it."""
    return set(rejected.hints(0, STATE.partitions[0]).closed)


def test_frames_too_large_to_be_republished_are_not_rejected() -> None:
    rejected = RejectedRecords(STATE)
    rejected.add(0, 7, "too_large")
    rejected.add(1, 7, "too_large")
    rejected.add(0, 8, "not_json")
    assert rejected.not_republished == {0: {7}, 1: {7}}
    assert rejected.records == {(0, "not_json"): 1}


def test_a_second_record_of_such_a_frame_is_one_too_many() -> None:
    rejected = RejectedRecords(STATE)
    rejected.add(0, 7, "too_large")
    rejected.add(0, 7, "too_large")
    assert rejected.not_republished == {0: {7}}
    assert rejected.records == {(0, "too_large"): 1}


@pytest.mark.parametrize(
    ("event_time", "was_closed_early"),
    [
        (T + 64, True),  # the minute ends at T + 60, and stays open until event time is T + 60 + LATENESS_S
        (T + 65, False),
    ],
)
def test_event_time_in_the_headers_shows_whether_a_minute_was_closed_early(
    event_time: int, *, was_closed_early: bool
) -> None:
    rejected = read(reason="late", ts=str(T + 59), event_time=str(event_time))
    assert closed(rejected) == ({7} if was_closed_early else set())
    assert rejected.late_untimed == 0


@given(st.sampled_from(list(Reason)), st.text() | st.just(OLD_WORDING))
def test_no_wording_of_the_detail_changes_how_a_record_is_read(reason: Reason, detail: str) -> None:
    for event_time in (T + 64, T + 65):
        headers = {"reason": reason, "ts": str(T), "event_time": str(event_time)}
        reworded = vars(read(**headers, detail=detail.encode(errors="replace")))
        assert reworded == vars(read(**headers))


@pytest.mark.parametrize("times", [{}, {"ts": str(T)}, {"event_time": str(T)}, {"ts": str(T), "event_time": "soon"}])
def test_a_late_frame_without_its_event_time_is_taken_to_be_late(times: dict[str, str]) -> None:
    rejected = read(reason="late", detail=OLD_WORDING, **times)
    assert (closed(rejected), rejected.late_untimed) == ({7}, 1)
    assert rejected.records == {(0, "late"): 1}
