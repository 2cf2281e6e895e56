"""Flink as a side: `python -m benchmark.on_flink N` starts a local Flink that counts to the end with N tasks.

The report begins when all tasks run, and ends when the job has: what is before and after it is start and stop.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import msgspec

from benchmark import contract
from benchmark.contract import Task
from metrics.frames.flink import jobs, local_cluster, topics
from metrics.frames.flink.gateway import session
from metrics.frames.flink.local_cluster.settings import TASK_MANAGERS, task_manager
from metrics.frames.flink.script import statements
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.sizes import SIZES
from metrics.kafka.clients import open_admin
from metrics.time.deadline import Deadline
from metrics.wording.errors import FlinkError

START_TIMEOUT_S = 120.0
_BEFORE_RUNNING = {"CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING"}
_FAILED = {"FAILED", "CANCELED", "SUSPENDED"}


COMPILERS = ("C1 CompilerThre", "C2 CompilerThre")  # as Linux cuts the names of Java's threads


class Workers(msgspec.Struct, frozen=True):
    """Processor time of Flink's task managers, from their start to the end of the job.

    Attributes:
        compiling_s: the part of it in which Java compiled its code to that of the machine.
    """

    task_managers_s: float
    compiling_s: float


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


def workers(folder: Path) -> Workers:
    """Return the processor time of the task managers of the Flink in this folder so far."""
    found = local_cluster.found(folder)
    members = [found[task_manager(number)] for number in range(1, TASK_MANAGERS + 1)]
    times = [member.cpu_times() for member in members]
    compilers = [
        thread.user_time + thread.system_time
        for member in members
        for thread in member.threads()
        if Path(f"/proc/{member.pid}/task/{thread.id}/comm").read_text().strip() in COMPILERS
    ]
    assert len(compilers) >= len(COMPILERS) * TASK_MANAGERS
    return Workers(sum(each.user + each.system for each in times), sum(compilers))


def wait_until_running(folder: Path, job_id: str) -> None:
    """Wait until all tasks of a job run.

    Raises:
        FlinkError: they do not.
    """

    def states() -> Mapping[str, int]:
        return dict(_asked(folder, job_id)["status-counts"])

    counts = Deadline(START_TIMEOUT_S).poll(states, until=lambda counts: not any(map(counts.get, _BEFORE_RUNNING)))
    if any(map(counts.get, _BEFORE_RUNNING)):
        raise FlinkError("the job does not start", why=local_cluster.failure(folder, job_id))


def wait_until_finished(folder: Path, job_id: str) -> None:
    """Wait until a job has ended; the job manager is asked, since statements would take the gateway's processor time.

    Raises:
        FlinkError: it has failed.
    """
    while (state := _asked(folder, job_id)["state"]) != jobs.FINISHED:
        if state in _FAILED:
            raise FlinkError(f"the job has {state.lower()}", why=local_cluster.failure(folder, job_id))
        sleep(jobs.LOOK_S)


def _asked(folder: Path, job_id: str) -> dict[str, Any]:
    url = f"{local_cluster.rest_url(folder)}/jobs/{job_id}"
    return dict(httpx.get(url, timeout=START_TIMEOUT_S).raise_for_status().json())


def main() -> None:
    """Count all frames of the task."""
    task, parallelism = Task.load(), int(sys.argv[1])
    settings, folder = settings_of(task), Path(task.folder, "flink")
    with local_cluster.running(folder, print) as url, session(url) as gateway:
        topics.prepare(open_admin(settings), settings)
        job_id = jobs.start(
            gateway, settings.flink_name, statements(settings, parallelism=parallelism, until_end=True), []
        )
        wait_until_running(folder, job_id)
        first_at_s = monotonic()
        wait_until_finished(folder, job_id)
        last_at_s = monotonic()
        print(msgspec.json.encode(workers(folder)).decode())
        contract.report(task.frames, first_at_s, last_at_s)


if __name__ == "__main__":
    main()
