"""The four figures at the top of the page, with what they mean and whether they are as they should be."""

from collections import Counter
from typing import Any

import pytest

from metrics.frames.core.state import PartitionState, Rules, State, Tally
from metrics.frames.core.windows import Series
from metrics.frames.live.recent_frames import Lately
from metrics.frames.live.view import Outage
from metrics.frames.results.read import Result
from metrics.frames.settings import Settings
from metrics.frames.sizes import MINUTE, SECOND
from metrics.frames.status.describe import describe
from metrics.frames.status.facts import Activity, ErrorEstimate, KeptOpen, LastMinute, PartitionEnd, Seen, Status
from metrics.frames.web import figures
from metrics.frames.web.empty import FEED, RUN, advice
from metrics.frames.web.figures import Shown
from metrics.time.moments import Moment, clock
from metrics.web.cards import Figure
from metrics.web.glance import Condition
from metrics.web.glance import State as StateOfJob
from metrics.wording.text import duration
from tests.frames.windows import minute_record, second_record, series

T = 1468244340  # 2016-07-11T13:39:00Z
NOW = T + 73


def status(
    at_s: int = NOW,
    tally: Tally | None = None,
    newest: int = T + 70,
    unread: int = 0,
    activity: Activity = Activity.ACTIVE,
) -> Status:
    """Return a group of one partition as it was seen at a time; closed is through 13:40:05."""
    partition = PartitionState(1_000, 900, T, newest, T + 65, 12, 0, 0, tally or Tally(), oldest={1: T + 65, 60: T})
    closed = series(Series(T, 65, 640, T + 65), Series(T - 60, 1, 7, T))
    state = State(T + 65, Rules(5, 3600), closed, {0: partition})
    ends = {0: PartitionEnd(1_000 + unread, 1_000 + unread, unread, None, None)}
    return describe(Seen("group", "frames", at_s, "89abcdef", activity, state, (), ends, [], 10))


def never_ran(end: int = 0) -> Status:
    state = State(-1, Rules(5, 3600), series(Series(), Series()), {0: PartitionState(0, 0)})
    ends = {0: PartitionEnd(end, end, end, None, None)}
    return describe(Seen("group", "frames", T, None, Activity.NEVER_RAN, state, (), ends, [], 10))


def second(start: int, frames: int) -> Result:
    return Result(second_record(start, frames, 1.0), b"")


def minute(start: int, users: int) -> Result:
    return Result(minute_record(start, users, 1000.44, 16_034), b"")


def four(settings: Settings | None = None, **changed: Any) -> dict[str, Figure]:
    known: dict[str, Any] = {"status": status(), "lately": None, "seconds": [], "minutes": [], "added_at_s": None}
    shown = Shown(**(known | {"now": NOW} | changed))
    return {figure.name: figure for figure in figures.four(shown, settings or Settings())}


def test_frames_per_second_are_the_mean_of_the_last_minute_with_their_course() -> None:
    seconds = [second(T + at, at) for at in range(70)]
    figure = four(seconds=seconds)["Frames per second"]
    assert (figure.number, figure.meaning) == ("39.5", "mean of 1 min to 13:40:10; 69 in the last second")
    assert figure.past == [*range(10, 70)]
    assert (figure.condition, figure.verdict) == (Condition.GOOD, "live")


@pytest.mark.parametrize(
    ("added_ago_s", "condition", "verdict"),
    [
        (29, Condition.GOOD, "live"),
        (30, Condition.WARNING, "stale"),
        (299, Condition.WARNING, "stale"),
        (300, Condition.BAD, "stale"),
    ],
)
def test_frames_per_second_say_how_long_no_new_window_has_come(
    added_ago_s: int, condition: Condition, verdict: str
) -> None:
    figure = four(seconds=[second(T, 7)], added_at_s=NOW - added_ago_s + 0.0)["Frames per second"]
    assert (figure.condition, figure.verdict) == (condition, verdict)
    said = f"no new window for {duration(added_ago_s)}; mean of 1 s to 13:39:01"
    assert figure.meaning.startswith(said) == figure.is_old == (verdict == "stale")


def test_of_history_it_is_not_known_whether_more_is_to_come() -> None:
    history = four(seconds=[second(T, 7)], minutes=[minute(T, 7)], now=T + 10**8)
    for name in ("Frames per second", "Unique users per minute"):
        assert (history[name].condition, history[name].is_old) == (None, True)


