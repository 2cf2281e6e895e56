"""The three ways to start a job: in topics of Flink's own, in those of a group that is handed over, for dead letters.

Each is checked as far as that is possible without Flink, which may have to be started first.
"""

from collections.abc import Callable
from typing import NamedTuple

from metrics.errors import SettingsError
from metrics.frames.flink import local_jobs, progress, rejected, topics
from metrics.frames.flink.local_jobs import States
from metrics.frames.flink.progress import TopicOf
from metrics.frames.flink.script import Begin, restoring, statements
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.switch.handover import begin_again, require_ready
from metrics.frames.sizes import SIZES
from metrics.kafka.clients import open_admin

_BEGINNING = "the beginning of the input"


class Start(NamedTuple):
    """Start of a job that may begin once Flink is there.

    Attributes:
        name: of the job.
        work: what it does, in words.
        beginning: where it begins, in words.
        statements: returns the statements to run, the last of which starts the job.
        published: returns what it has published, in words.
        command: that starts such a job.
        after_cancel: what to do after it was cancelled without a savepoint, in words.
    """

    name: str
    work: str
    beginning: str
    statements: Callable[[], list[str]]
    published: Callable[[], list[str]]
    command: str
    after_cancel: str


def of_own(settings: FlinkSettings, restore: str | None, parallelism: int, *, until_end: bool) -> Start:
    """Return a start that writes into Flink's own topics.

    Args:
        restore: the savepoint to continue from; None for the beginning of the input, or the newest of a local Flink.

    Raises:
        SettingsError: the job has an end, and a savepoint.
        StateError: the topics hold records, and there is no savepoint; or it is an older one.
        TopicError, BrokerError: as `topics.prepare`.
    """
    _require_endless(restore, until_end=until_end)
    admin, command = open_admin(settings), "python app.py flink run"
    created = topics.prepare(admin, settings)
    states = local_jobs.states(settings, admin, settings.flink_name, created)
    restore = _newest(states, restore, until_end=until_end)
    if restore is None:
        topics.require_empty(admin, settings, created, command)
    apart = (states.of_ending() if until_end else states).kept_apart()
    script = [*apart, *restoring(restore), *statements(settings, parallelism=parallelism, until_end=until_end)]
    after_cancel = topics.other_topics(created, command)
    return _counting(settings, restore or _BEGINNING, lambda: script, settings.flink_topic, command, after_cancel)


def of_rejected(settings: FlinkSettings, restore: str | None, parallelism: int, *, until_end: bool) -> Start:
    """Return a start of the job that writes dead letters.

    Args:
        restore: as for `of_own`.

    Raises:
        SettingsError: the job has an end, and a savepoint.
        StateError: the topic holds records, and there is no savepoint; or it is an older one.
        TopicError, BrokerError: as `topics.prepare_rejected`.
    """
    name, topic, command = (
        settings.flink_rejected_name,
        settings.flink_rejected_topic,
        "python app.py flink run --rejected",
    )
    _require_endless(restore, until_end=until_end)
    admin = open_admin(settings)
    created = topics.prepare_rejected(admin, settings)
    states = local_jobs.states(settings, admin, name, created)
    restore = _newest(states, restore, until_end=until_end)
    if restore is None:
        topics.require_empty(admin, settings, created, command)
    apart = (states.of_ending() if until_end else states).kept_apart()
    script = [*apart, *restoring(restore), *rejected.statements(settings, parallelism=parallelism, until_end=until_end)]
    work, beginning = f"looks for dead letters in {settings.input_topic}", restore or _BEGINNING
    published = [f"dead letters are in {topic}"]
    after_cancel = topics.other_topics(created, command)
    return Start(name, work, beginning, lambda: script, lambda: published, command, after_cancel)


def of_group(
    settings: FlinkSettings, restore: str | None, parallelism: int, hand_over: Callable[[], Begin], *, until_end: bool
) -> Start:
    """Return a start that continues the group's windows, in the application's topics.

    Args:
        restore: the savepoint of a job of the group to continue from; None to hand the group over.
        hand_over: hands the group over, once Flink is there, and returns where the job begins.

    Raises:
        SettingsError: the job has an end, and a savepoint; or as `require_ready`.
        StateError: the savepoint is an older one, or of an earlier handover; or as `begin_again`.
        FencedError, TopicError, BrokerError: as `require_ready`, or `begin_again`.
    """
    _require_endless(restore, until_end=until_end)
    if restore is None:
        require_ready(settings)
    begun = None if restore is None else begin_again(settings)
    outputs = [settings.topic_of(size) for size in SIZES]

    def states(begin: Begin) -> States:
        return local_jobs.states(settings, open_admin(settings), settings.flink_name, outputs, begin)

    if restore is not None and begun is not None:
        states(begun).require_newest(restore)

    def script() -> list[str]:
        begin = begun or hand_over()
        before = [*states(begin).kept_apart(), *restoring(restore)]
        return [*before, *statements(settings, begin, parallelism=parallelism)]

    command = "python app.py flink run --from-group"
    after_cancel = f"to continue: {command}\nor bring the group back: python app.py flink stop --to-group"
    return _counting(settings, restore or "where the group was", script, settings.topic_of, command, after_cancel)


def _counting(
    settings: FlinkSettings,
    beginning: str,
    script: Callable[[], list[str]],
    topic_of: TopicOf,
    command: str,
    after_cancel: str,
) -> Start:
    def published() -> list[str]:
        found = progress.look(settings, topic_of).published
        return [f"{at.topic}: {'none' if at.last is None else f'the last is {at.last.datetime}'}" for at in found]

    work = f"counts {settings.input_topic}"
    return Start(settings.flink_name, work, beginning, script, published, command, after_cancel)


def _newest(states: States, restore: str | None, *, until_end: bool) -> str | None:
    """Return the savepoint to continue from, the newest of its job; None for the beginning of the input."""
    if restore is None:
        restore = states.newest()
    else:
        states.require_newest(restore)
    _require_endless(restore, until_end=until_end)
    return restore


def _require_endless(restore: str | None, *, until_end: bool) -> None:
    if restore is not None and until_end:
        raise SettingsError(
            f"--until-end cannot be combined with the savepoint {restore}",
            why="Flink never ends a job with bounds that was restored (FLINK-31006)",
            hint="leave --until-end out, and stop the job with flink stop;\n"
            "or begin in other topics: FLINK_TOPIC_SUFFIX=-flink2",
        )
