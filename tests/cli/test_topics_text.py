"""What `topics` prints: tables that fit, and facts that are unknown."""

import msgspec

from metrics.cli import topics_text
from metrics.kafka.groups import Group, Groups
from metrics.kafka.topic_facts import Contents, Reader, TopicFacts, describe
from metrics.terminal.tables import lines
from metrics.time.moments import Moment
from tests.terminal.shown import in_a_pipe, on_a_terminal

T = 1468244340  # 2016-07-11T13:39:00Z

FRAMES = TopicFacts(
    "frames",
    4,
    1_000_000,
    are_at_most=True,
    first=Moment.of(T),
    last=Moment.of(T + 600),
    groups=[Reader("audit", "stable", 1_203), Reader("frames-metrics", "empty", 0)],
    are_all_groups=True,
)
USERS = TopicFacts(
    "unique-users-per-minute",
    1,
    120,
    are_at_most=True,
    first=Moment.of(T),
    last=Moment.of(T + 540),
    groups=[],
    are_all_groups=True,
)
EMPTY = TopicFacts("new", 1, 0, are_at_most=False, first=None, last=None, groups=[],
                   are_all_groups=True)  # fmt: skip
UNTOLD = TopicFacts("dark", 2, None, are_at_most=False, first=None, last=None,
                    groups=None, are_all_groups=False)  # fmt: skip

WIDE = """\
topic                    partitions      records                 first                  last
frames                            4  ≤ 1,000,000  2016-07-11T13:39:00Z  2016-07-11T13:49:00Z
unique-users-per-minute           1        ≤ 120  2016-07-11T13:39:00Z  2016-07-11T13:48:00Z
new                               1            0                     -                     -
dark                              2            ?                     ?                     ?

topic   read by         state     lag
frames  audit           stable  1,203
frames  frames-metrics  empty       0
dark    ?               ?           ?
"""

NARROW = """\
topic                    partitions      records
frames                            4  ≤ 1,000,000
unique-users-per-minute           1        ≤ 120

topic                                   first                  last
frames                   2016-07-11T13:39:00Z  2016-07-11T13:49:00Z
unique-users-per-minute  2016-07-11T13:39:00Z  2016-07-11T13:48:00Z
"""


def test_topics_fit_100_columns_in_one_row_each_and_show_what_is_unknown() -> None:
    topics = [FRAMES, USERS, EMPTY, UNTOLD]
    assert on_a_terminal(lambda: topics_text.show(topics), 100) == WIDE
    assert in_a_pipe(lambda: topics_text.show(topics)) == WIDE
    assert max(map(len, WIDE.splitlines())) <= 100


def test_on_a_narrow_terminal_times_are_in_a_second_table() -> None:
    assert on_a_terminal(lambda: topics_text.show([FRAMES, USERS]), 80).startswith(NARROW)


def test_a_very_long_name_moves_no_other_row() -> None:
    long = msgspec.structs.replace(EMPTY, topic="x" * 60)
    _, frames, other, rest = on_a_terminal(lambda: topics_text.show([FRAMES, long]), 120).splitlines()[:4]
    assert frames.startswith("frames" + " " * 30 + "           4  ≤ 1,000,000")
    assert (other.split("  ")[0], rest) == ("x" * 36, "x" * 24)


def test_topics_without_readers_are_reported_as_such() -> None:
    assert in_a_pipe(lambda: topics_text.show([EMPTY])).endswith("\n\nno consumer group has committed offsets for it\n")
    assert in_a_pipe(lambda: topics_text.show([EMPTY, USERS])).endswith(
        "\n\nno consumer group has committed offsets for any of them\n"
    )


def facts(*partitions: Contents | None, **positions: int) -> TopicFacts:
    """Return the facts of a topic that one group, g, reads, by its positions in partitions p0, p1, …."""
    of_group = {("t", int(name[1:])): position for name, position in positions.items()}
    return describe("t", partitions, Groups([Group("g", "empty", of_group)], are_all=True, remarks=[]))


def test_records_and_lag_are_distances_of_offsets_up_to_the_last_record() -> None:
    #   offsets 100 … 1,098 contain records, or did; 1,099 the end of a transaction
    found = facts(Contents(100, 1_099, T * 1000, is_read=True, last_ms=(T + 9) * 1000), p0=1_090)
    assert (found.records, found.are_at_most) == (999, True)
    assert (found.first, found.last) == (Moment.of(T), Moment.of(T + 9))
    assert found.groups == [Reader("g", "empty", 9)]


def test_a_topic_of_aborted_records_has_no_record_and_no_time() -> None:
    #   offsets 0 … 3 were aborted by 4: the broker finds a first timestamp, and a consumer no record
    found = facts(Contents(0, 0, T * 1000, is_read=True, last_ms=None), p0=0)
    assert (found.records, found.are_at_most, found.first, found.last) == (0, False, None, None)
    assert found.groups == [Reader("g", "empty", 0)]


def test_the_first_and_last_time_are_those_of_all_partitions_and_lags_add_up() -> None:
    early = Contents(0, 2, (T + 5) * 1000, is_read=True, last_ms=(T + 6) * 1000)
    late = Contents(10, 13, (T + 1) * 1000, is_read=True, last_ms=(T + 2) * 1000)
    empty = Contents(7, 7, None, is_read=True, last_ms=None)
    found = facts(early, late, empty, p0=1)
    assert (found.records, found.first, found.last) == (5, Moment.of(T + 1), Moment.of(T + 6))
    assert found.groups == [Reader("g", "empty", 1 + 3)]


def test_a_fact_unknown_for_one_partition_is_unknown_for_the_topic() -> None:
    known = Contents(0, 2, T * 1000, is_read=True, last_ms=T * 1000)
    found = facts(known, None, p0=2)
    assert found == TopicFacts("t", 2, None, are_at_most=False, first=None, last=None,
                              groups=[Reader("g", "empty", None)], are_all_groups=True)  # fmt: skip


def test_without_the_last_record_offsets_count_up_to_the_end_and_no_time_is_shown() -> None:
    known = Contents(0, 2, T * 1000, is_read=True, last_ms=T * 1000)
    found = facts(known, Contents(0, 2, T * 1000, is_read=False), p0=2)
    assert (found.records, found.are_at_most, found.first, found.last) == (4, True, None, None)
    assert found.groups == [Reader("g", "empty", 2)]


def test_groups_that_the_broker_does_not_report_are_shown_as_unknown() -> None:
    found = describe("t", [], Groups([], are_all=False, remarks=["why"]))
    assert (found.groups, found.are_all_groups) == (None, False)
    assert lines(topics_text.readers([found])) == ["topic  read by  state  lag", "t      ?        ?        ?"]


def test_the_name_of_a_group_stays_in_its_row_and_column() -> None:
    contents = Contents(0, 5, None, is_read=False)
    found = describe("t", [contents], Groups([Group("nl\nt  forged\t\x1b", "empty", {("t", 0): 5})], True, []))
    assert lines(topics_text.readers([found])) == [
        "topic  read by              state  lag",
        r"t      nl\nt  forged\t\x1b  empty    0",
    ]


def test_known_groups_are_shown_beside_unknown_ones() -> None:
    found = describe(
        "t", [Contents(0, 5, None, is_read=False)], Groups([Group("g", "empty", {("t", 0): 5})], False, ["why"])
    )
    assert found.groups == [Reader("g", "empty", 0)]
    assert lines(topics_text.readers([found])) == [
        "topic  read by  state  lag",
        "t      g        empty    0",
        "t      ?        ?        ?",
    ]
