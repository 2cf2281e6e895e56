import hashlib
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.frames.producer import generator
from metrics.wording.errors import SettingsError

FIRST = 1_468_244_384


class Members(list[tuple[str, Any]]):
    """A JSON object as its members in the order and number in which they are written."""


def members(frame: bytes) -> Members:
    root = json.loads(frame, object_pairs_hook=Members)
    assert isinstance(root, Members)
    return root


def objects_inside(value: Any) -> Iterator[Members]:
    """Yield every object within a value, the value itself too."""
    if isinstance(value, Members):
        yield value
        for _, inner in value:
            yield from objects_inside(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects_inside(inner)


def depth(value: Any) -> int:
    if isinstance(value, Members):
        return 1 + max((depth(inner) for _, inner in value), default=0)
    return max((1 + depth(inner) for inner in value), default=1) if isinstance(value, list) else 0


def timestamps(frames: Iterator[bytes]) -> list[int]:
    return [json.loads(frame)["ts"] for frame in frames]


def uids(frames: Iterator[bytes]) -> list[str]:
    return [json.loads(frame)["uid"] for frame in frames]


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    return list(generator.frames(count=3_000))


@pytest.fixture(scope="module")
def roots(frames: list[bytes]) -> list[Members]:
    return [members(frame) for frame in frames]


def test_the_same_arguments_give_the_same_bytes_in_any_version_and_on_any_machine() -> None:
    digest = hashlib.sha256()
    for frame in generator.frames(
        count=300, rate=20, users=50, delay_s=5, delay_probability=0.1, start_ts=FIRST, seed=7
    ):
        digest.update(frame + b"\n")
    assert digest.hexdigest() == "795900e8ecc05554b9d8e3a64f9c3ebee6659420e55cda89e33563fe543941b9"


def test_another_seed_gives_other_bodies_users_and_seconds() -> None:
    one = list(generator.frames(count=500, seed=1))
    two = list(generator.frames(count=500, seed=2))
    assert not set(one) & set(two)
    assert not set(uids(iter(one))) & set(uids(iter(two)))
    assert timestamps(iter(one)) != timestamps(iter(two))


def test_a_smaller_count_gives_the_beginning_of_a_larger_one() -> None:
    assert list(generator.frames(count=20)) == list(generator.frames(count=40))[:20]


def test_every_frame_is_one_line_of_json_with_an_int_ts_and_a_uid_of_19_hex_digits_once_in_its_root(
    frames: list[bytes], roots: list[Members]
) -> None:
    assert len(frames) == 3_000
    for frame, root in zip(frames, roots, strict=True):
        assert b"\n" not in frame
        (ts,) = [value for key, value in root if key == "ts"]
        (uid,) = [value for key, value in root if key == "uid"]
        assert type(ts) is int
        assert re.fullmatch("[0-9a-f]{19}", uid)


def test_no_two_frames_are_equal(frames: list[bytes]) -> None:
    assert len(set(frames)) == 3_000


def test_a_frame_is_about_2080_bytes_long(frames: list[bytes]) -> None:
    sizes_bytes = [len(frame) for frame in frames]
    assert 2_060 < sum(sizes_bytes) / len(sizes_bytes) < 2_100
    assert min(sizes_bytes) >= 2_048
    assert max(sizes_bytes) < 2_160


def test_ts_and_uid_are_anywhere_in_the_root(roots: list[Members]) -> None:
    places = [([key for key, _ in root].index("ts"), [key for key, _ in root].index("uid")) for root in roots]
    last = [len(root) - 1 for root in roots]
    ts_first = sum(ts < uid for ts, uid in places)
    assert 0.4 < ts_first / len(roots) < 0.6
    for which in (0, 1):
        assert len({place[which] for place in places}) > 30
        assert any(place[which] == 0 for place in places)
        assert any(place[which] == end for place, end in zip(places, last, strict=True))
    assert any(abs(ts - uid) == 1 for ts, uid in places)
    assert any(abs(ts - uid) > 15 for ts, uid in places)


def test_keys_repeat_in_most_roots_and_in_some_objects_inside(roots: list[Members]) -> None:
    def repeats(found: Members) -> bool:
        return len({key for key, _ in found}) < len(found)

    assert sum(map(repeats, roots)) / len(roots) > 0.9
    inside = [found for root in roots for _, value in root for found in objects_inside(value)]
    assert sum(map(repeats, inside)) > 100


def test_nested_objects_have_a_ts_and_a_uid_of_every_json_type_but_null(roots: list[Members]) -> None:
    types: dict[str, Counter[str]] = {"ts": Counter(), "uid": Counter()}
    for root in roots:
        for _, value in root:
            for found in objects_inside(value):
                for key, inner in found:
                    if key in types:
                        types[key][type(inner).__name__] += 1
    assert set(types["ts"]) == {"str", "int", "float", "bool", "list", "Members"}
    assert set(types["uid"]) == {"str", "int", "float", "bool", "list", "Members"}


def test_values_are_nested_two_to_seven_deep(roots: list[Members]) -> None:
    depths = {depth(root) for root in roots}
    assert min(depths) == 2
    assert 4 <= max(depths) <= 7


def test_strings_have_every_escape_of_the_real_frames_and_no_other(frames: list[bytes]) -> None:
    found = Counter(re.findall(rb"\\.", b"".join(frames)))
    assert set(found) == {rb"\"", rb"\\", rb"\b", rb"\f", rb"\n", rb"\r", rb"\t"}
    assert min(found.values()) > 10_000


def test_most_frames_contain_cyrillic_text_as_utf_8(frames: list[bytes]) -> None:
    cyrillic = [frame for frame in frames if re.search(r"[\u0430-\u044f]{3}", frame.decode())]
    assert 0.9 < len(cyrillic) / len(frames) < 1


def test_roots_contain_ints_floats_with_and_without_exponent_booleans_and_empty_objects_and_arrays(
    frames: list[bytes], roots: list[Members]
) -> None:
    values = [value for root in roots for key, value in root if key not in ("ts", "uid")]
    shares = Counter(type(value).__name__ for value in values)
    assert min(shares[name] for name in ("int", "float", "bool", "str")) > 2_000
    assert sum(value == [] and not isinstance(value, Members) for value in values) > 2_000
    assert sum(value == [] and isinstance(value, Members) for value in values) > 2_000
    assert any(value is True for value in values)
    assert any(value is False for value in values)
    text = b"".join(frames)
    assert len(re.findall(rb":0\.[0-9]{6}[,}]", text)) > 1_000
    assert len(re.findall(rb":[1-9]\.[0-9]{5}e-05[,}]", text)) > 50


def test_timestamps_start_at_start_ts_and_never_go_backwards_without_delay() -> None:
    found = timestamps(generator.frames(count=5_000, delay_s=0, delay_probability=1, start_ts=1_000))
    assert found[0] == 1_000
    assert found == sorted(found)


def test_one_frame_a_second_comes_in_each_second() -> None:
    assert timestamps(generator.frames(count=5, rate=1, start_ts=100)) == [100, 101, 102, 103, 104]


def test_half_a_frame_per_second_is_a_frame_in_every_other_second() -> None:
    assert timestamps(generator.frames(count=4, rate=0.5, start_ts=100)) == [100, 102, 104, 106]


def test_a_slow_rate_that_does_not_divide_seconds_leaves_gaps_of_both_lengths() -> None:
    found = timestamps(generator.frames(count=1_000, rate=0.4, start_ts=0))
    steps = {after - before for before, after in itertools.pairwise(found)}
    assert steps == {2, 3}
    assert 2_400 < found[-1] < 2_600


@pytest.mark.parametrize("delay_s", [0, 5])
def test_the_rate_is_right_on_average_and_no_second_is_left_out_while_seconds_vary(delay_s: int) -> None:
    found = timestamps(generator.frames(count=20_000, rate=100, delay_s=delay_s, start_ts=FIRST))
    seconds = Counter(found)
    assert 180 < max(found) - FIRST + 1 < 220
    assert set(range(FIRST, max(found) + 1)) <= set(seconds)
    assert min(seconds.values()) < 20
    assert max(seconds.values()) > 250  # as in the real ones: 1 to 441 at this rate


def test_a_delayed_frame_is_one_to_delay_s_seconds_older_than_the_newest_before_it() -> None:
    newest = 0
    delays: Counter[int] = Counter()
    for ts in timestamps(generator.frames(count=20_000, rate=1_000, delay_s=4, delay_probability=0.1)):
        newest = max(newest, ts)
        delays[newest - ts] += 1
    assert set(delays) == {0, 1, 2, 3, 4}
    assert 0.09 < 1 - delays[0] / 20_000 < 0.11
    assert all(400 < delays[delay] < 600 for delay in (1, 2, 3, 4))


def test_every_frame_but_the_first_can_be_delayed() -> None:
    found = timestamps(generator.frames(count=50, rate=1, delay_s=1, delay_probability=1, start_ts=100))
    assert found == [100] + [99] * 49


def test_delays_change_nothing_but_the_ts_of_the_delayed_frames() -> None:
    ordered = list(generator.frames(count=2_000, rate=10, delay_s=0))
    delayed = list(generator.frames(count=2_000, rate=10, delay_s=3, delay_probability=0.05))
    changed = [(one, other) for one, other in zip(ordered, delayed, strict=True) if one != other]
    assert 60 < len(changed) < 140
    for one, other in changed:
        was, now = json.loads(one), json.loads(other)
        assert now["ts"] < was["ts"]
        assert one.replace(b'"ts":%d' % was["ts"], b"") == other.replace(b'"ts":%d' % now["ts"], b"")


def test_another_number_of_users_changes_nothing_but_the_uids() -> None:
    some = list(generator.frames(count=300, users=10))
    others = list(generator.frames(count=300, users=1_000_000_000))
    for one, other in zip(some, others, strict=True):
        assert one.replace(json.loads(one)["uid"].encode(), b"") == other.replace(
            json.loads(other)["uid"].encode(), b""
        )


def test_users_are_drawn_with_equal_chances() -> None:
    counts = Counter(uids(generator.frames(count=20_000, users=10)))
    assert len(counts) == 10
    assert all(1_800 < count < 2_200 for count in counts.values())


@pytest.mark.parametrize(
    ("users", "fewest", "most"),
    [
        (1, 1, 1),
        (100, 100, 100),
        (5_000, 4_870, 4_940),  # 5,000 less the share of 1/e^4 that nobody drew: 4,908
        (2**53, 20_000, 20_000),
    ],
)
def test_20000_frames_come_from_the_number_of_distinct_users_that_chance_predicts(
    users: int, fewest: int, most: int
) -> None:
    assert fewest <= len(set(uids(generator.frames(count=20_000, users=users)))) <= most


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 60),
    rate=st.floats(0.001, 10_000),
    users=st.integers(1, 2**53),
    delay_s=st.integers(0, 1_000),
    delay_probability=st.floats(0, 1),
    start_ts=st.integers(1_000, 4_000_000_000),
    seed=st.integers(0, 2**70),
)
def test_frames_keep_the_promises_of_any_arguments(
    count: int, rate: float, users: int, delay_s: int, delay_probability: float, start_ts: int, seed: int
) -> None:
    found = [
        dict(members(frame))
        for frame in generator.frames(
            count=count,
            rate=rate,
            users=users,
            delay_s=delay_s,
            delay_probability=delay_probability,
            start_ts=start_ts,
            seed=seed,
        )
    ]
    assert len(found) == count
    assert len({frame["uid"] for frame in found}) <= users
    newest = start_ts
    for index, frame in enumerate(found):
        assert newest - delay_s <= frame["ts"] <= start_ts + index * (int(1 / rate) + 1)
        newest = max(newest, frame["ts"])


