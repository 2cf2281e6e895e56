"""Stops with a savepoint on a real Flink: of a job that does not run yet, and one that takes long."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from metrics.frames.flink import jobs
from metrics.frames.flink.gateway import session
from metrics.frames.flink.jobs import Job
from metrics.frames.flink.local_cluster.settings import SLOTS, TASK_MANAGERS
from metrics.wording.errors import FlinkError
from tests.frames.flink.cluster import Cluster
from tests.kafka.application import wait_until

pytestmark = [pytest.mark.flink, pytest.mark.slow]

FROZEN_S = 3.0
SOURCE = "CREATE TEMPORARY TABLE numbers (number BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '10')"
SINK = "CREATE TEMPORARY TABLE nowhere (number BIGINT) WITH ('connector' = 'blackhole')"
COUNT = "INSERT INTO nowhere SELECT COUNT(*) FROM numbers"


def start(flink: Cluster, name: str, parallelism: int = 1) -> Job:
    """Start a job that counts numbers for ever."""
    settings = (f"SET 'pipeline.name' = '{name}'", f"SET 'parallelism.default' = '{parallelism}'")
    flink.run(*settings, SOURCE, SINK, COUNT)
    with session(flink.url) as gateway:
        job = jobs.running_job(gateway, name)
    assert job is not None
    return job


def await_checkpoint(flink: Cluster, job: Job) -> None:
    path = f"/jobs/{job.id}/checkpoints"
    wait_until(lambda: flink.rest(path)["counts"]["completed"] > 0, "a checkpoint is complete")


def test_a_job_that_does_not_run_yet_is_stopped_once_it_does(flink: Cluster) -> None:
    blocker = start(flink, "blocker", TASK_MANAGERS * SLOTS)
    await_checkpoint(flink, blocker)
    waiting = start(flink, "waiting")
    with session(flink.url) as gateway, pytest.raises(FlinkError):
        jobs.stop(gateway, waiting)
    with ThreadPoolExecutor(1) as other, session(flink.url) as gateway:
        path = other.submit(jobs.stop_once_it_runs, gateway, "waiting", waiting)
        with session(flink.url) as another:
            jobs.cancel(another, blocker)
        assert "/savepoint-" in path.result()
    assert flink.states()[waiting.id] == "FINISHED"


def test_a_job_that_ends_while_its_stop_is_tried_again_is_said_to_have_ended(flink: Cluster) -> None:
    await_checkpoint(flink, start(flink, "blocker", TASK_MANAGERS * SLOTS))
    waiting = start(flink, "waiting")
    with ThreadPoolExecutor(1) as other, session(flink.url) as gateway:
        path = other.submit(jobs.stop_once_it_runs, gateway, "waiting", waiting)
        with session(flink.url) as another:
            jobs.cancel(another, waiting)
        with pytest.raises(FlinkError, match=f"the job {waiting.id} has ended without a savepoint"):
            path.result()


def test_a_savepoint_may_take_longer_than_flinks_clients_wait_by_default(flink: Cluster) -> None:
    job = start(flink, "slow")
    await_checkpoint(flink, job)
    managers = flink.task_managers().values()
    with ThreadPoolExecutor(1) as other, session(flink.url) as gateway:
        gateway.run("SET 'client.timeout' = '1 s'")
        for manager in managers:
            manager.suspend()
        try:
            path = other.submit(jobs.stop, gateway, job)
            threading.Event().wait(FROZEN_S)
        finally:
            for manager in managers:
                manager.resume()
        assert "/savepoint-" in path.result()
