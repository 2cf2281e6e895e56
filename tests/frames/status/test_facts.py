"""The status of a group as facts, from states made by hand, without a broker."""

import msgspec
import pytest

from metrics.frames.core.state import PartitionState, Rules, State, Tally
from metrics.frames.core.windows import Series
from metrics.frames.sizes import MINUTE, SECOND
from metrics.frames.status.describe import describe, waits_for
from metrics.frames.status.facts import Activity, Cause, PartitionEnd, Seen, Status
from metrics.frames.stream_health import OverdueWindows, StreamHealth
from tests.frames.windows import series

T = 1468244340  # 2016-07-11T13:39:00Z


def seen(
    state: State, ends: dict[int, PartitionEnd], *, activity: Activity = Activity.ACTIVE, new: tuple[int, ...] = ()
) -> Seen:
    return Seen("group", "frames", T + 1000.7, "89abcdef", activity, state, new, ends, [], 10)


def state(*partitions: PartitionState, closing_to: int = T + 25, closed_through: int = T + 25) -> State:
    closed = series(Series(T, 26, 40, closed_through), Series(T - 60, 1, 7, closed_through))
    return State(closing_to, Rules(5, 3600), closed, dict(enumerate(partitions)))


FAST = PartitionState(
    100,
    90,
    T,
    T + 70,
    T + 65,
    12,
    0,
    0,
    Tally(100, 93, 3, 2, 1, 0, {"late": 1, "not_json": 2, "future": 1}),
    held_at=99,
    oldest={1: T + 26, 60: T},
)
SLOW = PartitionState(50, 40, T, T + 30, T + 25, 4, 0, 0, Tally(50, 49, 1, 1), oldest={1: T + 25, 60: T})


def both() -> Status:
    ends = {0: PartitionEnd(100, 100, 0, (T + 900) * 1000, None), 1: PartitionEnd(70, 60, 10, None, (T + 901) * 1000)}
    return describe(seen(state(FAST, SLOW), ends))


def test_the_newest_clock_is_event_time_and_the_closed_windows_are_the_watermark_over_all() -> None:
    status = both()
    assert status.event_time is not None
    assert status.closed_through is not None
    assert status.event_time.datetime == "2016-07-11T13:40:10Z"
    assert status.closed_through.datetime == "2016-07-11T13:39:25Z"
    assert status.closing_to is None
    assert (status.published_of(SECOND), status.published_of(MINUTE)) == (26, 1)
    assert status.asked_at.datetime == "2016-07-11T13:55:40Z"


def test_each_partition_has_its_position_its_clock_and_what_it_waits_for() -> None:
    fast, slow = both().partitions
    assert (fast.position, fast.end, fast.lag, fast.uncommitted, fast.waits_for) == (100, 100, 0, 0, Cause.HELD)
    assert (slow.position, slow.end, slow.lag, slow.uncommitted, slow.waits_for) == (50, 70, 10, 10, Cause.LAG)
    assert fast.held_from == 99
    assert slow.held_from is None
    assert fast.read_at is not None
    assert fast.read_at.datetime == "2016-07-11T13:54:00Z"
    assert slow.read_at is None
    assert slow.unread_at is not None
    assert slow.unread_at.timestamp == T + 901


def test_the_slower_partition_keeps_the_oldest_second_and_minute_open() -> None:
    status = both()
    second, minute = status.oldest_open()[SECOND], status.oldest_open()[MINUTE]
    assert (second.start.timestamp, [slow.lacks_s for slow in second.kept_open_by]) == (T + 25, [1])
    assert (minute.start.timestamp, [slow.partition for slow in minute.kept_open_by]) == (T, [1])


def test_the_error_counts_each_frame_once_by_its_reason() -> None:
    #  late 3 of which 2 in their minute and 1 rejected as late; not_json 2, future 1; and late 1 of the other
    frames = both().frames
    assert (frames.consumed, frames.counted, frames.open, frames.held, frames.lost) == (150, 142, 16, 1, 0)
    assert (frames.late, frames.late_in_minute, frames.invalid, frames.future, frames.rejected) == (4, 3, 2, 1, 4)
    parts = frames.counted + frames.late + frames.invalid + frames.future + frames.held + frames.lost
    assert frames.consumed == parts
    assert frames.error.parts == {"late": 4, "future": 1, "not_json": 2}
    assert frames.error.frames == 7
    assert frames.error.rate == pytest.approx(7 / 149)  # of those that are not held
    assert [partition.frames.error.frames for partition in both().partitions] == [6, 1]


def test_lag_is_unknown_if_one_partition_has_no_leader() -> None:
    status = describe(seen(state(FAST, SLOW), {0: PartitionEnd(100, 100, 0, None, None)}))
    assert status.lag is None
    assert status.partitions[1].waits_for is Cause.UNKNOWN
    assert both().lag == 10