def test_users_are_as_old_as_frames() -> None:
    figure = four(seconds=[second(T, 7)], minutes=[minute(T, 7)], added_at_s=NOW - 90.0)["Unique users per minute"]
    assert (figure.verdict, figure.is_old) == ("stale", True)
    assert figure.meaning == "no new window for 1 min 30 s; in the minute from 13:39:00"


def test_without_a_job_that_runs_nobody_is_caught_up() -> None:
    assert four(status=status(activity=Activity.STOPPED))["Lag"] == Figure("Lag", "0", "all was read")


def test_unique_users_are_compared_with_the_minute_before() -> None:
    figure = four(minutes=[minute(T - 60, 800), minute(T, 1_003)])["Unique users per minute"]
    assert (figure.number, figure.meaning) == ("1,003", "in the minute from 13:39:00; +203 (+25%) on the one before")
    assert four(minutes=[minute(T - 60, 0), minute(T, 3)])["Unique users per minute"].meaning.endswith(
        "; +3 on the one before"
    )
    for others in ([], [minute(T - 120, 800)]):
        assert four(minutes=[*others, minute(T, 3)])["Unique users per minute"].meaning == "in the minute from 13:39:00"


@pytest.mark.parametrize(
    ("unread", "expected"),
    [
        (0, Figure("Lag", "0", "caught up", Condition.GOOD, "good")),
        (9_999, Figure("Lag", "9,999", "unread records, at most", Condition.GOOD, "good")),
        (10_000, Figure("Lag", "10,000", "unread records, at most", Condition.WARNING, "high")),
        (100_000, Figure("Lag", "100,000", "unread records, at most", Condition.BAD, "very high")),
    ],
)
def test_the_lag_is_judged_by_the_thresholds(unread: int, expected: Figure) -> None:
    assert four(status=status(unread=unread))["Lag"] == expected


def test_thresholds_are_settings() -> None:
    strict = Settings.load({"LAG_AMBER_RECORDS": "1", "LAG_RED_RECORDS": "5"})
    assert four(strict, status=status(unread=4))["Lag"].condition is Condition.WARNING
    assert four(strict, status=status(unread=5))["Lag"].condition is Condition.BAD


def test_the_share_of_rejected_frames_is_that_of_the_last_minutes() -> None:
    lately = Lately(NOW - 300, 40_000, Counter({"late": 3, "not_json": 9}))
    figure = four(lately=lately)["Rejected"]
    assert figure == Figure(
        "Rejected", "<0.1%", "12 of 40,000 frames in 5 min: 9 not_json, 3 late", Condition.GOOD, "good"
    )
    assert four(lately=Lately(NOW - 60, 300, Counter({"late": 3})))["Rejected"][1:5] == (
        "1.0%",
        "3 of 300 frames in 1 min: 3 late",
        Condition.WARNING,
        "high",
    )
    assert four(lately=Lately(NOW - 60, 30, Counter({"late": 3})))["Rejected"].condition is Condition.BAD
    assert four(lately=Lately(NOW - 60, 10, Counter()))["Rejected"].number == "0.0%"


def test_without_frames_lately_there_is_no_share_but_the_number_so_far() -> None:
    tally = Tally(1_000, 994, 4, 3, 0, 0, {"late": 1, "not_json": 2})
    figure = four(lately=Lately(NOW - 300, 0, Counter()), status=status(tally=tally))["Rejected"]
    assert figure == Figure("Rejected", "-", "no frames in the last 5 min; 3 of 1,000 frames so far")


def test_without_a_state_or_a_window_figures_are_unknown() -> None:
    unknown = four(status=None)
    assert [(at.name, at.number, at.condition) for at in unknown.values()] == [
        (name, "-", None) for name in figures.NAMES
    ]


@pytest.mark.parametrize(
    ("at_s", "said"),
    [
        (T + 70, "Event time 13:40:10, level with wall time"),
        (T + 69, "Event time 13:40:10, 1 s ahead of wall time"),
        (T + 70 + 3_600, "Event time 13:40:10, 1 h behind wall time (not live traffic)"),
        (T + 70 + 320_000_000, "Event time 2016-07-11 13:40:10, 10 years behind wall time (not live traffic)"),
    ],
)
def test_the_distance_between_event_time_and_wall_time_is_shown(at_s: int, said: str) -> None:
    assert figures.times(status(at_s, Tally(1, 1))).partition(" · ")[0] == said


