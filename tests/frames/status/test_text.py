"""What `status` prints: tables that fit, words that say who holds a window."""

import msgspec

from metrics.frames.core.state import PartitionState, Rules, State, Tally
from metrics.frames.core.windows import Series
from metrics.frames.status import text
from metrics.frames.status.facts import (
    Activity,
    ErrorEstimate,
    HeldOpen,
    HoldingPartition,
    LastMinute,
    Place,
    Seen,
    Status,
    describe,
)
from metrics.terminal.tables import say_folded
from metrics.times import Moment
from tests.frames.windows import series
from tests.terminal.shown import in_a_pipe, on_a_terminal

T = 1468244340  # 2016-07-11T13:39:00Z


def status(activity: Activity = Activity.ACTIVE, partitions: int = 2) -> Status:
    """Return a group whose partition 1 holds the minute at T: it is read to its end, and stands at 13:39:30."""
    tally = Tally(1_234_567, 1_234_563, 3, 2, 0, 0, {"late": 1, "not_json": 1})
    fast = PartitionState(1_234_567, 1_230_000, T, T + 70, T + 65, 12, 0, 0, tally, oldest={1: T + 26, 60: T})
    slow = PartitionState(50, 40, T, T + 30, T + 25, 4, 0, 0, Tally(50, 50), oldest={1: T + 25, 60: T})
    closed = series(Series(T, 26, 40, T + 25), Series(T - 60, 1, 7, T + 25))
    state = State(T + 25, Rules(5, 3600), closed, {0: fast} | dict.fromkeys(range(1, partitions), slow))
    places = {0: Place(1_234_567, 1_234_567, 0, None, None)}
    places |= dict.fromkeys(range(1, partitions), Place(50, 50, 0, (T + 900) * 1000, None))
    return describe(Seen("group", "frames", T + 1000, "89abcdef", activity, state, (), places, [], 10))


WIDE = """\
partition   position        end  lag           event clock             watermark  open  held  held from    counted  late  rejected  lost
        0  1,234,567  1,234,567    0  2016-07-11T13:40:10Z  2016-07-11T13:40:05Z    12     0          -  1,234,563     3         2     0
        1         50         50    0  2016-07-11T13:39:30Z  2016-07-11T13:39:25Z     4     0          -         50     0         0     0
      all                          0  2016-07-11T13:40:10Z  2016-07-11T13:39:25Z    16     0             1,234,613     3         2     0
"""  # noqa: E501

NARROW = """\
partition   position        end  lag           event clock             watermark
        0  1,234,567  1,234,567    0  2016-07-11T13:40:10Z  2016-07-11T13:40:05Z
        1         50         50    0  2016-07-11T13:39:30Z  2016-07-11T13:39:25Z
      all                          0  2016-07-11T13:40:10Z  2016-07-11T13:39:25Z

partition  open  held  held from    counted  late  rejected  lost
        0    12     0          -  1,234,563     3         2     0
        1     4     0          -         50     0         0     0
      all    16     0             1,234,613     3         2     0
"""


def printed_table(printed: str) -> str:
    """Return the table among what is printed: it stands between two blank lines."""
    return printed[printed.index("\npartition ") + 1 : printed.index("\nwhy ")]


def test_in_a_pipe_a_partition_is_one_row() -> None:
    assert printed_table(in_a_pipe(lambda: text.show(status()))) == WIDE
    assert printed_table(on_a_terminal(lambda: text.show(status()), 200)) == WIDE


def test_on_a_narrow_terminal_the_table_is_folded_and_each_part_names_its_partitions() -> None:
    assert printed_table(on_a_terminal(lambda: text.show(status()), 120)) == NARROW
    assert printed_table(on_a_terminal(lambda: text.show(status()), 80)) == NARROW
    assert max(map(len, printed_table(on_a_terminal(lambda: text.show(status()), 79)).splitlines())) <= 79


def test_a_terminal_that_is_too_narrow_for_anything_still_gets_each_column() -> None:
    lines = on_a_terminal(lambda: say_folded(text.table(status())), 1).splitlines()
    assert len([line for line in lines if line.startswith("partition")]) == 12


