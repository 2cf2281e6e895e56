"""Times and ranges as people write them; it is 2016-07-11T13:40:00.9Z, that is 1468244400.9."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.time.moments import ALL_TIME, Range, duration_of, range_of, second_of
from metrics.wording.errors import SettingsError

NOW_S = 1_468_244_400.9


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("now", 1_468_244_400),
        ("-0s", 1_468_244_400),
        ("-90s", 1_468_244_310),
        ("-10m", 1_468_243_800),
        ("-1h", 1_468_240_800),
        ("-1h30m", 1_468_239_000),
        ("-2d", 1_468_071_600),
        ("-1d2h3m4s", 1_468_150_616),
        ("1468244340", 1_468_244_340),
        ("2016-07-11T13:39:00Z", 1_468_244_340),
        ("2016-07-11T13:39:00.5Z", 1_468_244_341),
        ("2016-07-11T13:39", 1_468_244_340),
        ("2016-07-11T15:39+02:00", 1_468_244_340),
        ("2016-07-11", 1_468_195_200),
    ],
)
def test_a_time_has_several_forms(text: str, second: int) -> None:
    assert second_of("--from", text, now_s=NOW_S) == second


def test_a_time_zone_moves_times_without_an_offset_and_no_others() -> None:
    def at(text: str) -> int:
        return second_of("--from", text, ZoneInfo("Europe/Berlin"), now_s=NOW_S)

    assert at("2016-07-11T13:39") == 1_468_237_140
    assert at("2016-07-11T13:39Z") == 1_468_244_340
    assert at("-1h") == 1_468_240_800


@pytest.mark.parametrize(
    "text", ["", "-", "-1", "1h", "+1h", "-1h ", "-1 h", "-h", "-1w", "-1H", "-1.5h", "--1h", "-1h-1m", "Now", "-²h"]
)
def test_what_is_not_a_time_is_refused_and_the_forms_are_named(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        second_of("--from", text, now_s=NOW_S)
    assert refused.value.what == f"invalid --from time {text!r}"
    for form in ("2016-07-11T13:39:00Z", "2016-07-11T13:39", "2016-07-11", "since the epoch", "now", "-90s", "-1h30m"):
        assert form in refused.value.hint


@pytest.mark.parametrize("text", ["-16993d13h40m1s", "-999999999d", "253402300860", "-" + "999999999d" * 1_000])
def test_a_time_before_1970_or_after_9999_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="invalid --from time"):
        second_of("--from", text, now_s=NOW_S)


def test_the_first_second_of_1970_is_a_time() -> None:
    assert second_of("--from", "-16993d13h40m", now_s=NOW_S) == 0


@given(st.lists(st.tuples(st.integers(0, 999_999_999), st.sampled_from("smhd")), min_size=1))
def test_a_duration_is_the_sum_of_its_parts(parts: list[tuple[int, str]]) -> None:
    units_s = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
    text = "".join(f"{number}{unit}" for number, unit in parts)
    assert duration_of(text) == sum(number * units_s[unit] for number, unit in parts)


def test_a_range_is_given_by_its_ends_or_by_its_length_until_now() -> None:
    assert range_of(None, None, now_s=NOW_S) == ALL_TIME
    assert range_of("-1h", None, now_s=NOW_S) == Range(1_468_240_800, ALL_TIME.end)
    assert range_of("-1h", "now", now_s=NOW_S) == Range(1_468_240_800, 1_468_244_400)
    assert range_of(None, "-1h", now_s=NOW_S) == Range(0, 1_468_240_800)
    assert range_of(None, None, "10m", now_s=NOW_S) == Range(1_468_243_800, 1_468_244_400)
    assert range_of(None, None, "99999d", now_s=NOW_S) == Range(0, 1_468_244_400)


@pytest.mark.parametrize(
    ("start", "end", "last", "what"),
    [
        ("-1h", "-2h", None, "--from -1h is not before --to -2h"),
        ("now", "now", None, "--from now is not before --to now"),
        ("-1h", None, "10m", "--last and --from contradict each other"),
        (None, "now", "10m", "--last and --to contradict each other"),
        (None, None, "10", "invalid --last duration '10'"),
        (None, None, "-10m", "invalid --last duration '-10m'"),
        (None, None, "0s", "invalid --last duration '0s'"),
        (None, None, "", "invalid --last duration ''"),
    ],
)
def test_a_contradictory_range_is_refused(start: str | None, end: str | None, last: str | None, what: str) -> None:
    with pytest.raises(SettingsError) as refused:
        range_of(start, end, last, now_s=NOW_S)
    assert refused.value.what == what
    assert refused.value.hint
