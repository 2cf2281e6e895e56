"""How long the broker is retried, on a clock that the test moves."""

from threading import Event

import pytest

from metrics.kafka.job import retry
from metrics.kafka.job.retry import CALM_S, RetryBudget
from metrics.wording.errors import BrokerError, DatabaseError, NoAnswerError, RefusedError, UnavailableError

LIMIT_S, DATABASE_LIMIT_S = 60, 20


class Clock:
    """Wall time, as far as the budget asks for it."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.reports: list[str] = []
        self.budget = RetryBudget(LIMIT_S, Event(), DATABASE_LIMIT_S)
        self.budget.report = self.reports.append

    def after(self, seconds: float) -> "Clock":
        self.now_s += seconds
        return self

    def fails(self, error: UnavailableError) -> "Clock":
        self.budget.record_failure(error)
        return self


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(retry, "monotonic", lambda: made.now_s)
    return made


def test_failures_in_a_row_are_raised_after_the_limit(clock: Clock) -> None:
    clock.fails(BrokerError("away")).after(30).fails(BrokerError("away")).after(29).fails(BrokerError("away"))
    with pytest.raises(BrokerError, match="still away"):
        clock.after(1).fails(BrokerError("still away"))
    assert len(clock.reports) == 1


def test_hiccups_with_commits_in_between_are_not_added_up(clock: Clock) -> None:
    for _ in range(10):
        clock.fails(BrokerError("away")).after(15).budget.record_answer()
        clock.after(5)
    assert len(clock.reports) == 1  # an outage that soon recurs is reported once


def test_an_answer_does_not_end_an_outage_in_which_records_are_refused(clock: Clock) -> None:
    for _ in range(3):
        clock.fails(RefusedError("too large")).after(20).budget.record_answer()
    with pytest.raises(RefusedError):
        clock.fails(RefusedError("too large"))


def test_an_answer_does_not_end_an_outage_in_which_the_database_refuses_a_transaction(clock: Clock) -> None:
    full = DatabaseError("the transaction with the database failed", why="No space left on device")
    clock.fails(full).after(DATABASE_LIMIT_S - 1).budget.record_answer()  # a heartbeat needs no space
    with pytest.raises(DatabaseError):
        clock.after(1).fails(full)
    clock.budget.reset()
    clock.fails(NoAnswerError("away")).after(DATABASE_LIMIT_S - 1).budget.record_answer()
    clock.after(1).fails(NoAnswerError("away"))


def test_committed_records_end_every_outage(clock: Clock) -> None:
    clock.fails(RefusedError("too large")).after(50).budget.reset()
    clock.after(50).fails(BrokerError("away")).after(50).budget.record_answer()
    clock.after(50).fails(BrokerError("away"))
    assert len(clock.reports) == 3


def test_refused_records_that_do_not_recur_are_forgotten_in_time(clock: Clock) -> None:
    clock.fails(RefusedError("too large")).after(max(CALM_S, LIMIT_S) + 1).fails(BrokerError("away"))
    clock.after(10).budget.record_answer()
    clock.after(55).fails(BrokerError("away"))
    assert len(clock.reports) == 3


def test_an_outage_of_the_database_has_a_limit_of_its_own(clock: Clock) -> None:
    clock.fails(DatabaseError("away")).after(19).fails(DatabaseError("away"))
    with pytest.raises(DatabaseError):
        clock.after(1).fails(DatabaseError("away"))
    assert clock.reports == ["away; retrying for up to 20 s\nwhy: "]


def test_the_end_of_an_outage_is_reported_if_its_beginning_was(clock: Clock) -> None:
    for _ in range(3):
        clock.fails(BrokerError("away")).budget.report_end("back")
        clock.after(0.5)
    assert clock.reports == ["away; retrying for up to 60 s\nwhy: ", "back"]
