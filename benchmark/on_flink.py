"""Flink as a side: `python -m benchmark.on_flink N S` starts a local Flink that counts to the end with N tasks.

It makes a checkpoint every S seconds. The report begins when all tasks run, and ends when the job has: what is before
and after it is start and stop.
"""

import dataclasses
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic, process_time, sleep
from typing import Any

import httpx
import msgspec
import psutil
from confluent_kafka import TopicPartition

from benchmark import contract
from benchmark.contract import Task
from metrics.frames.flink import jobs, local_cluster, topics
from metrics.frames.flink.gateway import session
from metrics.frames.flink.local_cluster.settings import TASK_MANAGERS, task_manager
from metrics.frames.flink.script import statements
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.sizes import SIZES
from metrics.kafka import topics as kafka_topics
from metrics.kafka.clients import open_admin, open_asker
from metrics.kafka.committed import committed
from metrics.time.deadline import Deadline
from metrics.wording.errors import FlinkError

START_TIMEOUT_S = 120.0
LOOK_S = 0.5  # each look takes processor time, which is measured
COMPILERS = ("C1 CompilerThre", "C2 CompilerThre")  # as Linux cuts the names of Java's threads
_BEFORE_RUNNING = {"CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING"}
_FAILED = {"FAILED", "CANCELED", "SUSPENDED"}


class Sample(msgspec.Struct, frozen=True):
    """Processor time of a job at one of its checkpoints, in seconds since the start of Flink.

    Attributes:
        frames: that it had read.
        all_s: of all processes of Flink, and of this one.
        task_managers_s: of the task managers.
        compiling_s: of these, for compiling Java's code to that of the machine.
    """

    frames: int
    all_s: float
    task_managers_s: float
    compiling_s: float


class Course(msgspec.Struct, frozen=True):
    """Samples of a job from its start to its end, in order."""

    samples: list[Sample]


def settings_of(task: Task) -> FlinkSettings:
    """Return the application's settings for a task, with Flink's records in the topics of the task."""
    output = zip((size.topic_setting for size in SIZES), task.numbers, strict=True)
    return FlinkSettings(
        bootstrap_servers=task.bootstrap_servers,
        consumer_group_id=task.group_id,
        input_topic=task.input_topic,
        rejected_topic=task.rejected_topic,
        flink_topic_suffix="",
        **dict(output),  # type: ignore[arg-type]
    )


def sample(members: Mapping[str, psutil.Process], frames: int) -> Sample:
    """Return the processor time of Flink's processes so far, which have these names."""
    spent = {name: (times := member.cpu_times()).user + times.system for name, member in members.items()}
    workers = [task_manager(number) for number in range(1, TASK_MANAGERS + 1)]
    return Sample(
        frames,
        all_s=sum(spent.values()) + process_time(),
        task_managers_s=sum(spent[worker] for worker in workers),
        compiling_s=sum(_compiling_s(members[worker]) for worker in workers),
    )


def _compiling_s(member: psutil.Process) -> float:
    spent_s = dict.fromkeys(COMPILERS, 0.0)
    for thread in member.threads():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended; Java's compilers stay
            name = Path(f"/proc/{member.pid}/task/{thread.id}/comm").read_text().strip()
            if name in spent_s:
                spent_s[name] += thread.user_time + thread.system_time
    assert all(spent_s.values()), "the names of Java's compilers are others"
    return sum(spent_s.values())


def job_url(folder: Path, job_id: str) -> str:
    """Return the URL of a job at the job manager of the Flink in this folder."""
    return f"{local_cluster.rest_url(folder)}/jobs/{job_id}"


def wait_until_running(folder: Path, job_id: str) -> None:
    """Wait until all tasks of a job run.

    Raises:
        FlinkError: they do not.
    """
    url = job_url(folder, job_id)
    with httpx.Client(timeout=START_TIMEOUT_S) as client:
        counts: Mapping[str, int] = Deadline(START_TIMEOUT_S).poll(
            lambda: _asked(client, url)["status-counts"],
            until=lambda counts: not any(map(counts.get, _BEFORE_RUNNING)),
        )
    if any(map(counts.get, _BEFORE_RUNNING)):
        raise FlinkError("the job does not start", why=local_cluster.failure(folder, job_id))


def followed(folder: Path, job_id: str, settings: FlinkSettings) -> Course:
    """Wait until a job has ended, and take a sample at each of its checkpoints.

    The job manager is asked for its state, since statements would take the gateway's processor time.

    Raises:
        FlinkError: it has failed.
        BrokerError: the broker does not say how far it has read.
    """
    found, url = Course([]), job_url(folder, job_id)
    members = local_cluster.found(folder)
    count = kafka_topics.partition_counts(open_admin(settings))[settings.input_topic]
    places = [TopicPartition(settings.input_topic, number) for number in range(count)]
    with (
        closing(open_asker(settings, settings.progress_group(is_of_group=False))) as asker,
        httpx.Client(timeout=START_TIMEOUT_S) as client,
    ):
        while (state := _asked(client, url)["state"]) != jobs.FINISHED:
            if state in _FAILED:
                raise FlinkError(f"the job has {state.lower()}", why=local_cluster.failure(folder, job_id))
            frames = sum(place.offset for place in committed(asker, places))
            if frames > (found.samples[-1].frames if found.samples else 0):
                found.samples.append(sample(members, frames))
            sleep(LOOK_S)
    return found


def _asked(client: httpx.Client, url: str) -> dict[str, Any]:
    return dict(client.get(url).raise_for_status().json())


def main() -> None:
    """Count all frames of the task."""
    task, parallelism, checkpoint_s = Task.load(), *map(int, sys.argv[1:])
    settings = dataclasses.replace(settings_of(task), flink_checkpoint_s=checkpoint_s)
    folder = Path(task.folder, "flink")
    with local_cluster.running(folder, print) as url, session(url) as gateway:
        topics.prepare(open_admin(settings), settings)
        job_id = jobs.start(
            gateway, settings.flink_name, statements(settings, parallelism=parallelism, until_end=True), []
        )
        wait_until_running(folder, job_id)
        first_at_s = monotonic()
        course = followed(folder, job_id, settings)
        last_at_s = monotonic()
        print(msgspec.json.encode(course).decode())
        contract.report(task.frames, first_at_s, last_at_s)


if __name__ == "__main__":
    main()
