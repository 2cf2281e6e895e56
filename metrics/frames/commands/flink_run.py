"""`flink run`: counts on Flink, until its end or Ctrl-C on a local one."""

from collections.abc import Callable
from threading import Event
from typing import Annotated, NamedTuple

import typer

from metrics.cli.reporting import stopping_on_signals
from metrics.cli.use_broker import use_broker
from metrics.errors import FlinkError, SettingsError
from metrics.frames.commands.flink_options import (
    Parallelism,
    Rejected,
    UntilEnd,
    group_kept_apart,
    local_folder,
    rejected_kept_apart,
    use_flink,
)
from metrics.frames.flink import jobs, progress, topics
from metrics.frames.flink import rejected as dead_letters
from metrics.frames.flink.gateway import Gateway
from metrics.frames.flink.jobs import Job
from metrics.frames.flink.progress import TopicOf
from metrics.frames.flink.script import restoring, statements
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.switch.handover import begin_again, hand_over, require_own
from metrics.kafka.clients import open_admin
from metrics.terminal.console import say, warn
from metrics.terminal.progress import bar
from metrics.text import numbered

_BEGINNING = "the beginning of the input"


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
    from_group: Annotated[
        bool,
        typer.Option(
            "--from-group",
            help="Continue where the main job has stopped, in its topics; flink stop --to-group is the way back.",
        ),
    ] = False,
    rejected: Rejected = False,
) -> None:
    """Count frames on Apache Flink: the records of the main job, byte for byte, into topics of their own.

    Without FLINK_URL it starts a local Flink with two task managers, and stops it at the end; Ctrl-C stops the job with
    a savepoint, and the next run continues from there. With FLINK_URL, the job runs on after this command, until
    `flink stop`.

    With --from-group, the main job must have stopped, and does not start again before `flink stop --to-group`.

    With --rejected, a second job writes the frames that are invalid to REJECTED_TOPIC with FLINK_TOPIC_SUFFIX, and
    nothing is counted. It has no state, so late frames are not among them. Run both, in any order, to have both.

    Example: `python app.py flink run --until-end`, then `python app.py flink verify`
    """
    if from_group and rejected:
        raise SettingsError("--from-group cannot be combined with --rejected", hint="run one after the other")
    with use_broker(FlinkSettings) as settings:
        if not from_group and not rejected:
            require_own(settings)
        with use_flink(settings, say) as gateway:
            name = settings.flink_rejected_name if rejected else settings.flink_name
            jobs.require_none_running(gateway, name)
            if rejected:
                start = _of_rejected(settings, _newest(settings, restore, name), parallelism, until_end=until_end)
            elif from_group:
                start = _of_group(settings, restore, parallelism, until_end=until_end)
            else:
                start = _of_own(settings, _newest(settings, restore, name), parallelism, until_end=until_end)
            _run(settings, gateway, start, parallelism, until_end=until_end)


class _Start(NamedTuple):
    """Start of a job.

    Attributes:
        work: what it does, in words.
        beginning: where it begins, in words.
        published: returns what it has published, in words.
    """

    name: str
    statements: list[str]
    work: str
    beginning: str
    published: Callable[[], list[str]]


def _of_group(settings: FlinkSettings, restore: str | None, parallelism: int, *, until_end: bool) -> _Start:
    """Return a start that continues the group's windows."""
    _require_endless(restore, until_end=until_end)
    if restore is not None:
        begin = begin_again(settings)
        statements_before = [*group_kept_apart(settings), *restoring(restore)]
    else:
        with bar(f"reading {settings.input_topic}", None) as move:
            begin, remarks = hand_over(settings, move, until_end=until_end)
        for remark in remarks:
            warn(remark)
        say(f"the group {settings.consumer_group_id} is handed over; back: python app.py flink stop --to-group")
        statements_before = group_kept_apart(settings)
    script = statements(settings, begin, parallelism=parallelism)
    statements_of = [*statements_before, *script]
    return _counting(settings, statements_of, restore or "where the group was", settings.topic_of)


