"""How taking and counting go, in words of the page."""

from typing import Any

from metrics.views.web import counting
from metrics.views.web.recent import Counting, Lately
from metrics.views.web.status import JobStatus, Rates, Status, TakingStatus
from metrics.web.cards import Figure
from metrics.web.glance import Condition
from metrics.web.settings import WebSettings

NOW = 1_795_881_600  # 2026-11-28T16:00:00Z
TAKING = TakingStatus(1_500, 1_400, 100, {"wrong MediaId": 60, "not JSON": 80}, 2, "2026-11-27T15:00:00Z")
ACTIVE = JobStatus(is_active=True, why=None, instance="7 on a", last_commit="2026-11-28T15:59:59Z")


def status(**changed: Any) -> Status:
    known: dict[str, Any] = {
        "topic": "view-events",
        "lag": 0,
        "read": 1_000,
        "counted": 900,
        "duplicates": 95,
        "invalid": 5,
        "users": 12,
        "rates": Rates(50.0, 45.0),
        "job": ACTIVE,
        "minutes_since": "1970-01-01T00:00:00Z",
        "rejected_in_topic": 130,
        "taking": TAKING,
        "partitions": [],
        "unknown": {},
    }
    return Status(**known | changed)


def shown(
    lines_per_s: float | None = None, records_per_s: float | None = None, **changed: Any
) -> dict[str, tuple[str, str]]:
    return {at.name: (at.number, at.meaning) for at in figures(Counting(status(**changed), lines_per_s, records_per_s))}


def figures(seen: Counting) -> list[Figure]:
    """Return the figures with the thresholds by default: 10,000 and 100,000 records, 1 and 10 percent."""
    made = [*counting.figures(seen, NOW, WebSettings())]
    assert [figure.name for figure in made] == [*counting.FIGURES]
    return made


def verdicts(lately: Lately | None = None, **changed: Any) -> dict[str, str]:
    return {at.name: at.verdict for at in figures(Counting(status(**changed), None, None, lately)) if at.condition}


def test_the_figures_of_a_server_that_takes_events() -> None:
    assert shown(1_234.4) == {
        "Taking rate": (
            "1,234/s",
            "at present; 1,500 lines since 2026-11-27 15:00:00 UTC; 2 uploads in progress",
        ),
        "Rejected": ("6.7%", "100 of 1,500 lines since 2026-11-27 15:00:00 UTC; 130 in the dead letter topic"),
        "Counted": ("900", "events; 45 events/s lately"),
        "Uncounted": ("0", "every record of the topic was read"),
        "Duplicates": ("95", "9.50% of the records; 5 records invalid"),
        "Users": ("12", "with a counted event"),
    }


def test_the_time_that_is_left_is_estimated_by_the_rate_of_reading() -> None:
    assert shown(lag=6_000, records_per_s=50.0)["Uncounted"] == ("6,000", "records of the topic; about 2 min")
    assert shown(lag=6_000)["Uncounted"] == ("6,000", "records of the topic")
    assert shown(lag=6_000, records_per_s=0.0)["Uncounted"] == ("6,000", "records of the topic")


def test_what_is_not_known_is_never_a_number() -> None:
    unknown = {"lag": "no broker answers", "rejected_in_topic": "no broker answers"}
    figures = shown(lag=None, rejected_in_topic=None, rates=None, taking=None, unknown=unknown)
    assert figures["Taking rate"] == ("-", "this server takes no events")
    assert figures["Rejected"] == ("-", "not known at present")
    assert figures["Uncounted"] == ("-", "not known at present")
    assert figures["Counted"] == ("900", "events")
    assert shown(None)["Taking rate"][0] == "-"


def test_lag_and_the_share_rejected_lately_are_judged_by_their_thresholds() -> None:
    assert verdicts(Lately(3, 30, 60)) == {"Rejected": "very high", "Uncounted": "good"}
    assert verdicts(Lately(2, 30, 60), lag=100_000) == {"Rejected": "few", "Uncounted": "very high"}
    assert verdicts(Lately(0, 30, 60)) == {"Rejected": "good", "Uncounted": "good"}
    assert verdicts(taking=None, lag=None, unknown={"lag": "no broker answers"}) == {}


def test_without_lines_lately_the_rejected_share_is_that_since_the_start_and_says_nothing_of_the_present() -> None:
    assert verdicts(Lately(0, 0, 300)) == {"Uncounted": "good"}
    of_late = figures(Counting(status(), None, None, Lately(3, 30, 60)))[1]
    assert (of_late.number, of_late.meaning) == (
        "10.0%",
        "3 of 30 lines in 1 min; 100 of 1,500 lines since 2026-11-27 15:00:00 UTC; 130 in the dead letter topic",
    )


def test_a_server_without_a_line_yet_has_no_share() -> None:
    none = TakingStatus(0, 0, 0, {}, 0, "2026-11-28T15:00:00Z")
    assert shown(taking=none)["Rejected"] == ("-", "this server took no lines yet; 130 in the dead letter topic")


def test_a_server_that_takes_nothing_still_says_how_many_lines_were_rejected() -> None:
    assert shown(taking=None)["Rejected"] == ("130", "lines in the dead letter topic")


def test_the_state_of_the_job_in_words() -> None:
    active = counting.state(status(), NOW)
    assert active == (Condition.GOOD, "The job is active; last commit 15:59:59 UTC")
    stopped = JobStatus(is_active=False, why="7 on a was stopped", instance="7 on a", last_commit=None)
    assert counting.state(status(job=stopped), NOW).words == "No job is active: 7 on a was stopped"
    unknown = JobStatus(is_active=None, why="ask again in some seconds", instance="7 on a", last_commit=None)
    assert counting.state(status(job=unknown), NOW).words == "The job may be active: ask again in some seconds"


def test_a_warning_says_that_nothing_counts_what_waits() -> None:
    stopped = JobStatus(is_active=False, why="7 on a was stopped", instance="7 on a", last_commit=None)
    what, more = counting.warning(status(job=stopped, lag=1_234))
    assert what == "1,234 records are not counted yet, and no job is active."
    assert more.startswith("Start one: ")
    assert more.endswith(" views count")
    assert counting.warning(status(job=stopped, lag=0)) == ("", "")
    assert counting.warning(status(lag=1_234)) == ("", "")
    assert counting.warning(status(lag=None, unknown={"lag": "no broker answers"})) == (
        "The number of uncounted records is unknown.",
        "no broker answers",
    )


def test_rejected_lines_by_reason_begin_with_the_most_frequent_one() -> None:
    assert counting.reasons(status(), NOW) == (
        "By this server since 2026-11-27 15:00:00 UTC; a line may have several reasons.",
        [
            {"id": "not JSON", "lines": "80", "share": "100.0%"},
            {"id": "wrong MediaId", "lines": "60", "share": "75.0%"},
        ],
    )
    none = TakingStatus(0, 0, 0, {}, 0, "2026-11-28T15:00:00Z")
    assert counting.reasons(status(taking=none), NOW).words == "This server has rejected no lines since 15:00:00 UTC."
    assert counting.reasons(status(taking=None), NOW).words == "This server takes no events."
