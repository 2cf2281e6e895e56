"""`flink stop`: stops the jobs, each with a savepoint."""

from typing import Annotated

import typer

from metrics.cli.use_broker import use_broker
from metrics.frames.commands.flink_options import use_running_flink
from metrics.frames.flink import jobs
from metrics.frames.flink.gateway import Gateway
from metrics.frames.flink.jobs import Job
from metrics.frames.flink.local_jobs import kept_beside
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.switch.handover import bring_back, is_handed_over, require_handed_over
from metrics.terminal.console import note, say, warn
from metrics.terminal.progress import bar
from metrics.wording.errors import FlinkError
from metrics.wording.text import numbered


def stop(
    *,
    to_group: Annotated[
        bool,
        typer.Option("--to-group", help="Bring the group back that flink run --from-group has handed over."),
    ] = False,
) -> None:
    """Stop the job that counts and that of dead letters, each with a savepoint for `flink run --restore`.

    All windows that were closed by then are published.

    With --to-group, the main job can continue. The frames since the handover are counted once more, to compute its
    state, and every record that Flink has published is compared. This needs no savepoint, and also works for a job that
    was killed.

    Example: `python app.py flink stop`
    """
    with use_broker(FlinkSettings, note) as settings:
        is_of_group = is_handed_over(settings)
        if to_group:
            require_handed_over(settings)
        with use_running_flink(settings) as gateway:
            job = None if gateway is None else jobs.running_job(gateway, settings.flink_name)
            letters = None if gateway is None else jobs.running_job(gateway, settings.flink_rejected_name)
            if gateway is not None and job is not None:
                if to_group:
                    _end(settings, gateway, job)
                else:
                    option = "--from-group --restore" if is_of_group else "--restore"
                    _stop(settings, gateway, settings.flink_name, job, option)
            elif not to_group and letters is None:
                raise FlinkError(
                    f"no job {settings.flink_name} runs",
                    why="no local Flink runs" if gateway is None else "",
                    hint="start one: python app.py flink run",
                )
            if gateway is not None and letters is not None:
                _stop(settings, gateway, settings.flink_rejected_name, letters, "--rejected --restore")
        if to_group:
            _bring_back(settings)


def _stop(settings: FlinkSettings, gateway: Gateway, name: str, job: Job, option: str) -> None:
    _begin_to_stop(settings, gateway, job)
    path = jobs.stop_once_it_runs(gateway, name, job)
    say(f"stopped; the savepoint is {path}")
    say(f"to continue from it, unless the job was to run --until-end: python app.py flink run {option} {path}")


def _end(settings: FlinkSettings, gateway: Gateway, job: Job) -> None:
    """Stop a job, or cancel it if it cannot take a savepoint, and wait for its end."""
    _begin_to_stop(settings, gateway, job)
    try:
        say(f"stopped; the savepoint is {jobs.stop(gateway, job)}, should the group not come back")
    except FlinkError as error:
        warn(f"{error.what}; the job is cancelled without a savepoint, which the group does not need")
        jobs.cancel(gateway, job)
    jobs.require_end(gateway, settings.flink_name, job.id)


def _begin_to_stop(settings: FlinkSettings, gateway: Gateway, job: Job) -> None:
    say(f"stopping job {job.id} …")
    for statement in kept_beside(settings, job.id):
        gateway.run(statement)


def _bring_back(settings: FlinkSettings) -> None:
    with bar(f"counting {settings.input_topic} again", None) as move:
        returned = bring_back(settings, move)
    sent = [
        *([numbered(returned.missing, "record") + " that Flink had not published"] if returned.missing else []),
        *([numbered(returned.dead_letters, "dead letter")] if returned.dead_letters else []),
    ]
    say(f"the group {settings.consumer_group_id} is back; published: {' and '.join(sent) or 'nothing'}")
    say("to continue: python app.py")
