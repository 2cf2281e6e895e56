"""The three ways to start a job: in topics of Flink's own, in those of a group that is handed over, for dead letters.

Each is checked as far as that is possible without Flink, which may have to be started first.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from confluent_kafka.admin import AdminClient

from metrics.frames import topics_in_use
from metrics.frames.flink import local_jobs, progress, rejected, topics
from metrics.frames.flink.local_jobs import States
from metrics.frames.flink.script import Begin, restoring, statements
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.switch.handover import begin_again, require_ready
from metrics.frames.sizes import SIZES
from metrics.kafka.clients import open_admin
from metrics.kafka.offsets import first_with_records, offset_ranges
from metrics.kafka.topics import partition_counts
from metrics.wording.errors import SettingsError

_BEGINNING = "the beginning of the input"


class Script(NamedTuple):
    """Statements that start a job, and what its end is judged by.

    Attributes:
        statements: the last one starts it.
        ends: the offset of each partition at which it ends; empty if it does not end with the input.
        states: where its savepoints are.
        newest: of these before it starts.
    """

    statements: list[str]
    ends: Mapping[int, int]
    states: States
    newest: str | None

    def savepoint(self) -> str | None:
        """Return the savepoint with which another command has stopped the job; None if none has, or with FLINK_URL."""
        newest = self.states.newest()
        has_stopped = newest is not None and newest != self.newest and Path(newest).name.startswith("savepoint-")
        return newest if has_stopped else None


class Start(NamedTuple):
    """Start of a job that may begin once Flink is there.

    Attributes:
        name: of the job.
        progress_group: the consumer group that shows how far it has read.
        topics: that it writes into.
        work: what it does, in words.
        beginning: where it begins, in words.
        script: returns the statements to run; called right before.
        published: returns what it has published, in words.
        command: that starts such a job.
        after_cancel: what to do after it was cancelled without a savepoint, in words.
    """

    name: str
    progress_group: str
    topics: list[str]
    work: str
    beginning: str
    script: Callable[[], Script]
    published: Callable[[], list[str]]
    command: str
    after_cancel: str


def of_own(settings: FlinkSettings, restore: str | None, parallelism: int, *, until_end: bool) -> Start:
    """Return a start that writes into Flink's own topics.

    Args:
        restore: the savepoint to continue from; None for the beginning of the input, or the newest of a local Flink.

    Raises:
        SettingsError: the job has an end, and a savepoint; or as `local_jobs.restorable`.
        FileError: as `local_jobs.restorable`.
        StateError: the topics hold records, and there is no savepoint; or it is an older one.
        TopicError, BrokerError: as `topics.prepare`.
    """
    restore = _given(settings, restore, until_end=until_end)
    admin, command = open_admin(settings), _command("python app.py flink run", until_end=until_end)
    created = topics.prepare(admin, settings)
    states = local_jobs.states(settings, admin, settings.flink_name, created)
    restore = _newest(states, restore, until_end=until_end)
    if restore is None:
        topics.require_empty(admin, settings, created, command, until_end=until_end)
    ends = _ends(admin, settings, until_end=until_end)
    counted = statements(settings, parallelism=parallelism, until_end=until_end, ends=ends)
    group = settings.progress_group(is_of_group=False)
    script = partial(_script, settings, group, states, restore, counted, ends, until_end=until_end)
    after_cancel = topics.other_topics(created, command)
    return _counting(settings, restore or _BEGINNING, script, command, after_cancel, is_of_group=False)


def of_rejected(settings: FlinkSettings, restore: str | None, parallelism: int, *, until_end: bool) -> Start:
    """Return a start of the job that writes dead letters.

    Args:
        restore: as for `of_own`.

    Raises:
        SettingsError: the job has an end, and a savepoint; or as `local_jobs.restorable`.
        FileError: as `local_jobs.restorable`.
        StateError: the topic holds records, and there is no savepoint; or it is an older one.
        TopicError, BrokerError: as `topics.prepare_rejected`.
    """
    name, topic = settings.flink_rejected_name, settings.flink_rejected_topic
    command = _command("python app.py flink run --rejected", until_end=until_end)
    restore = _given(settings, restore, until_end=until_end)
    admin = open_admin(settings)
    created = topics.prepare_rejected(admin, settings)
    states = local_jobs.states(settings, admin, name, created)
    restore = _newest(states, restore, until_end=until_end)
    if restore is None:
        topics.require_empty(admin, settings, created, command, until_end=until_end)
    ends = _ends(admin, settings, until_end=until_end)
    looked = rejected.statements(settings, parallelism=parallelism, until_end=until_end, ends=ends)
    script = partial(_script, settings, name, states, restore, looked, ends, until_end=until_end)
    work, beginning = f"looks for dead letters in {settings.input_topic}", restore or _BEGINNING

    def published() -> list[str]:
        admin = open_admin(settings)
        found = first_with_records(admin, settings, {topic: partition_counts(admin).get(topic, 0)})
        return [f"dead letters are in {topic}" if found else f"{topic}: no dead letters"]

    after_cancel = topics.other_topics(created, command)
    return Start(name, name, [topic], work, beginning, script, published, command, after_cancel)


def of_group(
    settings: FlinkSettings, restore: str | None, parallelism: int, hand_over: Callable[[], Begin], *, until_end: bool
) -> Start:
    """Return a start that continues the group's windows, in the application's topics.

    Args:
        restore: the savepoint of a job of the group to continue from; None to hand the group over.
        hand_over: hands the group over, once Flink is there, and returns where the job begins.

    Raises:
        SettingsError: the job has an end, and a savepoint; or as `local_jobs.restorable`, or `require_ready`.
        FileError: as `local_jobs.restorable`.
        StateError: the savepoint is an older one, or of an earlier handover; or as `begin_again`.
        FencedError, TopicError, BrokerError: as `require_ready`, or `begin_again`.
    """
    restore = _given(settings, restore, until_end=until_end, is_of_group=True)
    if restore is None:
        require_ready(settings)
    begun = None if restore is None else begin_again(settings)
    outputs = [settings.topic_of(size) for size in SIZES]

    def states(begin: Begin) -> States:
        return local_jobs.states(settings, open_admin(settings), settings.flink_name, outputs, begin)

    if restore is not None and begun is not None:
        states(begun).require_newest(restore)

    def script() -> Script:
        begin = begun or hand_over()
        counted = statements(settings, begin, parallelism=parallelism)
        group = settings.progress_group(is_of_group=True)
        return _script(settings, group, states(begin), restore, counted, begin.ends, until_end=False)

    command = "python app.py flink run --from-group"
    after_cancel = f"to continue: {command}\nor bring the group back: python app.py flink stop --to-group"
    return _counting(settings, restore or "where the group was", script, command, after_cancel, is_of_group=True)


def _counting(
    settings: FlinkSettings,
    beginning: str,
    script: Callable[[], Script],
    command: str,
    after_cancel: str,
    *,
    is_of_group: bool,
) -> Start:
    def published() -> list[str]:
        found = progress.look(settings, is_of_group=is_of_group).published
        return [f"{at.topic}: {'none' if at.last is None else f'the last is {at.last.datetime}'}" for at in found]

    work = f"counts {settings.input_topic}"
    topic_of = settings.topic_of if is_of_group else settings.flink_topic
    outputs, group = [topic_of(size) for size in SIZES], settings.progress_group(is_of_group=is_of_group)
    return Start(settings.flink_name, group, outputs, work, beginning, script, published, command, after_cancel)


def _script(
    settings: FlinkSettings,
    progress_group: str,
    states: States,
    restore: str | None,
    statements: list[str],
    ends: Mapping[int, int],
    *,
    until_end: bool,
) -> Script:
    if restore is None:
        progress.note_beginning(settings, progress_group)
    kept = states.of_ending() if until_end else states
    return Script([*kept.kept_apart(), *restoring(restore), *statements], ends, kept, kept.newest())


def _ends(admin: AdminClient, settings: FlinkSettings, *, until_end: bool) -> dict[int, int]:
    """Return the present end of each partition of the input, if the job ends there."""
    if not until_end:
        return {}
    topic, partitions = settings.input_topic, topics_in_use.input_partitions(admin, settings)
    return {number: at.high for number, at in offset_ranges(admin, topic, partitions).items()}


def _command(command: str, *, until_end: bool) -> str:
    return f"{command} --until-end" if until_end else command


def _given(settings: FlinkSettings, restore: str | None, *, until_end: bool, is_of_group: bool = False) -> str | None:
    """Return the given savepoint or checkpoint as Flink takes it; None if none is given."""
    _require_endless(restore, until_end=until_end, is_of_group=is_of_group)
    return None if restore is None else local_jobs.restorable(settings, restore)


def _newest(states: States, restore: str | None, *, until_end: bool) -> str | None:
    """Return the savepoint to continue from, the newest of its job; None for the beginning of the input."""
    if restore is None:
        restore = states.newest()
    else:
        states.require_newest(restore)
    _require_endless(restore, until_end=until_end)
    return restore


def _require_endless(restore: str | None, *, until_end: bool, is_of_group: bool = False) -> None:
    if restore is not None and until_end:
        raise SettingsError(
            f"--until-end cannot be combined with the savepoint {restore}",
            why="Flink never ends a job with bounds that was restored (FLINK-31006)",
            hint="leave --until-end out, and stop the job with flink stop;\n"
            + ("or leave --restore out" if is_of_group else "or begin in other topics: FLINK_TOPIC_SUFFIX=-flink2"),
        )
