"""A recount on a real Flink: of a job that runs, and of one that has ended, without the application ever counting."""

from functools import partial
from itertools import islice

import pytest

from metrics.frames.flink import jobs, progress
from metrics.frames.flink.gateway import session
from metrics.frames.flink.settings import FlinkSettings
from tests.frames.flink import inputs
from tests.frames.flink.cluster import Cluster
from tests.frames.flink.inputs import GAP_LIMIT_S
from tests.frames.flink.jobs import commit_all, count, settings_of
from tests.frames.flink.records import eventually
from tests.kafka.application import Application

pytestmark = [pytest.mark.broker, pytest.mark.flink, pytest.mark.slow]


@pytest.mark.long
def test_the_records_of_a_real_flink_agree_with_its_frames_while_it_runs_and_after(
    application: Application, flink: Cluster
) -> None:
    application.variables |= {"FLINK_URL": flink.url, "GAP_LIMIT_S": f"{GAP_LIMIT_S}"}
    application.create_topics(inputs.PARTITIONS)
    parts = inputs.endless(seed=1)
    inputs.send(application, inputs.joined(islice(parts, 300)))
    settings = settings_of(application)
    count(flink, settings, 2, until_end=False)
    read_all(settings)
    eventually(lambda: len(application.read("seconds-flink")) > 200, "records are published")
    found = application.answer("flink", "verify", "--recount", "--json")
    assert (found["verdict"], found["counts"]) == ("agrees", {})
    assert found["compared"]["seconds"] > 200

    inputs.send(application, inputs.joined(islice(parts, 150)))
    read_all(settings)
    with session(flink.url) as gateway:
        job = jobs.running_job(gateway, settings.flink_name)
        assert job is not None
        jobs.stop(gateway, job)
    found = application.answer("flink", "verify", "--recount", "--json")
    assert (found["verdict"], found["counts"]) == ("agrees", {})
    assert found["compared"]["seconds"] == len(application.read("seconds-flink")) > 400


def read_all(settings: FlinkSettings) -> None:
    """Wait until the job has committed that it has read all frames."""
    read = partial(progress.partitions, settings, settings.flink_name)
    eventually(lambda: not any(at.lag for at in read()), "all frames are read")


def test_windows_that_a_job_has_closed_at_the_end_of_the_input_agree_too(
    application: Application, flink: Cluster
) -> None:
    application.variables |= {"FLINK_URL": flink.url, "GAP_LIMIT_S": f"{GAP_LIMIT_S}"}
    application.create_topics(inputs.PARTITIONS)
    inputs.send(application, inputs.mixed())
    settings = settings_of(application)
    count(flink, settings, 2)
    commit_all(settings)
    found = application.answer("flink", "verify", "--recount", "--json")
    assert (found["verdict"], found["remarks"]) == ("agrees", [])
    assert found["not_closed_yet"] == {"seconds": 0, "minutes": 0}
    assert found["compared"]["seconds"] == len(application.read("seconds-flink"))
