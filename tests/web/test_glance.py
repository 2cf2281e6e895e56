"""States of systems, with what else is not as it should be."""

import pytest

from metrics.web.glance import Condition, State, Thresholds, of_error
from metrics.wording.errors import BrokerError, NoDatabaseError

LIMITS = Thresholds(1, 10)


def test_a_state_has_the_worst_of_all_conditions_and_names_what_is_not_good() -> None:
    running = State(Condition.GOOD, "Running")
    assert running.but([(Condition.GOOD, "lag good")]) == running
    assert running.but([(Condition.WARNING, "lag high")]) == (Condition.WARNING, "Running; lag high")
    both = [(Condition.BAD, "rejected very high"), (Condition.WARNING, "lag high")]
    assert running.but(both) == (Condition.BAD, "Running; rejected very high; lag high")
    assert State(Condition.BAD, "No sign of life").but(both[1:]) == (Condition.BAD, "No sign of life; lag high")
    assert State(Condition.UNKNOWN, "Not known yet").but([]) == (Condition.UNKNOWN, "Not known yet")


def test_what_was_stopped_on_purpose_stays_idle() -> None:
    assert State(Condition.IDLE, "Stopped").but([(Condition.BAD, "stale")]) == (Condition.IDLE, "Stopped")


def test_a_share_of_a_few_is_neither_good_nor_a_concern() -> None:
    few = LIMITS.verdict_of_share(2, 2)
    assert few == (Condition.UNKNOWN, "few")
    assert State(Condition.GOOD, "Running").but([few]) == (Condition.GOOD, "Running")


@pytest.mark.parametrize(
    ("number", "of", "verdict"),
    [(0, 0, "good"), (2, 3, "few"), (2, 300, "good"), (3, 301, "good"), (3, 300, "high"), (3, 30, "very high")],
)
def test_a_share_is_high_only_if_it_is_of_more_than_a_few(number: int, of: int, verdict: str) -> None:
    assert LIMITS.verdict_of_share(number, of)[1] == verdict


def test_a_system_that_is_yet_to_be_set_up_is_idle_and_one_that_does_not_answer_is_bad() -> None:
    assert of_error(NoDatabaseError("no database yet")) == (Condition.IDLE, "Not set up")
    assert of_error(BrokerError("no broker answers")) == (Condition.BAD, "No answer")
