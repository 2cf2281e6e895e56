"""Jobs on a local Flink for the tests: started by their statements, and awaited."""

from collections.abc import Sequence

from confluent_kafka.admin import NewTopic

from metrics.frames.flink import progress, script
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.topics import prepare
from metrics.kafka.clients import open_admin
from metrics.kafka.topic_changes import BROKERS_DEFAULT, create_missing
from tests.frames.flink.cluster import ENDED, Cluster
from tests.kafka.application import Application, wait_until


def settings_of(application: Application) -> FlinkSettings:
    """Return the settings of the application's process."""
    return FlinkSettings.load(application.environment())


def count(flink: Cluster, settings: FlinkSettings, parallelism: int = 1, *, until_end: bool = True) -> str:
    """Start the job that counts, wait for its end if it has one, and return its id."""
    prepare(open_admin(settings), settings)
    return run(flink, script.statements(settings, parallelism=parallelism, until_end=until_end), until_end=until_end)


def run(flink: Cluster, statements: Sequence[str], *, until_end: bool = True) -> str:
    """Start a job, wait for its end if it has one, and return its id."""
    job_id = flink.run(*statements)
    assert job_id is not None
    if until_end:
        wait_until(lambda: flink.states()[job_id] in ENDED, "the job has ended")
        assert flink.states()[job_id] == "FINISHED"
    return job_id


def create_topic(settings: FlinkSettings, name: str) -> None:
    """Create a topic with one partition that takes any timestamps and records of 5 MB."""
    config = {"message.timestamp.after.max.ms": "9223372036854775807", "max.message.bytes": "5000000"}
    create_missing(open_admin(settings), [NewTopic(name, 1, BROKERS_DEFAULT, config=config)])


def commit_all(settings: FlinkSettings) -> None:
    """Commit that a job has read all frames: it does so itself, but ends before it knows that it could."""
    group = settings.progress_group(is_of_group=False)
    read = progress.partitions(settings, group)
    progress.note_end(settings, group, {at.partition: at.end for at in read})
