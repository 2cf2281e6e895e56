"""The three ways to start a job: in topics of Flink's own, in those of a group that is handed over, for dead letters.

Each is checked as far as that is possible without Flink, which may have to be started first.
"""

from collections.abc import Callable
from typing import NamedTuple

from metrics.errors import SettingsError
from metrics.frames.flink import local_jobs, progress, rejected, topics
from metrics.frames.flink.progress import TopicOf
from metrics.frames.flink.script import Begin, restoring, statements
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.switch.handover import begin_again, require_own, require_ready
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
    """

    name: str
    work: str
    beginning: str
    statements: Callable[[], list[str]]
    published: Callable[[], list[str]]


def of_own(settings: FlinkSettings, restore: str | None, parallelism: int, *, until_end: bool) -> Start:
    """Return a start that writes into Flink's own topics.

    Args:
        restore: the savepoint to continue from; None for the beginning of the input, or the newest of a local Flink.

    Raises:
        SettingsError: the job has an end, and a savepoint.
        StateError: the group is handed over; or the topics hold records, and there is no savepoint.
        TopicError, BrokerError: as `topics.prepare`.
    """
    require_own(settings)
    restore = _newest(settings, restore, settings.flink_name, until_end=until_end)
    admin = open_admin(settings)
    created = topics.prepare(admin, settings)
    if restore is None:
        topics.require_empty(admin, settings, created)
    script = [*restoring(restore), *statements(settings, parallelism=parallelism, until_end=until_end)]
    return _counting(settings, restore or _BEGINNING, lambda: script, settings.flink_topic)


def of_rejected(settings: FlinkSettings, restore: str | None, parallelism: int, *, until_end: bool) -> Start:
    """Return a start of the job that writes dead letters.

    Args:
        restore: as for `of_own`.

    Raises:
        SettingsError: the job has an end, and a savepoint.
        StateError: the topic holds records, and there is no savepoint.
        TopicError, BrokerError: as `topics.prepare_rejected`.
    """
    name, topic = settings.flink_rejected_name, settings.flink_rejected_topic
    restore = _newest(settings, restore, name, until_end=until_end)
    admin = open_admin(settings)
    created = topics.prepare_rejected(admin, settings)
    if restore is None:
        topics.require_empty(admin, settings, created)
    before = [*local_jobs.rejected_kept_apart(settings), *restoring(restore)]
    script = [*before, *rejected.statements(settings, parallelism=parallelism, until_end=until_end)]
    work, beginning = f"looks for dead letters in {settings.input_topic}", restore or _BEGINNING
    return Start(name, work, beginning, lambda: script, lambda: [f"dead letters are in {topic}"])


def of_group(
    settings: FlinkSettings, restore: str | None, parallelism: int, hand_over: Callable[[], Begin], *, until_end: bool
) -> Start:
    """Return a start that continues the group's windows, in the application's topics.

    Args:
        restore: the savepoint of a job of the group to continue from; None to hand the group over.
        hand_over: hands the group over, once Flink is there, and returns where the job begins.

    Raises:
        SettingsError: the job has an end, and a savepoint; or as `require_ready`.
        FencedError, StateError, TopicError, BrokerError: as `require_ready`, or `begin_again`.
    """
    _require_endless(restore, until_end=until_end)
    if restore is None:
        require_ready(settings)
    begun = None if restore is None else begin_again(settings)

    def script() -> list[str]:
        before = [*local_jobs.group_kept_apart(settings), *restoring(restore)]
        return [*before, *statements(settings, begun or hand_over(), parallelism=parallelism)]

    return _counting(settings, restore or "where the group was", script, settings.topic_of)


def _counting(settings: FlinkSettings, beginning: str, script: Callable[[], list[str]], topic_of: TopicOf) -> Start:
    def published() -> list[str]:
        found = progress.look(settings, topic_of).published
        return [f"{at.topic}: {'none' if at.last is None else f'the last is {at.last.datetime}'}" for at in found]

    return Start(settings.flink_name, f"counts {settings.input_topic}", beginning, script, published)


def _newest(settings: FlinkSettings, restore: str | None, name: str, *, until_end: bool) -> str | None:
    """Return the savepoint to continue from; None for the beginning of the input."""
    restore = restore or local_jobs.newest_state(settings, name)
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
