"""`flink run`: counts on Flink, until its end or Ctrl-C on a local one."""

from threading import Event
from typing import Annotated

import typer

from metrics.cli.reporting import stopping_on_signals
from metrics.cli.use_broker import use_broker
from metrics.errors import FlinkError, SettingsError
from metrics.frames.commands.flink_options import Parallelism, UntilEnd, local_folder, use_flink
from metrics.frames.flink import jobs, progress, topics
from metrics.frames.flink.gateway import Gateway
from metrics.frames.flink.jobs import Job
from metrics.frames.flink.script import statements
from metrics.frames.flink.settings import FlinkSettings
from metrics.kafka.clients import open_admin
from metrics.terminal.console import say
from metrics.terminal.progress import bar
from metrics.text import numbered


def run(
    *,
    parallelism: Parallelism = 1,
    until_end: UntilEnd = False,
    restore: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Continue from this savepoint or checkpoint. A local Flink finds its newest."
        ),
    ] = None,
) -> None:
    """Count frames on Apache Flink: the records of the main job, byte for byte, into topics of their own.

    Without FLINK_URL it starts a local Flink with two task managers, and stops it at the end; Ctrl-C stops the job with
    a savepoint, and the next run continues from there. With FLINK_URL, the job runs on after this command, until
    `flink stop`.

    Example: `python app.py flink run --until-end`, then `python app.py flink verify`
    """
    with use_broker(FlinkSettings) as settings, use_flink(settings, say) as gateway:
        _run(settings, gateway, _place(settings, restore, until_end=until_end), parallelism, until_end=until_end)


def _place(settings: FlinkSettings, restore: str | None, *, until_end: bool) -> str | None:
    """Return the savepoint to continue from; None for the beginning of the input."""
    if restore is None and settings.flink_url is None:
        from metrics.frames.flink import local_cluster  # noqa: PLC0415  # as in use_flink

        newest = local_cluster.newest_state(local_folder(settings), settings.flink_name)
        restore = None if newest is None else str(newest)
    if restore is not None and until_end:
        raise SettingsError(
            "--until-end cannot be combined with a savepoint",
            why="Flink never ends a job with bounds that was restored (FLINK-31006)",
            hint="leave --until-end out, and stop the job with flink stop;\n"
            "or begin in other topics: FLINK_TOPIC_SUFFIX=-flink2",
        )
    return restore


def _run(settings: FlinkSettings, gateway: Gateway, place: str | None, parallelism: int, *, until_end: bool) -> None:
    jobs.require_none_running(gateway, settings.flink_name)
    admin = open_admin(settings)
    created = topics.prepare(admin, settings)
    if place is None:
        topics.require_empty(admin, settings, created)
    restored = [] if place is None else [f"SET 'execution.state-recovery.path' = '{place}'"]
    script = statements(settings, parallelism=parallelism, until_end=until_end)
    with stopping_on_signals() as stopping:
        job_id = jobs.start(gateway, [*restored, *script])
        beginning = "the beginning of the input" if place is None else place
        say(
            f"job {job_id} counts {settings.input_topic} from {beginning}, {numbered(parallelism, 'task')} side by side"
        )
        if settings.flink_url is None or until_end:
            _follow(settings, gateway, job_id, stopping)
        else:
            say("it runs on; python app.py flink status shows how far it is, flink stop stops it")


def _follow(settings: FlinkSettings, gateway: Gateway, job_id: str, stopping: Event) -> None:
    before = progress.look(settings)
    total = sum(at.end for at in before.partitions)
    with bar(f"counting {settings.input_topic} on Flink", total) as move:

        def report(_: Job) -> None:
            move(total - progress.look(settings).lag)

        job = jobs.follow(gateway, settings.flink_name, job_id, stopping, report)
    if not job.has_ended():
        say(f"stopped; the savepoint is {jobs.stop(gateway, job)}")
    elif job.status != jobs.FINISHED:
        raise FlinkError(
            f"the job {job_id} has {job.status.lower()}",
            why=_failure(settings),
            hint="its exceptions are in Flink's web page and logs",
        )
    for at in progress.look(settings).published:
        last = "none" if at.last is None else f"the last is {at.last.datetime}"
        say(f"{at.topic}: {last}")


def _failure(settings: FlinkSettings) -> str:
    if settings.flink_url is not None:
        return ""
    from metrics.frames.flink import local_cluster  # noqa: PLC0415  # as in use_flink

    return local_cluster.failure(local_folder(settings))
