"""The table of partitions: what each does, and the orders of its rows."""

from collections.abc import Collection

import pytest

from metrics.frames.core.state import PartitionState, Rules, State
from metrics.frames.core.windows import Series
from metrics.frames.status.describe import describe
from metrics.frames.status.facts import Activity, KeptOpen, PartitionEnd, Seen, Status, WaitingPartition
from metrics.frames.web.partitions import NAMES, note, ordered, row, state
from metrics.time.moments import Moment
from metrics.web.tables import Order
from tests.frames.windows import series

T = 1468244340  # 2016-07-11T13:39:00Z
CLOSED = series(Series(T, 26, 40, T + 25), Series(T - 60, 1, 7, T + 25))


def partition(position: int, newest: int) -> PartitionState:
    """Return a partition that has event time `newest`, or no frame yet if that is -1."""
    return PartitionState(position, position, T, newest, newest - 5 if newest >= 0 else 0)


def status(activity: Activity = Activity.ACTIVE, paused: Collection[int] = ()) -> Status:
    """Return a group whose partition 0 has lag, 1 is caught up, 2 has no frame, 3 is unknown, 4 is idle, 5 is new."""
    partitions = [partition(1_000, T + 30), partition(20, T + 70), partition(0, -1), partition(7, T + 50)]
    partitions += [PartitionState(9, 9, T, T - 900, T + 25), partition(0, -1)]
    for number in paused:
        partitions[number].is_paused = True
    ends = {0: PartitionEnd(2_500, 2_500, 1_500, None, None), 1: PartitionEnd(20, 20, 0, None, None)}
    ends |= {2: PartitionEnd(0, 0, 0, None, None), 4: PartitionEnd(9, 9, 0, None, None)}
    ends |= {5: PartitionEnd(0, 0, 0, None, None)}
    state = State(T + 25, Rules(5, 3600), CLOSED, dict(enumerate(partitions)))
    return describe(Seen("g", "frames", T + 80, "89abcdef", activity, state, (5,), ends, [], 10))


def test_each_partition_says_what_it_does() -> None:
    seen = status()
    assert [state(at, seen) for at in seen.partitions] == [
        "reading",
        "reading",
        "no frame yet",
        "unknown",
        "idle",
        "new",
    ]


def test_each_paused_partition_is_shown_whether_or_not_it_keeps_windows_open() -> None:
    seen = status(paused=(1, 3))
    assert [state(at, seen) for at in seen.partitions][:4] == ["reading", "paused", "no frame yet", "paused"]
    assert note(seen) == ("6 partitions of frames; 2 paused (ALIGN_S)", ())


def test_a_partition_that_keeps_windows_open_is_behind_if_the_job_says_so() -> None:
    seen = status()
    by = [WaitingPartition(0, "behind"), WaitingPartition(3, "lag")]
    seen.kept_open = KeptOpen(Moment.of(T + 20), Moment.of(T + 5), by, 0, 2)
    assert [state(at, seen) for at in seen.partitions][:4] == ["behind", "reading", "no frame yet", "unknown"]


@pytest.mark.parametrize("activity", [Activity.STOPPED, Activity.SILENT, Activity.ON_FLINK])
def test_without_an_active_instance_nothing_is_read(activity: Activity) -> None:
    seen = status(activity)
    assert [state(at, seen) for at in seen.partitions] == [*["not read"] * 5, "new"]


def test_a_row_has_the_time_of_day_and_dashes_for_what_is_unknown() -> None:
    seen = status()
    assert row(seen.partitions[0], seen) == {
        "partition": 0,
        "position": "1,000",
        "lag": "1,500",
        "event_time": "13:39:30",
        "watermark": "13:39:25",
        "state": "reading",
        "icon": "play_arrow",
    }
    assert [row(at, seen)[name] for at, name in ((seen.partitions[3], "lag"), (seen.partitions[2], "event_time"))] == [
        "-",
        "-",
    ]


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        ("partition", [0, 1, 2, 3, 4, 5]),
        ("position", [2, 5, 3, 4, 1, 0]),
        ("lag", [3, 1, 2, 4, 5, 0]),
        ("event_time", [2, 5, 4, 0, 3, 1]),
        ("watermark", [2, 5, 0, 4, 3, 1]),
        ("state", [4, 5, 2, 0, 1, 3]),
    ],
)
def test_each_column_sorts_unknown_values_first(column: str, numbers: list[int]) -> None:
    assert [at.partition for at in ordered(status(), Order(column))] == numbers


def test_the_other_way_round_ties_stay_by_number() -> None:
    order = Order("partition").by("state").by("state")
    assert order.is_descending
    assert [at.partition for at in ordered(status(), order)] == [3, 0, 1, 2, 5, 4]
    assert {*NAMES} == {"partition", "position", "lag", "event_time", "watermark", "state"}


def test_before_the_first_run_the_card_names_the_command_that_starts_the_job() -> None:
    assert note(None) == ("The state of the group is not known yet.", ())
    assert note(status(Activity.NEVER_RAN)) == (
        "No job has counted frames for group g yet. Start it:",
        ("python app.py",),
    )