def test_the_head_tells_the_group_what_is_closed_and_open_and_the_error_by_reason() -> None:
    assert [*text.head(status())] == [
        "group         group, reading frames: 2 partitions",
        "instance      89abcdef, active: it was seen to commit",
        "rules         LATENESS_S=5 FUTURE_LIMIT_S=3600",
        "event time    2016-07-11T13:40:10Z",
        "closed        through 2016-07-11T13:39:25Z: 26 seconds and 1 minute are published",
        "open          seconds from 2016-07-11T13:39:25Z on, with 16 frames; minutes from 2016-07-11T13:39:00Z on",
        "error rate    0.000% of 1,234,617 frames: late 3 (2 in their minute), not_json 1",
    ]


def test_the_head_warns_of_what_the_instance_saw() -> None:
    hold = HeldOpen(Moment.of(T + 977), Moment.of(T + 25), [HoldingPartition(1, "lag")], 0, 1)
    minute = LastMinute(
        Moment.of(T + 940), 1000, ErrorEstimate(0.123, 123, {"late": 3, "not_json": 120}), is_wrong=True
    )
    warned = msgspec.structs.replace(status(), held_open=hold, last_minute=minute)
    assert [*text.head(warned)][7:] == [
        (
            "warning       seconds from 2016-07-11T13:39:25Z on have been open for 23 s: partition 1 holds them, it "
            "has lag; paused meanwhile: 1"
        ),
        (
            "warning       12.3% of the frames since 2016-07-11T13:54:40Z are late or rejected, 123 of 1,000: late 3, "
            "not_json 120"
        ),
    ]


def test_it_says_why_a_window_is_open_who_holds_it_and_since_when() -> None:
    assert [*text.why(status())] == [
        "why is the second 2016-07-11T13:39:25Z open?",
        "  partition 1 holds it: its event clock is 1 s short of 2016-07-11T13:39:31Z, its end and LATENESS_S",
        "why is the minute 2016-07-11T13:39:00Z open?",
        "  partition 1 holds it: its event clock is 35 s short of 2016-07-11T13:40:05Z, its end and LATENESS_S",
        (
            "  partition 1 stands at 2016-07-11T13:39:30Z since its frame stamped 2016-07-11T13:54:00Z: it is read to "
            "its end, and waits for frames; once it has been silent for IDLE_S=10 s, it holds nothing open any more"
        ),
        (
            "  every partition is read to its end: once all are silent, event time moves on with wall time, and closes "
            "what is open"
        ),
    ]


def test_of_very_many_that_hold_it_few_are_told() -> None:
    lines = [*text.why(status(partitions=100))]
    assert lines[3].endswith("; also short: partition 2 by 35 s, partition 3 by 35 s, 96 more")
    assert len(lines) == 4 + 3 + 1


def test_without_an_instance_it_promises_nothing_that_only_one_would_do() -> None:
    printed = in_a_pipe(lambda: text.show(status(Activity.STOPPED)))
    assert "no instance is active: nothing moves until one runs" in printed
    assert "IDLE_S" not in printed
    assert "wall time" not in printed


def test_an_instance_that_is_silent_is_not_said_to_be_gone() -> None:
    printed = in_a_pipe(lambda: text.show(status(Activity.SILENT)))
    assert "89abcdef, silent: it did not stop in order, but commits no more: killed, hanging, or cut off" in printed
    assert "no instance is seen to commit: nothing moves until one does" in printed
    assert "no instance is active" not in printed


def test_what_no_state_tells_is_not_made_up() -> None:
    earlier = msgspec.structs.replace(
        status(), is_open_known=False, oldest_open_second=None, oldest_open_minute=None, closed_through=None
    )
    printed = in_a_pipe(lambda: text.show(earlier))
    assert "closed        -: 26 seconds" in printed
    assert "open          16 frames in seconds that this state, of an earlier program, does not tell" in printed
    assert "why windows are open, this state does not tell" in printed
