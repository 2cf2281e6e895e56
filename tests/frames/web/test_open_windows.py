"""Open windows in one line, and when the card unfolds."""

from metrics.frames.core.state import PartitionState, Rules, State
from metrics.frames.core.windows import Series
from metrics.frames.status.describe import describe
from metrics.frames.status.facts import Activity, KeptOpen, PartitionEnd, Seen, Status, WaitingPartition
from metrics.frames.web.open_windows import Fold, summary
from metrics.time.moments import Moment
from tests.frames.windows import series

T = 1468244340  # 2016-07-11T13:39:00Z


def status(oldest: dict[int, int], activity: Activity = Activity.ACTIVE) -> Status:
    """Return a group at event time T + 30, closed through T + 25, with these oldest open windows by size."""
    partition = PartitionState(50, 40, T, T + 30, T + 25, 4 if oldest else 0, oldest=oldest)
    closed = series(Series(T, 26, 40, T + 25), Series(T - 60, 1, 7, T + 25))
    state = State(T + 25, Rules(5, 3600), closed, {0: partition})
    ends = {0: PartitionEnd(50, 50, 0, None, None)}
    return describe(Seen("group", "frames", T + 40, "89abcdef", activity, state, (), ends, [], 10))


def test_the_oldest_open_windows_are_in_one_line() -> None:
    assert summary(status({1: T + 25, 60: T})) == (
        "Open: seconds from 13:39:25 (the last 6 s of event time) and minutes from 13:39:00 (the last 31 s of event "
        "time)."
    )


def test_without_a_job_that_runs_the_line_says_so_first() -> None:
    assert summary(status({1: T + 25, 60: T}, Activity.STOPPED)) == (
        "Nothing advances: no job is running. Open: seconds from 13:39:25 and minutes from 13:39:00."
    )


def test_windows_that_are_kept_open_for_too_long_say_what_keeps_them_open() -> None:
    held = status({1: T + 25, 60: T})
    held.kept_open = KeptOpen(Moment.of(T + 20), Moment.of(T + 25), [WaitingPartition(0, "lag")], 0, 0)
    assert summary(held) == (
        "Seconds from 2016-07-11T13:39:25Z have been open for 20 s: partition 0 keeps them open (it has lag). That is "
        "longer than LATENESS_S + IDLE_S (15 s)."
    )


def test_without_open_windows_the_line_says_why() -> None:
    assert summary(None) == "The state of the group is not known yet."
    assert summary(status({})) == "None: every frame that was read is in a closed window."
    never = describe(
        Seen(
            *(
                "group",
                "frames",
                T,
                None,
                Activity.NEVER_RAN,
                State(-1, Rules(5, 3600), series(Series(), Series()), {}),
            ),
            *((), {}, [], 10),
        )
    )
    assert summary(never) == "None: no job has counted yet. Start it: python app.py"


def test_it_is_folded_until_its_user_unfolds_it() -> None:
    fold = Fold()
    assert not fold.is_open
    fold.toggle()
    fold.set_trouble(is_in_trouble=False)
    assert fold.is_open


def test_trouble_unfolds_it_and_its_end_leaves_it_as_the_user_had_set_it() -> None:
    fold = Fold()
    fold.set_trouble(is_in_trouble=True)
    assert fold.is_open
    fold.set_trouble(is_in_trouble=False)
    assert not fold.is_open


def test_folded_in_trouble_it_stays_folded_until_the_next_trouble() -> None:
    fold = Fold()
    fold.set_trouble(is_in_trouble=True)
    fold.toggle()
    fold.set_trouble(is_in_trouble=True)
    assert not fold.is_open
    fold.set_trouble(is_in_trouble=False)
    fold.set_trouble(is_in_trouble=True)
    assert fold.is_open
