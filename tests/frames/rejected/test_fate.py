"""What a replay makes of a dead letter, by its headers, the rules of today and the state of the group."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

import pytest

from metrics.frames.core.state import MovedOver, PartitionState, Rules, State
from metrics.frames.rejected.fate import Fate, FateJudge
from metrics.frames.rejected.history import History
from metrics.frames.rejected.letters import Letter
from metrics.frames.replay_marks import OffsetRanges, Place, read_again
from metrics.frames.settings import Settings
from metrics.kafka.record_metadata import Headers
from metrics.kafka.topic_limits import Limits
from tests.kafka.application import frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from confluent_kafka import Message

T = 1468244340  # the start of a minute
LIMITS = Limits(2, 2_000, 2**62, 2**62)
HERE = Place("frames", 0, 7)


@dataclass
class Record:
    """The record at offset 10 of the dead letter topic, about offset 7 of partition 0 if its headers do not differ."""

    data: bytes | None = frame(T + 60, "a")
    headers_given: dict[str, str] = field(default_factory=dict)

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 10

    def headers(self) -> list[tuple[str, str | bytes | None]]:
        headers = {"reason": "wrong_ts", "topic": "frames", "partition": "0", "offset": "7"} | self.headers_given
        return [(name, text.encode()) for name, text in headers.items()]

    def key(self) -> bytes | None:
        return None

    def value(self) -> bytes | None:
        return self.data

    def timestamp(self) -> tuple[int, int]:
        return 1, T * 1000


def state() -> State:
    """Return a state at T + 65, in which seconds before T + 60 are late, and so is the minute before it."""
    found = State.fresh({}, Rules(5, 300))
    at = PartitionState(100, 90, newest=T + 65, watermark=T + 60, moved_over=MovedOver(40, 50))
    found.partitions = {0: at, 1: PartitionState(100, 90, newest=T + 15, watermark=T + 10)}
    return found


def fate(
    data: bytes | None = None,
    *,
    replayed: set[Place] | None = None,
    with_returned: bool = False,
    known: State | None = None,
    written: Counter[tuple[int, str]] | None = None,
    marks: "Iterable[Message]" = (),
    **headers: str,
) -> Fate:
    letter = Letter.of(cast("Message", Record(frame(T + 60, "a") if data is None else data, headers)))
    history = History("frames", None)
    history.replayed = replayed or set()
    history.written = Counter() if written is None else written
    history.add(marks)
    judge = FateJudge(Settings(), known or state(), LIMITS, history, with_returned=with_returned)
    return judge.fate(letter)


def test_of_more_dead_letters_than_the_group_has_rejected_none_is_sent() -> None:
    known = state()
    known.partitions[0].tally.rejected = {"wrong_ts": 3}
    assert fate(known=known, written=Counter({(0, "wrong_ts"): 3, (1, "wrong_ts"): 9})) is Fate.ON_TIME
    assert fate(known=known, written=Counter({(0, "wrong_ts"): 4})) is Fate.READ_AGAIN


class Mark(NamedTuple):
    """The mark of a reset, at an offset of the dead letter topic."""

    at: int
    ranges: OffsetRanges
    topic: str = "frames"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def headers(self) -> Headers:
        return read_again(self.topic, self.ranges)[1]

    def value(self) -> bytes:
        return read_again(self.topic, self.ranges)[0]


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([Mark(11, {0: (7, 8)})], Fate.READ_AGAIN),
        ([Mark(9, {0: (7, 8)})], Fate.ON_TIME),
        ([Mark(9, {0: (0, 90)}), Mark(11, {0: (7, 90)})], Fate.READ_AGAIN),
        ([Mark(9, {0: (0, 90)}), Mark(11, {0: (8, 90)})], Fate.ON_TIME),
        ([Mark(11, {0: (0, 7)})], Fate.ON_TIME),
        ([Mark(11, {1: (0, 90)})], Fate.ON_TIME),
        ([Mark(11, {0: (0, 90)}, "other")], Fate.ON_TIME),
    ],
)
def test_a_dead_letter_from_before_a_reset_over_its_frame_is_not_sent(marks: list[Mark], expected: Fate) -> None:
    assert fate(marks=cast("list[Message]", marks)) is expected


def test_a_dead_letter_from_after_a_marked_reset_is_sent_though_its_frame_was_read_again() -> None:
    marks = cast("list[Message]", [Mark(9, {0: (40, 50)})])
    assert fate(marks=marks, offset="45") is Fate.ON_TIME
    assert fate(offset="45") is Fate.READ_AGAIN  # a reset of an earlier version wrote no mark


def test_a_frame_that_is_valid_today_and_on_time_is_sent() -> None:
    assert fate() is Fate.ON_TIME
    assert fate().is_sent


@pytest.mark.parametrize("reason", ["too_large", "unreadable_headers"])
def test_a_frame_that_was_counted_is_not_sent(reason: str) -> None:
    assert fate(reason=reason) is Fate.COUNTED
    assert not Fate.COUNTED.is_sent


def test_a_frame_is_late_by_event_time_of_its_own_partition() -> None:
    #  partition 0: the minute T .. T + 60 is closed; partition 1: seconds before T + 10 are late, their minute is open
    assert fate(frame(T + 59, "a")) is Fate.LATE
    assert fate(frame(T + 59, "a"), partition="1") is Fate.ON_TIME
    assert fate(frame(T + 9, "a"), partition="1") is Fate.LATE_IN_MINUTE
    assert fate(frame(T - 1, "a"), partition="1") is Fate.LATE
    assert [Fate.LATE.is_sent, Fate.LATE_IN_MINUTE.is_sent] == [False, True]


def test_a_frame_that_is_still_invalid_is_not_sent() -> None:
    assert fate(b"no frame", reason="not_json") is Fate.INVALID
    assert not Fate.INVALID.is_sent


def test_a_frame_from_the_future_is_sent_once_event_time_has_come_near_it() -> None:
    assert fate(frame(T + 365, "a"), reason="future") is Fate.ON_TIME
    assert fate(frame(T + 366, "a"), reason="future") is Fate.FUTURE
    assert fate(frame(T + 366, "a"), reason="wrong_ts") is Fate.ON_TIME  # the future guard decides


def test_a_frame_that_was_replayed_is_not_sent_whatever_other_dead_letter_it_has() -> None:
    assert fate(replayed={HERE}) is Fate.REPLAYED
    assert fate(reason="no_uid", replayed={HERE}, with_returned=True) is Fate.REPLAYED
    assert fate(replayed={HERE}, offset="8") is Fate.ON_TIME


def test_a_frame_that_came_back_after_a_replay_is_sent_only_if_asked_for() -> None:
    assert fate(replay_of="frames/0 offset 3") is Fate.RETURNED
    assert fate(replay_of="frames/0 offset 3", with_returned=True) is Fate.ON_TIME


@pytest.mark.parametrize("offset", ["100", "40", "49"])
def test_a_frame_that_the_group_reads_again_is_not_sent(offset: str) -> None:
    assert fate(offset=offset) is Fate.READ_AGAIN


@pytest.mark.parametrize("offset", ["99", "39", "50"])
def test_a_frame_beside_those_that_the_group_reads_again_is_sent(offset: str) -> None:
    assert fate(offset=offset) is Fate.ON_TIME


def test_a_record_that_is_not_from_the_input_topic_is_not_sent() -> None:
    fates = [fate(topic="other"), fate(partition="2"), fate(partition="-1"), fate(offset="")]
    assert fates == [Fate.FOREIGN] * 4


def test_a_frame_that_would_not_arrive_as_it_was_is_not_sent() -> None:
    assert fate(cut_from_bytes="5000000") is Fate.CUT
    large = frame(T + 60, "a" * 1_500)
    assert len(large) < LIMITS.size_bytes
    assert fate(large) is Fate.TOO_LARGE


def test_nothing_is_late_for_a_group_that_has_not_counted() -> None:
    letter = Letter.of(cast("Message", Record(frame(T - 3600, "a"))))
    assert (
        FateJudge(Settings(), None, LIMITS, History("frames", None), with_returned=False).fate(letter) is Fate.ON_TIME
    )