def _of_own(settings: FlinkSettings, restore: str | None, parallelism: int, *, until_end: bool) -> _Start:
    """Return a start that writes into Flink's own topics, from a savepoint or the beginning of the input."""
    _require_endless(restore, until_end=until_end)
    admin = open_admin(settings)
    created = topics.prepare(admin, settings)
    if restore is None:
        topics.require_empty(admin, settings, created)
    script = statements(settings, parallelism=parallelism, until_end=until_end)
    return _counting(settings, [*restoring(restore), *script], restore or _BEGINNING, settings.flink_topic)


def _of_rejected(settings: FlinkSettings, restore: str | None, parallelism: int, *, until_end: bool) -> _Start:
    """Return a start of the job that writes dead letters."""
    _require_endless(restore, until_end=until_end)
    admin, topic = open_admin(settings), settings.flink_rejected_topic
    created = topics.prepare_rejected(admin, settings)
    if restore is None:
        topics.require_empty(admin, settings, created)
    script = dead_letters.statements(settings, parallelism=parallelism, until_end=until_end)
    before = [*rejected_kept_apart(settings), *restoring(restore)]
    work = f"looks for dead letters in {settings.input_topic}"
    name, beginning = settings.flink_rejected_name, restore or _BEGINNING
    return _Start(name, [*before, *script], work, beginning, lambda: [f"dead letters are in {topic}"])


def _counting(settings: FlinkSettings, statements_of: list[str], beginning: str, topic_of: TopicOf) -> _Start:
    def published() -> list[str]:
        found = progress.look(settings, topic_of).published
        return [f"{at.topic}: {'none' if at.last is None else f'the last is {at.last.datetime}'}" for at in found]

    return _Start(settings.flink_name, statements_of, f"counts {settings.input_topic}", beginning, published)


def _newest(settings: FlinkSettings, restore: str | None, name: str) -> str | None:
    """Return the savepoint to continue from; None for the beginning of the input."""
    if restore is None and settings.flink_url is None:
        from metrics.frames.flink import local_cluster  # noqa: PLC0415  # as in use_flink

        newest = local_cluster.newest_state(local_folder(settings), name)
        return None if newest is None else str(newest)
    return restore


def _require_endless(restore: str | None, *, until_end: bool) -> None:
    if restore is not None and until_end:
        raise SettingsError(
            "--until-end cannot be combined with a savepoint",
            why="Flink never ends a job with bounds that was restored (FLINK-31006)",
            hint="leave --until-end out, and stop the job with flink stop;\n"
            "or begin in other topics: FLINK_TOPIC_SUFFIX=-flink2",
        )


def _run(settings: FlinkSettings, gateway: Gateway, start: _Start, parallelism: int, *, until_end: bool) -> None:
    with stopping_on_signals() as stopping:
        job_id = jobs.start(gateway, start.statements)
        tasks = numbered(parallelism, "task")
        say(f"job {job_id} {start.work} from {start.beginning}, {tasks} side by side")
        if settings.flink_url is None or until_end:
            _follow(settings, gateway, job_id, start, stopping)
        else:
            say("it runs on; python app.py flink status shows how far it is, flink stop stops it")


def _follow(settings: FlinkSettings, gateway: Gateway, job_id: str, start: _Start, stopping: Event) -> None:
    total = sum(at.end for at in progress.partitions(settings, start.name))
    with bar(f"reading {settings.input_topic} on Flink", total) as move:

        def report(_: Job) -> None:
            move(total - sum(at.lag for at in progress.partitions(settings, start.name)))

        job = jobs.follow(gateway, start.name, job_id, stopping, report)
    if not job.has_ended():
        say(f"stopped; the savepoint is {jobs.stop(gateway, job)}")
    elif job.status != jobs.FINISHED:
        raise FlinkError(
            f"the job {job_id} has {job.status.lower()}",
            why=_failure(settings),
            hint="Flink's logs have its exceptions",
        )
    for line in start.published():
        say(line)


def _failure(settings: FlinkSettings) -> str:
    if settings.flink_url is not None:
        return ""
    from metrics.frames.flink import local_cluster  # noqa: PLC0415  # as in use_flink

    return local_cluster.failure(local_folder(settings))