@pytest.mark.parametrize(
    ("at", "place", "cause"),
    [
        (SLOW, None, Cause.UNKNOWN),
        (FAST, PartitionEnd(120, 120, 20, None, None), Cause.LAG),
        (FAST, PartitionEnd(120, 100, 0, None, None), Cause.TRANSACTION),
        (FAST, PartitionEnd(101, 101, 0, None, None), Cause.HELD),
        (SLOW, PartitionEnd(51, 51, 0, None, None), Cause.IDLE),  # what follows the position is not a record
        (PartitionState(0, 0), PartitionEnd(0, 0, 0, None, None), Cause.EMPTY),
        (PartitionState(9, 9, is_paused=True), PartitionEnd(120, 120, 111, None, None), Cause.PAUSED),
    ],
)
def test_a_clock_waits_for_the_first_thing_that_has_to_happen(
    at: PartitionState, place: PartitionEnd | None, cause: Cause
) -> None:
    assert waits_for(at, place, is_active=True) is cause


def test_a_partition_that_the_state_does_not_know_is_new() -> None:
    ends = {0: PartitionEnd(50, 50, 0, None, None), 1: PartitionEnd(3, 3, 3, None, None)}
    status = describe(seen(state(SLOW, PartitionState.added(0, T + 25)), ends, new=(1,)))
    assert [partition.waits_for for partition in status.partitions] == [Cause.IDLE, Cause.NEW]
    assert [partition.is_idle for partition in status.partitions] == [False, False]


def test_an_interrupted_closing_is_shown() -> None:
    status = describe(seen(state(FAST, closing_to=T + 65, closed_through=T + 26), {}))
    assert status.closing_to is not None
    assert status.closing_to.timestamp == T + 65
    assert status.oldest_open()[SECOND].is_closing


def test_a_state_of_an_earlier_program_does_not_pretend_that_nothing_is_open() -> None:
    earlier = PartitionState(50, 40, T, T + 30, T + 25, 4, 0, 0, Tally(50, 50))
    status = describe(seen(state(earlier), {}))
    assert not status.is_open_known
    assert both().is_open_known


def test_what_the_instance_observed_is_shown_as_of_its_commit() -> None:
    #  a minute ago  100 frames, 1 of them late; now 150, 4 late, 1 too far ahead and 2 no JSON
    overdue = OverdueWindows(T + 950, T + 26, ((1, "transaction"),), 2, 1)
    health = StreamHealth(T + 940, Tally(100, 99, 1, 1), overdue)
    of_health = msgspec.to_builtins(describe(seen(state(FAST, SLOW), {})._replace(health=health)))
    assert of_health["last_minute"] == {
        "began_at": {"timestamp": T + 940, "datetime": "2016-07-11T13:54:40Z"},
        "frames": 49,  # one more is held
        "error": {"rate": 6 / 49, "frames": 6, "parts": {"late": 3, "future": 1, "not_json": 2}},
        "is_wrong": True,
    }
    assert of_health["held_open"] == {
        "opened_at": {"timestamp": T + 950, "datetime": "2016-07-11T13:54:50Z"},
        "start": {"timestamp": T + 26, "datetime": "2016-07-11T13:39:26Z"},
        "by": [{"partition": 1, "waits_for": "transaction"}],
        "more": 2,
        "paused": 1,
    }
    stopped = describe(seen(state(FAST, SLOW), {}, activity=Activity.STOPPED)._replace(health=health))
    assert stopped.kept_open is None


def test_the_json_has_the_documented_names() -> None:
    fields = msgspec.to_builtins(both())
    assert [*fields] == [
        "group", "topic", "asked_at", "instance", "rules", "event_time", "closed_through", "closing_to", "published",
        "is_open_known", "oldest_open_second", "oldest_open_minute", "lag", "frames", "partitions", "losses",
        "last_minute", "held_open",
    ]  # fmt: skip
    assert fields["instance"] == {"id": "89abcdef", "activity": "active"}
    shape = {"ts_field": "ts", "ts_format": "seconds", "uid_field": "uid", "uid_format": "text"}
    assert fields["rules"] == {"lateness_s": 5, "future_limit_s": 3600, "idle_s": 10} | shape
    assert fields["oldest_open_second"] == {
        "start": {"timestamp": T + 25, "datetime": "2016-07-11T13:39:25Z"},
        "end": {"timestamp": T + 26, "datetime": "2016-07-11T13:39:26Z"},
        "closes_at": {"timestamp": T + 31, "datetime": "2016-07-11T13:39:31Z"},
        "is_closing": False,
        "held_by": [{"partition": 1, "lacks_s": 1}],
        "silence_s": None,
    }
    assert [*fields["partitions"][0]] == [
        "partition", "position", "end", "lag", "uncommitted", "event_clock", "watermark", "is_silent", "waits_for",
        "held_from", "read_at", "unread_at", "frames",
    ]  # fmt: skip
    assert fields["partitions"][1]["frames"] == {
        "consumed": 50, "counted": 49, "open": 4, "held": 0, "late": 1, "late_in_minute": 1, "invalid": 0,
        "future": 0, "rejected": 0, "lost": 0,
        "error": {"rate": 0.02, "frames": 1, "parts": {"late": 1}},
    }  # fmt: skip
