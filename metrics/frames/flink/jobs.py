"""Jobs on Flink: those of this application, by their name."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from threading import Event
from typing import NamedTuple

from metrics.frames.flink.gateway import Gateway
from metrics.time.deadline import Deadline
from metrics.wording.errors import FencedError, FlinkError

LOOK_S = 1.0  # each look takes 12 ms of processor time here, and 12 ms in the gateway
END_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
SAVEPOINT_TIMEOUT_S = 600  # as long as Flink lets a checkpoint take
FINISHED = "FINISHED"
RESTARTING = "RESTARTING"
_ENDED = {FINISHED, "FAILED", "CANCELED", "SUSPENDED"}


class Job(NamedTuple):
    """Job of a Flink cluster.

    Attributes:
        status: as Flink names it, such as RUNNING.
        began_at: in RFC 3339.
    """

    id: str
    status: str
    began_at: str

    def has_ended(self) -> bool:
        """Return whether it does not run any more, and will not again by itself."""
        return self.status in _ENDED


def jobs_named(gateway: Gateway, name: str) -> list[Job]:
    """Return the jobs with a name, the one that began last first.

    Raises:
        FlinkError: Flink does not answer.
    """
    found = [job for job_name, job in _all(gateway) if job_name == name]
    return sorted(found, key=lambda job: job.began_at, reverse=True)


def _all(gateway: Gateway) -> Iterator[tuple[str, Job]]:
    for row in gateway.run("SHOW JOBS").rows:
        yield row["job name"], Job(row["job id"], row["status"], row["start time"])


def running(gateway: Gateway) -> list[tuple[str, Job]]:
    """Return all jobs that have not ended, those of others as well, each with its name.

    Raises:
        FlinkError: Flink does not answer.
    """
    return [(name, job) for name, job in _all(gateway) if not job.has_ended()]


def running_job(gateway: Gateway, name: str) -> Job | None:
    """Return the job with a name that has not ended; None without one.

    Raises:
        FlinkError: Flink does not answer.
    """
    return next((job for job in jobs_named(gateway, name) if not job.has_ended()), None)


def require_none_running(gateway: Gateway, name: str) -> list[Job]:
    """Check that no job with a name runs, since two would publish every window twice; return those that have ended.

    Raises:
        FencedError: one runs.
        FlinkError: Flink does not answer.
    """
    found = jobs_named(gateway, name)
    if job := next((job for job in found if not job.has_ended()), None):
        raise _runs_already(name, job)
    return found


def _runs_already(name: str, job: Job) -> FencedError:
    return FencedError(
        f"the job {name} runs already",
        why=f"job {job.id}, {job.status.lower()}, began at {job.began_at}",
        hint="stop it: python app.py flink stop; or look at it: python app.py flink status",
    )


def start(gateway: Gateway, name: str, statements: Sequence[str], before: Collection[Job]) -> str:
    """Run statements, the last of which starts a job, and return the job's id.

    Of several that are started at the same moment, the one that began first continues. The others are cancelled at
    once: a job publishes nothing before its first checkpoint.

    Args:
        before: the jobs with the name that had ended when it was checked that none runs.

    Raises:
        FencedError: another job with the name was started meanwhile.
        FlinkError: Flink refuses a statement.
    """
    job_id = None
    for statement in statements:
        job_id = gateway.run(statement).job_id
    if job_id is None:
        raise FlinkError("no job was started", why="the last statement starts none")
    known = {job.id for job in before}
    started = [job for job in jobs_named(gateway, name) if job.id not in known]
    first = min(started, key=lambda job: (job.began_at, job.id))
    if first.id != job_id:
        _cancel(gateway, job_id)
        raise _runs_already(name, first)
    return job_id


def follow(gateway: Gateway, name: str, job_id: str, stopping: Event, report: Callable[[Job], None]) -> Job:
    """Wait until a job ends, or `stopping` is set, and return it.

    Args:
        report: called after each look.

    Raises:
        FlinkError: Flink does not answer, or has lost the job.
    """
    while True:
        job = next((job for job in jobs_named(gateway, name) if job.id == job_id), None)
        if job is None:
            raise FlinkError(f"Flink no longer knows the job {job_id}", why="its job manager was started again")
        report(job)
        if job.has_ended() or stopping.wait(LOOK_S):
            return job


def require_end(gateway: Gateway, name: str, job_id: str) -> None:
    """Wait until a job has ended.

    Raises:
        FlinkError: it has not within END_TIMEOUT_S, or Flink does not answer.
    """
    deadline = Deadline(END_TIMEOUT_S)
    if not deadline.poll(lambda: _has_ended(gateway, name, job_id), until=bool):
        raise FlinkError(f"the job {job_id} does not end", hint="look at Flink's logs, and try again")


def _has_ended(gateway: Gateway, name: str, job_id: str) -> bool:
    return all(job.has_ended() for job in jobs_named(gateway, name) if job.id == job_id)


def cancel(gateway: Gateway, job: Job) -> None:
    """Cancel a job, without a savepoint.

    Raises:
        FlinkError: Flink cannot.
    """
    _cancel(gateway, job.id)


def _cancel(gateway: Gateway, job_id: str) -> None:
    gateway.run(f"STOP JOB '{job_id}'")


def stop(gateway: Gateway, job: Job) -> str:
    """Stop a job with a savepoint, and return the savepoint's path.

    Raises:
        FlinkError: Flink cannot: the job continues.
    """
    gateway.run(f"SET 'client.timeout' = '{SAVEPOINT_TIMEOUT_S} s'")
    [row] = gateway.run(f"STOP JOB '{job.id}' WITH SAVEPOINT").rows
    return str(next(iter(row.values())))


def stop_once_it_runs(gateway: Gateway, name: str, job: Job) -> str:
    """Stop a job with a savepoint, which Flink refuses while a job starts or restarts; return the savepoint's path.

    Raises:
        FlinkError: it has ended meanwhile, or Flink still refuses after STOP_TIMEOUT_S: the job continues.
    """
    deadline = Deadline(STOP_TIMEOUT_S)
    while True:
        try:
            return stop(gateway, job)
        except FlinkError as error:
            if _has_ended(gateway, name, job.id):
                raise FlinkError(f"the job {job.id} has ended without a savepoint", why=error.why) from error
            if deadline.has_passed():
                raise
        time.sleep(LOOK_S)
