"""The size of a transaction whose commit is the only heartbeat: slow commits make it smaller, quick ones larger."""

from metrics.kafka.job.commits import HeartbeatLimit


def test_a_slow_commit_halves_the_limit_and_quick_full_ones_restore_it() -> None:
    limit = HeartbeatLimit(20_000)
    limit.record_commit(20_000, 4.6)
    assert limit.most_messages == 10_000
    limit.record_commit(10_000, 2.3)
    assert limit.most_messages == 5_000
    limit.record_commit(5_000, 1.2)
    assert limit.most_messages == 5_000
    limit.record_commit(5_000, 0.5)
    assert limit.most_messages == 10_000
    for _ in range(3):
        limit.record_commit(20_000, 0.7)
    assert limit.most_messages == 20_000


def test_the_limit_of_small_batches_is_kept() -> None:
    limit = HeartbeatLimit(100)
    limit.record_commit(100, 9.0)
    assert limit.most_messages == 100
