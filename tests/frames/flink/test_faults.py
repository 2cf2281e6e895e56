"""A real Flink, killed at random moments while frames keep coming: its records are those of the application."""

import random

import pytest

from tests.frames.flink.cluster import Cluster
from tests.frames.flink.feed import (
    FLINK,
    PACE_S,
    Feed,
    count,
    feeding,
    newest_checkpoint,
    published,
    require_equal,
)
from tests.frames.flink.records import eventually, written
from tests.kafka.application import Application

pytestmark = pytest.mark.timeout(1_200)

ONCE_OR_20_TIMES = pytest.mark.parametrize(
    "draw", [pytest.param(number, marks=[pytest.mark.long] if number else []) for number in range(20)], indirect=True
)


def wait_for_a_moment(feed: Feed, draw: random.Random) -> None:
    """Wait until some more frames have been sent: those of up to two checkpoints."""
    seconds = feed.seconds + draw.randrange(round(2 / PACE_S))
    eventually(lambda: feed.seconds >= seconds, "frames were sent")


@ONCE_OR_20_TIMES
@pytest.mark.slow
def test_no_record_is_lost_or_twice_when_a_task_manager_is_killed(
    application: Application, flink: Cluster, draw: random.Random
) -> None:
    with feeding(application, flink, draw) as feed:
        job_id = count(application, flink, 2)
        wait_for_a_moment(feed, draw)
        flink.kill(draw.choice(sorted(flink.workers(job_id))))
        before = written(application, FLINK)
        eventually(lambda: flink.restored(job_id) is not None, "the job is restored")
        eventually(lambda: published(application) > len(before[0]), "the job goes on")
        feed.end()
    require_equal(application, before)


@ONCE_OR_20_TIMES
@pytest.mark.slow
def test_no_record_is_lost_or_twice_when_all_is_killed_and_restored_with_another_parallelism(
    application: Application, flink: Cluster, draw: random.Random
) -> None:
    first, second = draw.sample(range(1, 4), 2)
    with feeding(application, flink, draw) as feed:
        killed = count(application, flink, first)
        wait_for_a_moment(feed, draw)
        flink.kill_all()
        before = written(application, FLINK)
        flink.stop()
        newest = newest_checkpoint(flink, killed)
        flink.start()
        application.variables["FLINK_URL"] = flink.url
        job_id = count(application, flink, second, "--restore", f"{newest}")
        assert str(flink.restored(job_id)).endswith(f"{killed}/{newest.name}")
        feed.end()
    require_equal(application, before)
