"""`flink status`: shows the job, and how far it is."""

from typing import Annotated

import msgspec
import typer

from metrics.cli.use_broker import use_broker
from metrics.frames.commands.flink_options import use_running_flink
from metrics.frames.flink import jobs, local_jobs, progress
from metrics.frames.flink.jobs import Job
from metrics.frames.flink.progress import Progress
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.switch.handover import is_handed_over
from metrics.terminal.console import note, say, say_lines, warn
from metrics.terminal.tables import new_table, say_table


def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the jobs on Flink, how far they have read, and what the one that counts has published; read-only.

    What it has read is known as of its last checkpoint.

    Example: `python app.py flink status`
    """
    with use_broker(FlinkSettings, note) as settings, use_running_flink(settings) as gateway:
        found = [] if gateway is None else jobs.jobs_named(gateway, settings.flink_name)
        letters = [] if gateway is None else jobs.jobs_named(gateway, settings.flink_rejected_name)
        seen = progress.look(settings, is_of_group=is_handed_over(settings))
        letters_read = progress.partitions(settings, settings.flink_rejected_name) if letters else []
        ended = {} if gateway is None else local_jobs.ended_task_managers(settings)
    for name, cause in ended.items():
        warn(f"the local Flink's {name} has ended ({cause})")
    job = found[0] if found else None
    if as_json:
        jobs_seen = {"job": job and job._asdict(), "rejected_job": letters[0]._asdict() if letters else None}
        read = {**msgspec.to_builtins(seen), "rejected_partitions": msgspec.to_builtins(letters_read)}
        facts = {"name": settings.flink_name, **jobs_seen, **read}
        say_lines([msgspec.json.encode(facts).decode()])
        return
    _show(settings, job, seen, is_running=gateway is not None)
    if letters:
        say("")
        say(f"dead letters  {settings.flink_rejected_name}: {_state(letters[0])}")
        say(f"              {sum(at.lag for at in letters_read):,} frames behind, as of its last checkpoint")


def _show(settings: FlinkSettings, job: Job | None, seen: Progress, *, is_running: bool) -> None:
    state = _state(job) if job else "not on this Flink"
    say(f"job        {settings.flink_name}: {state if is_running else 'no local Flink runs'}")
    say(f"input      {settings.input_topic}: {seen.lag:,} frames behind, as of the last checkpoint")
    for at in seen.published:
        say(f"published  {at.topic}: {'none yet' if at.last is None else f'through {at.last.datetime}'}")
    say("")
    table = new_table("partition", "position", "end", "lag")
    for part in seen.partitions:
        position = "" if part.position is None else f"{part.position:,}"
        table.add_row(f"{part.partition}", position, f"{part.end:,}", f"{part.lag:,}")
    say_table(table)


def _state(job: Job) -> str:
    return f"{job.status.lower()} (job {job.id}, since {job.began_at})"
