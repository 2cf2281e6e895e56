"""The numbers at the top of the page, and the words beside them."""

import pytest

from metrics.frames.core.state import PartitionState, Rules, State, Tally
from metrics.frames.core.windows import Series
from metrics.frames.results.read import Result
from metrics.frames.sizes import MINUTE, SECOND
from metrics.frames.status.facts import Activity, PartitionEnd, Seen, Status, describe
from metrics.frames.web import figures
from metrics.text import duration
from metrics.times import clock
from metrics.web.cards import Figure
from tests.frames.windows import minute_record, second_record, series

T = 1468244340  # 2016-07-11T13:39:00Z


def status(at_s: int, tally: Tally, newest: int = T + 70, unread: int = 0) -> Status:
    """Return a group of one partition as it was seen at a time; closed is through 13:40:05."""
    partition = PartitionState(1_000, 900, T, newest, T + 65, 12, 0, 0, tally, oldest={1: T + 65, 60: T})
    closed = series(Series(T, 65, 640, T + 65), Series(T - 60, 1, 7, T))
    state = State(T + 65, Rules(5, 3600), closed, {0: partition})
    ends = {0: PartitionEnd(1_000 + unread, 1_000 + unread, unread, None, None)}
    return describe(Seen("group", "frames", at_s, "89abcdef", Activity.ACTIVE, state, (), ends, [], 10))


def by_name(status: Status | None) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures.of_group(status)}


def test_figures_of_live_traffic() -> None:
    shown = by_name(status(T + 73, Tally(1_000, 994, 4, 3, 0, 0, {"late": 1, "not_json": 2}), unread=1_204))
    assert [(figure.name, figure.number, figure.meaning) for figure in shown.values()] == [
        ("Event time", "13:40:10", "newest ts, 3 s behind wall time"),
        ("Wall time", "13:40:13", "last refreshed (2016-07-11)"),
        ("Lag", "1,204", "unread records, at most"),
        ("Watermark delay", "8 s", "windows are closed up to 13:40:05 (allowed lateness 5 s)"),
        ("Late", "0.400%", "4 frames arrived after their second was closed; 3 still counted for their minute"),
        ("Rejected", "0.300%", "3 frames not counted: 1 late, 2 not_json"),
    ]


@pytest.mark.parametrize(
    ("at_s", "meaning"),
    [
        (T + 70, "newest ts, level with wall time"),
        (T + 69, "newest ts, 1 s ahead of wall time"),
        (T + 70 + 3_600, "newest ts, 1 h behind wall time (not live traffic)"),
        (T + 70 + 320_000_000, "newest ts (2016-07-11), 10 years behind wall time (not live traffic)"),
    ],
)
def test_the_distance_between_event_time_and_wall_time_is_shown(at_s: int, meaning: str) -> None:
    assert by_name(status(at_s, Tally(1, 1)))["Event time"].meaning == meaning


def test_without_lag_it_is_caught_up_and_without_decided_frames_there_is_no_share() -> None:
    shown = by_name(status(T + 73, Tally(2, 0, held=2)))
    assert shown["Lag"] == Figure("Lag", "0", "caught up")
    assert shown["Late"].number == shown["Rejected"].number == "-"
    assert shown["Rejected"].meaning == "0 frames not counted"


def test_without_a_state_or_a_frame_figures_are_unknown() -> None:
    assert {figure.number for figure in by_name(None).values()} == {"-"}
    empty = State(-1, Rules(5, 3600), series(Series(), Series()), {})
    shown = by_name(describe(Seen("group", "frames", T, None, Activity.NEVER_RAN, empty, (), {}, [], 10)))
    assert shown["Event time"].meaning == "no frames yet"
    assert shown["Watermark delay"].meaning == "no closed windows yet"
    assert list(shown) == list(by_name(None))


def test_the_newest_window_is_shown_with_its_time() -> None:
    shown = figures.newest(MINUTE, Result(minute_record(T, 1_003, 1000.44, 16_034), b""), T + 100)
    assert shown == Figure(
        "Unique users per minute", "1,003", "users from 13:39:00 to 13:40:00; running average 1,000.4"
    )
    assert figures.newest(SECOND, None, T).number == "-"


def test_a_window_of_another_day_shows_its_date_once() -> None:
    assert [clock(T, T), clock(T, T + 86_400)] == ["13:39:00", "2016-07-11 13:39:00"]
    shown = figures.newest(SECOND, Result(second_record(T, 1, 1.0), b""), T + 86_400)
    assert shown.meaning.startswith("frame from 2016-07-11 13:39:00 to 13:39:01;")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (4_805, "1 h 20 min"),
        (86_400, "1 day"),
        (180_000, "2 days 2 h"),
        (327_000_000, "10 years"),
    ],
)
def test_durations_have_at_most_two_units(seconds: int, words: str) -> None:
    assert duration(seconds) == words
