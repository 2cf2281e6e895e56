"""A slow broker, by times alone: what is reported, how large transactions are, which instance counts as gone."""

from threading import Event

import pytest

from metrics.kafka.job import retry
from metrics.kafka.job.commits import MAX_MESSAGES, MIN_MESSAGES, TransactionLimit
from metrics.kafka.job.latency import CommitLatency
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.standby import MissedHeartbeats
from metrics.wording.errors import BrokerError


def test_slow_commits_are_reported_once_during_the_first_and_once_at_the_end() -> None:
    reports: list[str] = []
    latency = CommitLatency()
    latency.report = reports.append
    for began_s in (100.0, 115.0, 130.0):  # each of 12 s
        latency.begin(began_s)
        latency.check(began_s + 2.9)
        latency.check(began_s + 3.0)
        assert reports == ["the broker is slow: a commit takes more than 3 s; results are delayed by as much"]
        latency.end(began_s + 12.0)
    for began_s in range(143, 172):
        latency.begin(began_s)
        latency.end(began_s + 0.1)
    assert len(reports) == 1
    latency.begin(172.0)
    latency.end(172.1)  # 30.1 s after the end of the last slow one
    assert reports[1:] == ["the broker is no longer slow; its slowest answer took 12.0 s"]


def test_a_slow_commit_without_anyone_to_report_to_is_reported_later() -> None:
    reports: list[str] = []
    latency = CommitLatency()
    latency.check(100.0)  # a step that belongs to no commit
    latency.begin(100.0)
    latency.end(110.0)
    latency.report = reports.append
    latency.begin(110.0)
    latency.check(114.0)
    assert len(reports) == 1


def test_a_transaction_that_was_lost_is_halved_until_it_commits() -> None:
    limit = TransactionLimit()
    sizes = []
    for _ in range(3):
        limit.record_loss(10_000)
        limit.record_loss(limit.most_messages)
        sizes.append(limit.most_messages)
    assert sizes == [2_500, 625, MIN_MESSAGES]


def test_a_small_transaction_was_not_lost_for_its_size() -> None:
    limit = TransactionLimit()
    limit.record_loss(MIN_MESSAGES)
    assert limit.most_messages == MAX_MESSAGES


def test_transactions_grow_again_when_full_ones_commit() -> None:
    limit = TransactionLimit()
    limit.record_loss(8_000)
    limit.record_commit(100, 0.1)
    assert limit.most_messages == 4_000
    limit.record_commit(4_000, 15.0)
    assert limit.most_messages == 5_000
    limit.record_commit(5_000, 0.1)
    assert limit.most_messages == 10_000
    for _ in range(10):
        limit.record_commit(limit.most_messages, 0.1)
    assert limit.most_messages == MAX_MESSAGES


def test_the_slower_the_broker_answers_the_later_an_instance_counts_as_gone() -> None:
    quick = MissedHeartbeats(100.0)
    assert not quick.is_gone_after_look(104.9, 104.91)
    assert quick.is_gone_after_look(105.09, 105.1)
    slow = MissedHeartbeats(100.0)  # a look takes 2 s: gone after 5 + 10 * 2 s
    assert not slow.is_gone_after_look(101.0, 103.0)
    assert not slow.is_gone_after_look(122.9, 124.9)
    assert slow.is_gone_after_look(123.1, 125.1)
    frozen = MissedHeartbeats(100.0)  # a look took 9 s: gone after 5 + 30 s, however long it took
    assert not frozen.is_gone_after_look(101.0, 110.0)
    assert not frozen.is_gone_after_look(134.0, 134.9)
    assert frozen.is_gone_after_look(134.9, 135.1)


def test_a_recurring_outage_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr(retry, "monotonic", lambda: now_s[0])
    reports: list[str] = []
    budget = RetryBudget(60.0, Event())
    budget.report = reports.append
    for _ in range(10):  # 150 s of it, with a commit after each: it is not given up
        budget.record_failure(BrokerError("it hangs"))
        budget.record_answer()
        now_s[0] += 15.0
    assert len(reports) == 1
    now_s[0] += 30.0
    budget.record_failure(BrokerError("it hangs"))
    assert len(reports) == 2
    now_s[0] += 60.0
    with pytest.raises(BrokerError):
        budget.record_failure(BrokerError("it hangs"))
