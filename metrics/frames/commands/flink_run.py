"""`flink run`: counts on Flink, until its end or Ctrl-C on a local one."""

from functools import partial

import typer

from metrics.cli.reporting import stopping_on_signals
from metrics.cli.use_broker import use_broker
from metrics.frames import topics_in_use
from metrics.frames.commands.flink_following import follow, note_end, say_published
from metrics.frames.commands.flink_options import (
    FromGroup,
    Parallelism,
    Rejected,
    Restore,
    UntilEnd,
    use_flink,
    use_running_flink,
)
from metrics.frames.flink import jobs, local_jobs, starts
from metrics.frames.flink import rejected as dead_letters
from metrics.frames.flink.gateway import Gateway
from metrics.frames.flink.jobs import Job
from metrics.frames.flink.script import Begin, require_possible
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.starts import Script, Start
from metrics.frames.flink.switch.handover import hand_over, require_own
from metrics.kafka.clients import open_admin
from metrics.terminal.console import say, warn
from metrics.terminal.progress import bar
from metrics.wording.errors import FlinkError, SettingsError
from metrics.wording.text import numbered


def run(
    *,
    parallelism: Parallelism = 1,
    until_end: UntilEnd = False,
    restore: Restore = None,
    from_group: FromGroup = False,
    rejected: Rejected = False,
) -> None:
    """Count frames on Apache Flink: the records of the main job, byte for byte, into topics of their own.

    Without FLINK_URL it starts a local Flink with two task managers, and stops it at the end; Ctrl-C stops the job with
    a savepoint, and the next run continues from there. With FLINK_URL, the job runs on after this command, until
    `flink stop`. With --until-end, Ctrl-C cancels the job, which then cannot be continued.

    With --from-group, the main job must have stopped, and will not start again until `flink stop --to-group`.

    With --rejected, a second job writes the frames that are invalid to REJECTED_TOPIC with FLINK_TOPIC_SUFFIX, and
    nothing is counted. It keeps no state, so late frames are not among them. To have counts and dead letters, run both,
    in any order.

    Example: `python app.py flink run --until-end`, then `python app.py flink verify`
    """
    _require_options(restore, from_group=from_group, rejected=rejected)
    with use_broker(FlinkSettings) as settings:
        (dead_letters.require_default_shape if rejected else require_possible)(settings)
        if not (rejected or from_group):
            require_own(settings)  # before the job of the group, which has the same name, is found
        before = _require_none_running(settings, settings.flink_rejected_name if rejected else settings.flink_name)
        parallelism = _with_partitions(settings, parallelism)
        local_jobs.require_slots(settings, parallelism)
        if rejected:
            start = starts.of_rejected(settings, restore, parallelism, until_end=until_end)
        elif from_group:
            begin = partial(_hand_over, settings, until_end=until_end)
            start = starts.of_group(settings, restore, parallelism, begin, until_end=until_end)
        else:
            start = starts.of_own(settings, restore, parallelism, until_end=until_end)
        with use_flink(settings, say) as gateway:
            jobs.require_none_running(gateway, start.name)  # a local Flink may have taken a while
            local_jobs.require_topics_of_no_other(settings, gateway, start.name, start.topics)
            local_jobs.require_free_slots(settings, gateway, parallelism)
            _run(settings, gateway, start, before, parallelism, until_end=until_end)


def _require_options(restore: str | None, *, from_group: bool, rejected: bool) -> None:
    if from_group and rejected:
        raise SettingsError("--from-group cannot be combined with --rejected", hint="run one after the other")
    if restore is not None and not restore.strip():
        raise SettingsError(
            "--restore names no savepoint or checkpoint",
            why="it is empty",
            hint="give the path that flink stop has printed, or leave --restore out",
        )


