"""The republished stream against the frames: answers worked out by hand, then random streams against multisets."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import pytest

from metrics.frames.verify.recount.findings import Difference, Findings, Kind
from metrics.frames.verify.recount.republished import (
    ANY_TIME_MS,
    ELSEWHERE,
    Records,
    Republished,
    StreamComparison,
    TimestampLimits,
    add_to_findings,
    groups,
)
from metrics.frames.verify.recount.sums import Sum, total

UNLIMITED = TimestampLimits(ANY_TIME_MS, ANY_TIME_MS)
HOUR_MS = 3_600_000


class Record(NamedTuple):
    """A frame, or a copy of one."""

    value: bytes
    timestamp_ms: int | None = 1000
    key: bytes | None = b"key"
    headers: tuple[tuple[str, str | bytes | None], ...] = ()


Topic = Mapping[int, Sequence[Record]]


def summed(records: Iterable[Record], first: int = 0) -> Sum:
    found = Sum()
    for offset, at in enumerate(records, first):
        found.add(offset, at.key, at.value, list(at.headers), at.timestamp_ms)
    return found


def of(topic: str, partitions: Topic) -> Records:
    def last(partition: int, most: int) -> Sum:
        records = partitions[partition]
        return summed(records[len(records) - most :], len(records) - most)

    return Records(topic, {number: summed(records) for number, records in partitions.items()}, last)


def compared(
    frames: Topic, copies: Topic, *, incomplete: Sequence[int] = (), limits: TimestampLimits = UNLIMITED
) -> Republished:
    return StreamComparison(of("in", frames), of("out", copies), incomplete, limits).run()


def letters(text: str) -> list[Record]:
    """Return a record for each letter."""
    return [Record(letter.encode()) for letter in text]


def one(frames: str, copies: str, *, is_complete: bool = True) -> Republished:
    """Compare one partition; each letter is a record."""
    return compared({0: letters(frames)}, {0: letters(copies)}, incomplete=() if is_complete else (0,))


def differences(found: Republished) -> list[tuple[Kind, str, str]]:
    return [(at.kind, at.recount, at.published) for at in found.differences]


@pytest.mark.parametrize(
    ("copies", "expected"),
    [
        ("abcdefgh", []),
        ("abdcefgh", []),  # the order is not compared
        ("abcefgh", [(Kind.FRAME_MISSING, "8 frames of in/0", "7 frames in out/0")]),
        ("abcdefg", [(Kind.FRAME_MISSING, "8 frames of in/0", "7 frames in out/0")]),
        ("abcddefgh", [(Kind.FRAME_TOO_MANY, "8 frames of in/0", "9 frames in out/0")]),
        ("abcdefabcdefgh", [(Kind.FRAME_TOO_MANY, "8 frames of in/0", "14 frames in out/0")]),
        ("Xabcdefgh", [(Kind.FRAME_TOO_MANY, "8 frames of in/0", "9 frames in out/0")]),
        ("abcXefgh", [(Kind.FRAME_DIFFERS, "8 frames of in/0", "8 frames in out/0")]),
        ("Xbcdefgh", [(Kind.FRAME_DIFFERS, "8 frames of in/0", "8 frames in out/0")]),
        ("abccefgh", [(Kind.FRAME_DIFFERS, "8 frames of in/0", "8 frames in out/0")]),
        ("Xdefgh", [(Kind.FRAME_MISSING, "8 frames of in/0", "6 frames in out/0")]),
    ],
)
def test_what_was_done_to_a_stream_is_found(copies: str, expected: list[tuple[Kind, str, str]]) -> None:
    found = one("abcdefgh", copies)
    assert differences(found) == expected
    assert found.compared == (0 if expected else 8)


def test_a_stream_that_begins_later_is_compared_from_there_on() -> None:
    found = one("abcdefgh", "defgh")
    assert (differences(found), found.begins, found.compared) == ([], {0: 3}, 5)


def test_equal_frames_leave_no_doubt_at_which_frame_a_stream_begins() -> None:
    found = one("aaaaaaaaaaaaaaa", "aaaaa")
    assert (differences(found), found.begins) == ([], {0: 10})


def test_an_empty_stream_has_no_differences() -> None:
    found = one("abc", "")
    assert (differences(found), found.begins, found.compared) == ([], {}, 0)
    findings = Findings()
    add_to_findings(found, "in", "out", findings, was_reset=False)
    assert findings.remarks == ["out contains no frame of in"]


def test_a_stream_that_was_switched_off_for_a_while_lacks_the_frames_between() -> None:
    assert differences(one("abcdefghijklmnopqrstuvwxyz", "abcxyz")) == [
        (Kind.FRAME_MISSING, "26 frames of in/0", "6 frames in out/0")
    ]


def test_copies_older_than_the_input_are_reported_and_not_judged() -> None:
    found = one("defgh", "abcdefgh", is_complete=False)
    assert (differences(found), found.older, found.compared) == ([], 3, 5)
    assert differences(one("defgh", "abcXefgh", is_complete=False)) == [
        (Kind.FRAME_DIFFERS, "5 frames of in/0", "8 frames in out/0")
    ]
    found = one("defgh", "fgh", is_complete=False)
    assert (differences(found), found.begins) == ([], {0: 2})


def test_a_frame_in_another_partition_than_its_own_is_missing_there_and_too_many_here() -> None:
    found = compared({0: letters("abc"), 1: letters("ABC")}, {0: letters("abBc"), 1: letters("AC")})
    assert found.differences == [
        Difference(Kind.FRAME_TOO_MANY, "republished", None, "3 frames of in/0", "4 frames in out/0", ELSEWHERE),
        Difference(Kind.FRAME_MISSING, "republished", None, "3 frames of in/1", "2 frames in out/1", ELSEWHERE),
    ]


def test_partitions_that_the_stream_has_beyond_those_of_the_input_hold_nothing() -> None:
    found = compared({0: letters("abc")}, {0: letters("abc"), 1: letters("x"), 2: []})
    assert differences(found) == [(Kind.FRAME_TOO_MANY, "", "1 frame in out/1")]


def test_frames_may_be_in_any_partition_if_the_stream_has_fewer() -> None:
    frames = {0: letters("abc"), 1: letters("ABC"), 2: letters("xyz")}
    assert compared(frames, {0: letters("AaxyBbcCz")}).compared == 9
    assert compared(frames, {0: letters("axbycz"), 1: letters("ABC")}).compared == 9
    assert differences(compared(frames, {0: letters("axbycz"), 1: letters("ABX")})) == [
        (Kind.FRAME_DIFFERS, "9 frames of in", "9 frames in out")
    ]
    assert differences(compared(frames, {0: letters("axbycz"), 1: letters("ABCC")})) == [
        (Kind.FRAME_TOO_MANY, "9 frames of in", "10 frames in out")
    ]


def test_a_stream_of_fewer_partitions_and_fewer_frames_is_not_compared() -> None:
    frames = {0: letters("abc"), 1: letters("ABC")}
    for found in (compared(frames, {0: letters("abcAB")}), compared(frames, {0: letters("abcABCD")}, incomplete=[1])):
        assert (differences(found), found.compared) == ([], 0)
        [sentence] = found.undecided
        assert "fewer partitions" in sentence
        assert "not compared" in sentence


def test_key_bytes_headers_and_their_limits_are_compared() -> None:
    right = Record(b"ab", 1000, b"k", (("a", b"b"), ("c", None)))
    others = [
        right._replace(key=None),
        right._replace(key=b""),
        right._replace(key=b"ka", value=b"b"),
        right._replace(value=b"ab "),
        right._replace(headers=()),
        right._replace(headers=(("c", None), ("a", b"b"))),
        right._replace(headers=(("a", b"b"), ("c", b""))),
        right._replace(headers=(("ab", b""), ("c", None))),
    ]
    contents = {summed([at]).content for at in (right, *others)}
    assert len(contents) == 1 + len(others)
    for other in others:
        assert differences(compared({0: [right]}, {0: [other]})) == [
            (Kind.FRAME_DIFFERS, "1 frame of in/0", "1 frame in out/0")
        ]


@pytest.mark.parametrize(
    ("frame_ms", "copy_ms", "behind_ms", "ahead_ms", "expected"),
    [
        (5000, 5000, ANY_TIME_MS, ANY_TIME_MS, "own"),
        (5000, 5001, ANY_TIME_MS, ANY_TIME_MS, "wrong"),
        (5000, 4999, ANY_TIME_MS, ANY_TIME_MS, "wrong"),
        (5000, 4999, ANY_TIME_MS, HOUR_MS, "moved"),  # a limit ahead moves timestamps back
        (5000, 5001, ANY_TIME_MS, HOUR_MS, "wrong"),
        (5000, 5001, HOUR_MS, ANY_TIME_MS, "moved"),  # and one behind moves them on
        (5000, 4999, HOUR_MS, ANY_TIME_MS, "wrong"),
        (None, 77, ANY_TIME_MS, ANY_TIME_MS, "own"),  # a frame without one gets that of the moment
        (5000, None, ANY_TIME_MS, ANY_TIME_MS, "own"),  # a topic that stamps its records itself
    ],
)
def test_a_timestamp_must_be_the_frames_own_unless_a_limit_of_the_topic_explains_it(
    frame_ms: int | None, copy_ms: int | None, behind_ms: int, ahead_ms: int, expected: str
) -> None:
    frames, copies = [Record(b"x", 1), Record(b"a", frame_ms)], [Record(b"x", 1), Record(b"a", copy_ms)]
    found = compared({0: frames}, {0: copies}, limits=TimestampLimits(behind_ms, ahead_ms))
    notes = [difference.note for difference in found.differences]
    assert (notes, found.moved) == {
        "own": ([], []),
        "wrong": (["not the same timestamps"], []),
        "moved": ([], ["out/0"]),
    }[expected]


def test_timestamps_that_were_exchanged_are_found_by_no_limit_in_one_direction_explained() -> None:
    frames = [Record(b"a", 1), Record(b"b", 3)]
    for limits, is_wrong in (
        (UNLIMITED, True),
        (TimestampLimits(ANY_TIME_MS, HOUR_MS), True),
        (TimestampLimits(HOUR_MS, HOUR_MS), False),
    ):
        found = compared({0: frames}, {0: [Record(b"a", 3), Record(b"b", 1)]}, limits=limits)
        assert bool(found.differences) == is_wrong


@pytest.mark.parametrize(
    ("copies", "note"), [("abcX", "not the same frames"), ("abc", ""), ("abcdd", "")], ids=["altered", "fewer", "more"]
)
def test_if_frames_differ_and_their_numbers_may_not_the_note_says_so(copies: str, note: str) -> None:
    findings = Findings()
    add_to_findings(one("abcd", copies), "in", "out", findings, was_reset=False)
    assert [kept.note for kept in findings.kept] == [note]


def test_after_a_reset_a_difference_says_what_else_may_explain_it() -> None:
    findings = Findings()
    add_to_findings(one("abcd", "abcdcd"), "in", "out", findings, was_reset=True)
    [difference] = findings.kept
    assert (difference.kind, findings.agrees) == (Kind.FRAME_TOO_MANY, False)
    assert difference.note.startswith("the group was reset: ")


# Random streams: some partitions, frames that often look alike, republished in batches, in any number of partitions.

Copies = dict[int, list[Record]]


def draw(seed: int) -> tuple[random.Random, Copies, Copies]:
    chance = random.Random(seed)
    inputs, outputs = chance.randint(1, 4), chance.randint(1, 4)
    alphabet = chance.choice([3, 20, 10**6])
    frames = {
        number: [
            Record(b"%d" % chance.randrange(alphabet), chance.randrange(1, 4)) for _ in range(chance.randrange(60))
        ]
        for number in range(inputs)
    }
    copies: Copies = {number: [] for number in range(outputs)}
    left = {number: list(records) for number, records in frames.items()}
    while any(left.values()):
        number = chance.choice([number for number, records in left.items() if records])
        for _ in range(chance.randint(1, 5)):
            if left[number]:
                target = number if number < outputs else chance.randrange(outputs)
                copies[target].append(left[number].pop(0))
    return chance, frames, copies


def agrees(frames: Copies, copies: Copies) -> bool | None:
    """Compare multisets, plainly: the last frames of each partition; None where that is not known."""
    verdicts: list[bool | None] = []
    if not any(copies.values()):
        return True
    for inputs, outputs in groups(frames, len(copies)):
        expected = list(chain.from_iterable(frames[number] for number in inputs))
        there = list(chain.from_iterable(copies[number] for number in outputs))
        if len(inputs) > 1 and len(there) < len(expected):
            verdicts.append(None)
        else:
            verdicts.append(Counter(expected[max(0, len(expected) - len(there)) :]) == Counter(there))
    return False if False in verdicts else None if None in verdicts else True


def remove(chance: random.Random, copies: list[Record]) -> None:
    del copies[chance.randrange(len(copies))]


def remove_first(chance: random.Random, copies: list[Record]) -> None:
    del copies[: chance.randrange(len(copies) + 1)]


def double(chance: random.Random, copies: list[Record]) -> None:
    copies.append(chance.choice(copies))


def falsify(chance: random.Random, copies: list[Record]) -> None:
    number = chance.randrange(len(copies))
    forged = [{"value": b"%d" % chance.randrange(3)}, {"key": None}, {"headers": (("a", b""),)}, {"timestamp_ms": 9}]
    copies[number] = copies[number]._replace(**chance.choice(forged))  # type: ignore[arg-type]


def insert(chance: random.Random, copies: list[Record]) -> None:
    copies.insert(chance.randrange(len(copies) + 1), Record(b"false"))


def shuffle(chance: random.Random, copies: list[Record]) -> None:
    chance.shuffle(copies)


FORGERIES = (remove, remove_first, double, falsify, insert, shuffle)


@pytest.mark.parametrize("forgeries", [0, 1, 2])
def test_sums_distinguish_what_multisets_distinguish(forgeries: int) -> None:
    verdicts: Counter[bool | None] = Counter()
    for seed in range(2_000):
        chance, frames, copies = draw(seed)
        for _ in range(forgeries):
            forged = copies[chance.choice(list(copies))]
            if forged:
                chance.choice(FORGERIES)(chance, forged)
        found = compared(frames, copies)
        expected = agrees(frames, copies)
        if found.differences or expected is False:
            assert (bool(found.differences), expected) == (True, False), seed
        else:
            assert bool(found.undecided) == (expected is None), seed
        verdicts[expected] += 1
        if not forgeries:
            assert found.compared == sum(map(len, frames.values())), seed
    if forgeries:
        assert min(verdicts[True], verdicts[False], verdicts[None]) > 50
    else:
        assert set(verdicts) == {True}


def test_the_total_of_some_sums_is_the_sum_of_all_records() -> None:
    _, frames, _ = draw(7)
    whole = summed(chain.from_iterable(frames.values()))
    whole.first = -1
    assert vars(total(map(summed, frames.values()))) == vars(whole)