def test_wrong_arguments_are_named_each_with_what_was_given_and_what_is_allowed() -> None:
    with pytest.raises(SettingsError) as caught:
        generator.frames(count=0, rate=-1.5, users=0, delay_s=-1, delay_probability=1.5, start_ts=-7, seed=-2)
    assert str(caught.value).splitlines() == [
        "the frames cannot be generated",
        "why: --count 0: must be a whole number, 1 or more",
        "     --rate -1.5: must be a number, 0.00001 or more",
        "     --users 0: must be a whole number, 1 to 9007199254740992",
        "     --delay-s -1: must be a whole number, 0 or more",
        "     --delay-probability 1.5: must be a number, 0 to 1",
        "     start_ts=-7: must be a whole number, 0 (--delay-s) to 253402300799",
        "     --seed -2: must be a whole number, 0 or more",
        "hint: correct the options",
    ]


@pytest.mark.parametrize(
    ("rate", "given"), [(0.0, "0"), (float("nan"), "nan"), (float("inf"), "inf"), (1e-320, "1e-320")]
)
def test_a_rate_without_meaning_is_refused(rate: float, given: str) -> None:
    with pytest.raises(SettingsError, match=f"--rate {given}: must be"):
        generator.frames(rate=rate)


def test_a_probability_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(SettingsError, match="--delay-probability nan: must be a number, 0 to 1"):
        generator.frames(delay_probability=float("nan"))


def test_delays_that_would_reach_before_the_epoch_are_refused() -> None:
    with pytest.raises(SettingsError, match=re.escape("start_ts=4: must be a whole number, 5 (--delay-s) to")):
        generator.frames(start_ts=4, delay_s=5)


def test_frames_that_would_reach_the_year_10000_are_refused() -> None:
    last = 253_402_300_799
    assert next(generator.frames(count=1, rate=2, start_ts=last - 1))
    with pytest.raises(SettingsError, match=r"--count 3 with --rate 2: must end before the year 10000"):
        generator.frames(count=3, rate=2, start_ts=last - 1)
