"""What is made of a slow broker, by times alone: what is told, how large transactions are, who counts as gone."""

from threading import Event

import pytest

from metrics.errors import BrokerError
from metrics.kafka.job import retry
from metrics.kafka.job.limits import FEWEST_FRAMES, MOST_FRAMES, Load
from metrics.kafka.job.retry import Patience
from metrics.kafka.job.slowness import Pace
from metrics.kafka.job.standby import Silence


def test_slow_commits_are_told_of_once_while_they_are_waited_for_and_once_when_they_are_over() -> None:
    told: list[str] = []
    pace = Pace()
    pace.tell = told.append
    for began_s in (100.0, 115.0, 130.0):  # each of 12 s
        pace.begin(began_s)
        pace.wait(began_s + 2.9)
        pace.wait(began_s + 3.0)
        assert told == ["the broker is slow: a commit takes more than 3 s; results come as late as that"]
        pace.end(began_s + 12.0)
    for began_s in range(143, 172):
        pace.begin(began_s)
        pace.end(began_s + 0.1)
    assert len(told) == 1
    pace.begin(172.0)
    pace.end(172.1)  # 30.1 s after the end of the last slow one
    assert told[1:] == ["the broker is no longer slow; its slowest answer took 12.0 s"]


def test_what_is_slow_before_anybody_is_told_is_told_later() -> None:
    told: list[str] = []
    pace = Pace()
    pace.wait(100.0)  # a step that belongs to no commit
    pace.begin(100.0)
    pace.end(110.0)
    pace.tell = told.append
    pace.begin(110.0)
    pace.wait(114.0)
    assert len(told) == 1


def test_a_transaction_that_was_lost_is_halved_until_it_commits() -> None:
    load = Load()
    sizes = []
    for _ in range(3):
        load.lost(10_000)
        load.lost(load.most_frames)
        sizes.append(load.most_frames)
    assert sizes == [2_500, 625, FEWEST_FRAMES]


def test_a_small_transaction_was_not_lost_for_its_size() -> None:
    load = Load()
    load.lost(FEWEST_FRAMES)
    assert load.most_frames == MOST_FRAMES


def test_transactions_grow_again_when_full_ones_commit() -> None:
    load = Load()
    load.lost(8_000)
    load.committed(100, 0.1)
    assert load.most_frames == 4_000
    load.committed(4_000, 15.0)
    assert load.most_frames == 5_000
    load.committed(5_000, 0.1)
    assert load.most_frames == 10_000
    for _ in range(10):
        load.committed(load.most_frames, 0.1)
    assert load.most_frames == MOST_FRAMES


def test_an_instance_counts_as_gone_the_later_the_slower_the_broker_answers() -> None:
    quick = Silence(100.0)
    assert not quick.look(104.9, 104.91)
    assert quick.look(105.09, 105.1)
    slow = Silence(100.0)  # a look takes 2 s: gone after 5 + 10 * 2 s
    assert not slow.look(101.0, 103.0)
    assert not slow.look(122.9, 124.9)
    assert slow.look(123.1, 125.1)
    frozen = Silence(100.0)  # a look took 9 s: gone after 5 + 30 s, however long it took
    assert not frozen.look(101.0, 110.0)
    assert not frozen.look(134.0, 134.9)
    assert frozen.look(134.9, 135.1)


def test_trouble_that_comes_again_and_again_is_told_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [100.0]
    monkeypatch.setattr(retry, "monotonic", lambda: now_s[0])
    told: list[str] = []
    borne = Patience(60.0, Event())
    borne.tell = told.append
    for _ in range(10):  # 150 s of it, with a commit after each: it is not given up
        borne.suffer(BrokerError("it hangs"))
        borne.relieve()
        now_s[0] += 15.0
    assert len(told) == 1
    now_s[0] += 30.0
    borne.suffer(BrokerError("it hangs"))
    assert len(told) == 2
    now_s[0] += 60.0
    with pytest.raises(BrokerError):
        borne.suffer(BrokerError("it hangs"))
