"""What `status` prints: tables that fit, and words that explain which partition keeps a window open."""

import msgspec

from metrics.frames.core.state import PartitionState, Rules, State, Tally
from metrics.frames.core.windows import Series
from metrics.frames.status import text
from metrics.frames.status.describe import describe
from metrics.frames.status.facts import (
    Activity,
    ErrorEstimate,
    KeptOpen,
    LastMinute,
    PartitionEnd,
    Seen,
    Status,
    WaitingPartition,
)
from metrics.terminal.tables import say_folded
from metrics.time.moments import Moment
from tests.frames.windows import series
from tests.terminal.shown import in_a_pipe, on_a_terminal

T = 1468244340  # 2016-07-11T13:39:00Z


def status(activity: Activity = Activity.ACTIVE, partitions: int = 2) -> Status:
    """Return a group whose partition 1 keeps the minute at T open: it is caught up, at 13:39:30."""
    tally = Tally(1_234_567, 1_234_563, 3, 2, 0, 0, {"late": 1, "not_json": 1})
    fast = PartitionState(1_234_567, 1_230_000, T, T + 70, T + 65, 12, 0, 0, tally, oldest={1: T + 26, 60: T})
    slow = PartitionState(50, 40, T, T + 30, T + 25, 4, 0, 0, Tally(50, 50), oldest={1: T + 25, 60: T})
    closed = series(Series(T, 26, 40, T + 25), Series(T - 60, 1, 7, T + 25))
    state = State(T + 25, Rules(5, 3600), closed, {0: fast} | dict.fromkeys(range(1, partitions), slow))
    ends = {0: PartitionEnd(1_234_567, 1_234_567, 0, None, None)}
    ends |= dict.fromkeys(range(1, partitions), PartitionEnd(50, 50, 0, (T + 900) * 1000, None))
    return describe(Seen("group", "frames", T + 1000, "89abcdef", activity, state, (), ends, [], 10))


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
    """Return the table from the output: it is between two blank lines."""
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


def test_the_head_shows_the_group_what_is_closed_and_open_and_the_error_by_reason() -> None:
    assert [*text.head(status())] == [
        "group         group, reading frames: 2 partitions",
        "job           running (instance 89abcdef)",
        "rules         LATENESS_S=5 FUTURE_LIMIT_S=3600",
        "event time    2016-07-11T13:40:10Z",
        "closed        through 2016-07-11T13:39:25Z: 26 one-second windows and 1 one-minute window published",
        "open          seconds from 2016-07-11T13:39:25Z (16 frames); minutes from 2016-07-11T13:39:00Z",
        "error rate    0.000% of 1,234,617 frames: 3 late (2 still counted for their minute), 1 not_json",
    ]


def test_the_head_warns_of_what_the_instance_observed() -> None:
    kept_open = KeptOpen(Moment.of(T + 977), Moment.of(T + 25), [WaitingPartition(1, "lag")], 0, 1)
    minute = LastMinute(
        Moment.of(T + 940), 1000, ErrorEstimate(0.123, 123, {"late": 3, "not_json": 120}), is_wrong=True
    )
    warned = msgspec.structs.replace(status(), kept_open=kept_open, last_minute=minute)
    assert [*text.head(warned)][7:] == [
        (
            "warning       seconds from 2016-07-11T13:39:25Z have been open for 23 s: partition 1 keeps them open (it "
            "has lag); 1 partition paused meanwhile"
        ),
        (
            "warning       12.3% of the frames since 2016-07-11T13:54:40Z are late or rejected (123 of 1,000): 3 late, "
            "120 not_json"
        ),
    ]


def test_it_says_why_a_window_is_open_what_keeps_it_open_and_since_when() -> None:
    second, minute = "why is the second 2016-07-11T13:39:25Z open?", "why is the minute 2016-07-11T13:39:00Z open?"
    lines = [
        second,
        (
            "  waiting for partition 1 (1 s to go): its event time must reach 2016-07-11T13:39:31Z "
            "(window end + LATENESS_S)"
        ),
        minute,
        (
            "  waiting for partition 1 (35 s to go): its event time must reach 2016-07-11T13:40:05Z "
            "(window end + LATENESS_S)"
        ),
        (
            "  partition 1: at 2016-07-11T13:39:30Z, last frame received 2016-07-11T13:54:00Z, caught up; ignored "
            "after 10 s without frames (IDLE_S)"
        ),
        (
            "  all partitions are caught up: once all are idle, event time advances with wall time and closes what is "
            "open"
        ),
    ]
    assert in_a_pipe(lambda: text.show(status())).splitlines()[-len(lines) :] == lines
    assert [line.text for line in text.why(status()) if line.is_question] == [second, minute]


def test_at_80_columns_the_labels_keep_their_column() -> None:
    head = on_a_terminal(lambda: text.show(status()), 80).split("\n\n")[0].splitlines()
    assert head[4:8] == [
        "closed        through 2016-07-11T13:39:25Z: 26 one-second windows and 1",
        "              one-minute window published",
        "open          seconds from 2016-07-11T13:39:25Z (16 frames); minutes from",
        "              2016-07-11T13:39:00Z",
    ]


def test_without_open_windows_only_the_head_is_printed() -> None:
    closed = msgspec.structs.replace(status(), oldest_open_second=None, oldest_open_minute=None)
    assert "open          no windows" in [*text.head(closed)]
    assert [*text.why(closed)] == []


def test_only_a_few_of_very_many_partitions_that_keep_it_open_are_named() -> None:
    lines = [*text.why(status(partitions=100))]
    assert lines[3].text.endswith("; also for partition 2 (35 s to go), partition 3 (35 s to go), 96 more")
    assert len(lines) == 4 + 3 + 1


def test_without_an_instance_it_promises_nothing_that_needs_one() -> None:
    printed = in_a_pipe(lambda: text.show(status(Activity.STOPPED)))
    assert "no active instance: nothing advances until one runs" in printed
    assert "IDLE_S" not in printed
    assert "wall time" not in printed


def test_an_instance_that_no_longer_commits_is_not_called_gone() -> None:
    printed = in_a_pipe(lambda: text.show(status(Activity.SILENT)))
    assert (
        "silent (instance 89abcdef): it did not stop cleanly, but no longer commits: killed, hung or cut off" in printed
    )
    assert "no instance commits: nothing advances until one does" in printed
    assert "no active instance" not in printed


def test_nothing_is_made_up_that_the_state_does_not_contain() -> None:
    earlier = msgspec.structs.replace(
        status(), is_open_known=False, oldest_open_second=None, oldest_open_minute=None, closed_through=None
    )
    printed = in_a_pipe(lambda: text.show(earlier))
    assert "closed        -: 26 one-second windows" in printed
    assert "open          16 frames; the state, saved by an earlier version, does not say in which windows" in printed
    assert "the state does not say why windows are open" in printed