def _require_none_running(settings: FlinkSettings, name: str) -> list[Job]:
    """Check that no job with a name runs, and return those that have ended.

    This asks the Flink that is there; a local one is not started for that.
    """
    with use_running_flink(settings) as gateway:
        return [] if gateway is None else jobs.require_none_running(gateway, name)


def _with_partitions(settings: FlinkSettings, parallelism: int) -> int:
    """Return how many tasks read: each has to have a partition."""
    topic = settings.input_topic
    partitions = topics_in_use.input_partitions(open_admin(settings), settings)
    if parallelism > partitions:
        warn(
            f"{numbered(partitions, 'task')} instead of {parallelism}: the topic {topic} has "
            f"{numbered(partitions, 'partition')}, and each task needs one"
        )
    return min(parallelism, partitions)


def _hand_over(settings: FlinkSettings, *, until_end: bool) -> Begin:
    with bar(f"reading {settings.input_topic}", None) as move:
        begin, remarks = hand_over(settings, move, until_end=until_end)
    for remark in remarks:
        warn(remark)
    say(f"the group {settings.consumer_group_id} is handed over; back: python app.py flink stop --to-group")
    return begin


def _run(
    settings: FlinkSettings, gateway: Gateway, start: Start, before: list[Job], parallelism: int, *, until_end: bool
) -> None:
    with stopping_on_signals() as stopping:
        script = start.script()
        say(f"starting the job {start.name} …")
        job_id = jobs.start(gateway, start.name, script.statements, before)
        say(f"job {job_id} {start.work} from {start.beginning}, with {numbered(parallelism, 'task')}")
        if settings.flink_url is not None and not until_end:
            say("it runs on; python app.py flink status shows how far it is, flink stop stops it")
            return
        if not until_end:
            say("Ctrl-C stops it with a savepoint, from which the next run continues")
        job = follow(settings, gateway, job_id, start, script.ends, stopping)
        if not job.has_ended() and until_end:
            _cancel(gateway, start, job)
            raise typer.Exit(stopping.exit_code)
        if not job.has_ended():
            _stop(settings, gateway, start, job)
        elif job.status != jobs.FINISHED:
            raise FlinkError(
                f"the job {job_id} has {job.status.lower()}",
                why=local_jobs.failure(settings, job_id),
                hint="Flink's logs have its exceptions",
            )
        elif settings.flink_url is None:
            _note_end(settings, start, script)
    say_published(start)


def _note_end(settings: FlinkSettings, start: Start, script: Script) -> None:
    """Say or note why a job on a local Flink has finished: it has read to its ends, or another command stopped it."""
    savepoint = script.savepoint()
    if script.ends and savepoint is None:
        note_end(settings, start, script.ends)
    elif script.ends:
        raise FlinkError(
            "the job was stopped before it had read to the end of the input",
            why="another command stopped it with a savepoint, and Flink never ends a restored job (FLINK-31006)",
            hint=start.after_cancel,
        )
    else:
        say("another command has stopped it" + (f"; the savepoint is {savepoint}" if savepoint else ""))


def _cancel(gateway: Gateway, start: Start, job: Job) -> None:
    jobs.cancel(gateway, job)
    jobs.require_end(gateway, start.name, job.id)
    say("cancelled; a job that ends with the input cannot be continued (FLINK-31006)")
    say(start.after_cancel)


def _stop(settings: FlinkSettings, gateway: Gateway, start: Start, job: Job) -> None:
    """Stop a job on a local Flink."""
    say(f"stopping job {job.id} …")
    try:
        say(f"stopped; the savepoint is {jobs.stop_once_it_runs(gateway, start.name, job)}")
    except FlinkError as error:
        newest = local_jobs.newest_beside(settings, job.id)
        raise FlinkError(
            f"the job {job.id} was not stopped with a savepoint",
            why=f"{error.what}\n{error.why}",
            hint=f"it has published nothing; begin again: {start.command}"
            if newest is None
            else f"all it has published is in its newest state; continue: {start.command} --restore {newest}",
        ) from error