def test_the_line_of_times_says_what_is_closed_and_how_many_frames_were_late() -> None:
    tally = Tally(1_000, 994, 4, 3, 0, 0, {"late": 1, "not_json": 2})
    assert figures.times(status(tally=tally)) == (
        "Event time 13:40:10, 3 s behind wall time · windows closed up to 13:40:05 (allowed lateness 5 s) · "
        "4 late frames so far, of which 3 counted for their minute"
    )
    stopped = "The job is stopped; python app.py continues it · Event time "
    assert figures.times(status(activity=Activity.STOPPED)).startswith(stopped)
    assert figures.times(never_ran()) == "No frames yet"
    assert figures.times(None) == ""


@pytest.mark.parametrize(
    ("activity", "expected"),
    [
        (Activity.ACTIVE, StateOfJob(Condition.GOOD, "Running, seen 3 s ago")),
        (Activity.STOPPED, StateOfJob(Condition.IDLE, "Stopped")),
        (Activity.SILENT, StateOfJob(Condition.BAD, "No sign of life")),
        (Activity.ON_FLINK, StateOfJob(Condition.IDLE, "Handed over to Flink")),
        (Activity.NEVER_RAN, StateOfJob(Condition.UNKNOWN, "No job has run")),
    ],
)
def test_the_state_of_the_job_at_a_glance(activity: Activity, expected: StateOfJob) -> None:
    assert figures.state(status(activity=activity), None, NOW + 3) == expected
    outage = StateOfJob(Condition.BAD, "Outage since 13:40:00 UTC")
    assert figures.state(status(activity=activity), Outage("no broker", T + 60.5), NOW) == outage
    assert figures.state(None, None, NOW).condition is Condition.UNKNOWN


def test_without_results_the_page_says_why_and_what_to_do() -> None:
    feed, run = f"{FEED}  # sends frames of data/stream.jsonl, as they would happen now", f"{RUN}  # counts them"
    assert advice(never_ran()) == ("No job has run for the group group.", (feed, run))
    assert advice(never_ran(end=7)) == ("No job has run for the group group.", (run,))
    assert advice(status()) == ("The job is running; the first window is published once its end has passed.", ())
    assert advice(None).commands == ()


def test_the_newest_window_is_shown_with_its_time() -> None:
    shown = figures.newest(MINUTE, minute(T, 1_003), T + 100)
    assert shown == Figure(
        "Unique users per minute", "1,003", "users from 13:39:00 to 13:40:00; average so far 1,000.4"
    )
    assert figures.newest(SECOND, None, T).number == "-"


def test_a_window_of_another_day_shows_its_date_once() -> None:
    assert [clock(T, T), clock(T, T + 86_400)] == ["13:39:00", "2016-07-11 13:39:00"]
    shown = figures.newest(SECOND, second(T, 1), T + 86_400)
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


def test_losses_windows_kept_open_and_late_frames_are_concerns_beside_the_figures() -> None:
    seen = status()
    assert [*figures.concerns([], None)] == []
    assert [*figures.concerns([*four(lately=Lately(NOW - 60, 300, Counter({"late": 3}))).values()], seen)] == [
        (Condition.GOOD, "lag good (0)"),
        (Condition.WARNING, "rejected high (1.0%)"),
    ]
    seen.losses = ["frames 0 to 9 of frames/0 are gone"]
    seen.kept_open = KeptOpen(Moment.of(T), Moment.of(T), [], 0, 0)
    seen.last_minute = LastMinute(Moment.of(T), 100, ErrorEstimate(0.2, 20, {"late": 11, "not_json": 9}), is_wrong=True)
    assert [*figures.concerns([], seen)] == [
        (Condition.BAD, "what a run needs is gone"),
        (Condition.WARNING, "windows kept open for too long"),
        (Condition.WARNING, "many late frames in the last minute"),
    ]
    seen.last_minute = LastMinute(Moment.of(T), 100, ErrorEstimate(0.2, 20, {"late": 9, "not_json": 11}), is_wrong=True)
    assert len([*figures.concerns([], seen)]) == 2  # the figure of rejected frames shows it
