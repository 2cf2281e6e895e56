"""What `flink run` says while it follows a job, and after its end; neither needs the broker."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event

from metrics.frames.flink import jobs, local_jobs, progress
from metrics.frames.flink.gateway import Gateway
from metrics.frames.flink.jobs import Job
from metrics.frames.flink.reading import Reading
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.starts import Start
from metrics.terminal.console import say, warn
from metrics.terminal.progress import bar
from metrics.time.deadline import Deadline
from metrics.wording.errors import BrokerError, TopicError

_LOOK_S = 1.0  # at the processes of a local Flink


def follow(
    settings: FlinkSettings, gateway: Gateway, job_id: str, start: Start, ends: Mapping[int, int], stopping: Event
) -> Job:
    """Wait until a job ends, or `stopping` is set, and return it; a bar shows how far it has read.

    Restarts of the job, outages of the broker, and the end of a task manager of a local Flink are warnings.

    Args:
        ends: the offset of each partition at which it ends; empty if it does not end with the input.

    Raises:
        FlinkError: Flink does not answer, has lost the job, or has no task manager left.
    """
    reading = Reading(settings, start.progress_group, ends)
    status, ended, next_look = "", set[str](), Deadline(_LOOK_S)
    with bar(reading.label, (lambda: reading.total) if ends else None) as move:

        def report(job: Job) -> None:
            nonlocal status
            if next_look.has_passed():
                _warn_of_ended(settings, ended)
                next_look.renew()
            if job.status == jobs.RESTARTING != status:
                why = local_jobs.failure(settings, job_id) or "Flink's logs have the exception"
                warn(f"the job {job_id} restarts {local_jobs.restarting(settings, job_id)}: {why}")
            status = job.status
            reading.look()
            move(reading.read)

        return jobs.follow(gateway, start.name, job_id, stopping, report)


def _warn_of_ended(settings: FlinkSettings, known: set[str]) -> None:
    """Warn of task managers that have ended, each once."""
    for name, cause in local_jobs.require_task_manager(settings).items():
        if name not in known:
            warn(f"the local Flink's {name} has ended ({cause}); jobs restart on the other one, if it has enough slots")
            known.add(name)


def say_published(start: Start) -> None:
    """Say what a job that has ended has published, if the broker answers."""
    with _unknown("what the job has published is unknown"):
        for line in start.published():
            say(line)


def note_end(settings: FlinkSettings, start: Start, ends: Mapping[int, int]) -> None:
    """Commit the offsets that a job has read to, if the broker answers."""
    with _unknown("flink status and flink verify --recount know only what the job had read at its last checkpoint"):
        progress.note_end(settings, start.progress_group, ends)


@contextmanager
def _unknown(what: str) -> Iterator[None]:
    """Make an error of the broker a warning: the job has ended, and its own end is what matters."""
    try:
        yield
    except (BrokerError, TopicError) as error:
        warn(f"{error.what}; {what}")
